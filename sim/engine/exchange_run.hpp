// One exchange under way: when each GPU may send what, and when it has what it waits for.
//
// On each GPU: ready → [its group is ready → notify →] start-up → its rows leave, leg by leg, and
// its self traffic is there. It ends when it has started and `wait_for` is met: every leg has
// arrived on it (`kOwn`), on those of its group on its node (`kNode`), or on its whole group
// (`kAll`). A leg has arrived on a GPU
// when its column has, and, with cut-through, when the leg before has arrived on everybody who
// forwards to it. With signals, the GPU also waits for start + latency of every GPU that has
// nothing for it. SMs are held from notify or start-up until the GPU has ended and all it sends has
// left.
#pragma once

#include <vector>

#include "sim/engine/activity.hpp"
#include "sim/engine/network.hpp"
#include "sim/engine/streams.hpp"

namespace moesim {

class ExchangeListener {
 public:
  virtual ~ExchangeListener() = default;
  virtual void exchange_ended(const Task& task) = 0;
  // A stretch of time in which the GPU was busy with the exchange; told no later than the last end.
  virtual void exchange_active(const Task& task, Seconds begin, Seconds end) = 0;
};

class ExchangeRun final : public LegListener, public EventHandler {
 public:
  ExchangeRun(const Cluster& cluster, Clock& clock, Network& network, Streams& streams,
              ExchangeListener& listener);

  // `exchange` must live until finished(). The GPU of `task` is of no meaning.
  void begin(const Exchange& exchange, const Task& task);
  void ready(GpuId gpu);
  // Ended on all GPUs, and nothing will be told any more.
  bool finished() const { return released_ == gpus_.size(); }
  // For a message about work that never ended.
  std::string waiting_for() const;

  void sent(int leg, GpuId source) final;
  void received(int leg, GpuId target) final;
  void flows_began(GpuId source, std::span<const GpuId> targets, Seconds date) final;
  void flow_ended(GpuId source, GpuId target, Seconds date) final;
  void handle(const Event& event) final;

 private:
  enum Kind { kStarted, kSignalled };

  struct Gpu {
    bool started = false;
    bool complete = false;  // started, and all that is for it has arrived
    bool ended = false;     // what it waits for is complete
    int legs_to_receive = 0;
    int legs_to_send = 0;  // not told as sent
    int signals = 0;       // still to come
    Seconds last_signal;
    int group = -1;  // −1: none
  };
  struct Group {
    std::vector<GpuId> members;
    std::size_t ready = 0, complete = 0;  // members
  };
  struct LegState {
    int handle = -1;
    // [gpus] What is missing for the leg to have arrived: its column, and with cut-through the leg
    // before on each GPU that forwards.
    IdVector<GpuId, int> missing;
  };

  int legs() const { return static_cast<int>(exchange_->legs.size()); }
  Group& group_of(GpuId gpu) { return groups_[static_cast<std::size_t>(gpus_[gpu].group)]; }
  void form_groups();
  bool cut_through() const { return exchange_->coupling == Coupling::kCutThrough; }
  void open_legs();
  void expect_signals();
  void launch(GpuId gpu);
  void start(GpuId gpu);
  void signal_from(GpuId source);
  void arrived_one(int leg, GpuId target);
  void leg_arrived(int leg, GpuId gpu);
  void check_complete(GpuId gpu);
  void end(GpuId gpu);
  void end_node(GpuId gpu);
  void check_released(GpuId gpu);
  void release_one();
  Task task_on(GpuId gpu) const { return {task_.fragment, task_.node, gpu}; }

  const Cluster& cluster_;
  Clock& clock_;
  Network& network_;
  Streams& streams_;
  ExchangeListener& listener_;
  Activity::Tell tell_active_;

  const Exchange* exchange_ = nullptr;
  Task task_;
  bool open_ = false;
  std::size_t released_ = 0;  // GPUs
  std::vector<Group> groups_;
  std::vector<LegState> legs_;
  IdVector<GpuId, Gpu> gpus_;
  Activity activity_;
};

}  // namespace moesim
