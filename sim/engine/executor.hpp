// Engine::Core: runs the fragments of all producers on the streams and the network.
//
// What an event makes ready is put on a list and worked off before the clock moves on, so that a
// chain of nodes that take no time does not become a chain of calls, and a fragment is not recycled
// under the feet of whoever ended it.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "sim/engine/engine.hpp"
#include "sim/engine/exchange_run.hpp"
#include "sim/engine/fragment_run.hpp"
#include "sim/engine/network.hpp"
#include "sim/engine/platform.hpp"
#include "sim/engine/streams.hpp"

namespace moesim {

struct ProducerRun {
  Producer* producer = nullptr;
  GpuPart part;                    // that the producer knows
  bool exhausted = false;          // next() gave nothing
  int given = 0;                   // fragments so far
  std::deque<FragmentRun*> alive;  // the fragments given − alive.size() .. given − 1
  IdVector<GpuId, int> current;    // the fragment each GPU is in
};

class Engine::Core final : public KernelListener, public ExchangeListener, public EventHandler {
 public:
  Core(const Cluster& cluster, const NetworkOptions& options);

  void add(Producer& producer) { add(producer, {GpuId(0), cluster_.gpus()}); }
  void add(Producer& producer, GpuPart part);
  void wake(Producer& producer);
  void release(const Producer& producer, int fragment, int node, GpuId gpu);
  Seconds run();
  Seconds now() const { return clock_.now(); }
  void change_network(const NetworkOptions& options);
  const LinkUses& link_uses() const { return network_->link_uses(); }

  void kernel_ended(const Task& task, int stream, Seconds begin) final;
  void exchange_ended(const Task& task) final { ended_.push_back(task); }
  void exchange_active(const Task& task, Seconds begin, Seconds end) final;
  void handle(const Event& event) final;  // a transfer has arrived

 private:
  FragmentRun& fragment_of(ProducerRun& run, int number) const;
  void fetch(ProducerRun& run);
  FragmentRun& take_fragment();
  ExchangeRun& take_exchange();
  void settle();
  void enter(ProducerRun& run, GpuId gpu);
  void begin(ProducerRun& run, GpuId gpu);
  void start(const Task& task);
  void start_transfer(const Task& task, const Transfer& transfer);
  void start_hold(const Task& task);
  void transfer_arrived(FragmentRun& fragment, int node);
  void pass(const Task& task);
  void leave(FragmentRun& fragment, GpuId gpu);
  void recycle(FragmentRun& fragment);
  void tell_span(const Task& task, int stream, Seconds begin, Seconds end);
  void check_done() const;

  const Cluster& cluster_;
  Platform platform_;
  Clock clock_;
  std::unique_ptr<Network> network_;
  std::vector<std::unique_ptr<Network>> former_networks_;  // SimGrid may still ask their models
  Streams streams_;
  std::vector<std::unique_ptr<ProducerRun>> producers_;
  std::size_t entered_ = 0;  // producers whose GPUs have entered their first fragment

  std::vector<Task> ready_, ended_;
  std::vector<std::unique_ptr<FragmentRun>> fragments_;
  std::vector<FragmentRun*> free_fragments_;
  std::vector<std::unique_ptr<ExchangeRun>> exchanges_;
  std::vector<ExchangeRun*> free_exchanges_;
  std::vector<Task> transfers_;      // under way, by the slot their event names
  std::vector<int> free_transfers_;  // slots
};

}  // namespace moesim
