// Work that follows itself on some of the GPUs, and waits for what other lanes do.
//
// A pipeline stage is a lane: a list of pieces, each a fragment that is built when its turn comes,
// or a wait for signals. Signals are per GPU: a GPU of a stage goes on when its own input is there.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "sim/engine/engine.hpp"

namespace moesim {

// Something that has come about on a GPU.
struct Signal {
  enum Kind {
    kActivation,  // input of a forward pass
    kGradient,    // and of a backward pass
    kSlot,        // a micro-batch of the step before has left the pipeline
    kLayer,       // the gradients of a layer's weights are complete
    kNorm,        // and those of all layers of all stages are reduced
    kUpdated,     // the weights are those of the next step
  };
  Kind kind = kActivation;
  int step = 0;
  int index = 0;  // micro-batch or layer
  int chunk = 0;
  auto operator<=>(const Signal&) const = default;
};

struct Piece {
  // A fragment; without nodes it is passed over. Or, without this, a wait for signals.
  std::function<TaskGraph()> build = {};
  std::vector<Signal> wait = {};
  // Told when the fragment's last node has ended on one of the lane's GPUs. Of a fragment of
  // transfers to `targets` [nodes]: when each has arrived there.
  std::function<void(GpuId)> passed = {};
  std::vector<GpuId> targets = {};
  std::function<void(Seconds)> ended = {};  // on all GPUs
};

class Lane final : public Producer {
 public:
  // Of the GPUs `own`, ascending. `more` gives what comes next, some pieces at a time; none: the
  // lane is at its end.
  Lane(std::vector<GpuId> own, Engine& engine, std::function<std::vector<Piece>()> more,
       std::function<void(const Span&)> hear);

  // A signal reaches one of the lane's GPUs; once for each.
  void arrived(const Signal& signal, GpuId gpu);
  bool has(GpuId gpu) const { return std::binary_search(own_.begin(), own_.end(), gpu); }
  const std::vector<GpuId>& own() const { return own_; }

  std::optional<TaskGraph> next() override;
  void done(int fragment, int node, GpuId gpu, Seconds time) override;
  void fragment_done(int fragment, Seconds time) override;
  void span(const Span& span) override;

 private:
  struct Given {
    int last_node = 0;
    Piece piece;
  };
  struct Held {
    int fragment = 0, node = 0;
    int gpus = 0;  // that are still to come
  };
  std::optional<Piece> take();
  TaskGraph hold(const std::vector<Signal>& signals);

  std::vector<GpuId> own_;
  Engine& engine_;
  std::function<std::vector<Piece>()> more_;
  std::function<void(const Span&)> hear_;
  std::deque<Piece> queue_;
  std::map<int, Given> alive_;  // by fragment
  int given_ = 0;               // fragments
  // The next fragment is built when one of the lane's own GPUs is in the last one: others have
  // nothing to do in any of them, and would run through all.
  bool due_ = true;
  std::map<Signal, Held> held_;
  std::map<Signal, std::vector<GpuId>> early_;  // GPUs that a signal has reached before its wait
};

}  // namespace moesim
