// Runs task graphs on a cluster: the clock, the GPUs' streams and the network.
//
// SimGrid is the engine underneath (sim/engine is its only user). One engine per process: SimGrid's
// clock and model tables are static, so each variant runs in a child of its own.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/model/cluster.hpp"
#include "sim/model/network.hpp"
#include "sim/model/task_graph.hpp"

namespace moesim {

// A stretch of time on one GPU: a kernel on a stream, or (stream −1) the time in which the GPU has
// at least one active flow, start-up or notify of a phase.
struct Span {
  GpuId gpu;
  int stream = 0;
  Phase phase = Phase::kWait;
  Seconds begin, end;
  int step = 0, layer = -1;
  int pass = 0;                        // as of a LayerPass
  const std::string* label = nullptr;  // valid during the call
};

// Gives work to the engine and hears how it went. All calls come in the order of simulated time.
class Producer {
 public:
  virtual ~Producer() = default;
  // The next fragment, or nothing when there is no work (until Engine::wake). Asked for as soon as
  // the first GPU enters the last fragment that was given, so that about two fragments are alive.
  virtual std::optional<TaskGraph> next() = 0;
  // (node of a fragment, gpu) has ended. `fragment` counts this producer's fragments from 0.
  virtual void done(int fragment, int node, GpuId gpu, Seconds time) = 0;
  // All exits of a fragment have ended on all GPUs.
  virtual void fragment_done(int fragment, Seconds time) = 0;
  virtual void span(const Span& span) = 0;
};

// GPUs that follow each other.
struct GpuPart {
  GpuId first;
  int gpus = 0;
};

// Of one phase.
struct LinkUse {
  IdVector<LinkId, double> bytes;       // payload bytes carried
  IdVector<LinkId, double> wire_bytes;  // with the exchange libraries' inflation
  double spine_bytes = 0;               // payload between leaves, also where no spine link is full
};
using LinkUses = std::array<LinkUse, kPhases>;

class Engine {
 public:
  // Throws InputError where the fidelity is refused for this many GPUs.
  Engine(const Cluster& cluster, const NetworkOptions& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void add(Producer& producer);
  // A producer that knows a part of the cluster only: it counts that part's GPUs from 0.
  void add(Producer& producer, GpuPart part);
  // A producer that was added has work again. May be called from a producer.
  void wake(Producer& producer);
  // Lets `gpu` pass a Hold of a fragment that the producer gave and that has not ended, whether it
  // stands there already or not; once for each GPU that it holds. Called from a producer.
  void release(const Producer& producer, int fragment, int node, GpuId gpu);
  // Runs until every producer is done; the simulated time that took. May be called again after
  // another producer was added; spans and times of that run go on from the clock where the last one
  // ended.
  Seconds run();
  Seconds now() const;  // of the clock
  // Between two runs: what comes has this fidelity and tolerance, and link uses start anew. Not
  // from or to `pairwise`.
  void change_network(const NetworkOptions& options);
  // Of the run so far.
  const LinkUses& link_uses() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace moesim
