// The KV cache of prompts on its way from the GPUs that computed it to those that decode.
//
// Layer by layer, beside the layers that follow. Requests go to all GPUs that decode alike, so a
// GPU sends each of them on its own rail the same share (the rank that will have a request is not
// known to the step).
#pragma once

#include <functional>
#include <vector>

#include "sim/engine/engine.hpp"
#include "sim/model/grid.hpp"
#include "sim/model/moe_model.hpp"
#include "sim/model/sequence.hpp"

namespace moesim {

struct KvRoute {
  GpuPart from, to;  // of the cluster
  int gpus_per_node = 8;
};

class KvSends final : public Producer {
 public:
  // `cluster` has both parts.
  KvSends(Engine& engine, const Cluster& cluster, KvRoute route);

  // `span` hears of the flows of the senders, counted from route.from.
  void listen(std::function<void(const Span&)> span) { span_ = std::move(span); }

  // What the prompts of a step add to the cache: bytes of each sender [senders], in each of
  // `layers`.
  void begin(const IdVector<GpuId, double>& bytes_per_layer, int layers, int step);
  // A layer's attention has ended on a GPU: its cache leaves. Said again, it changes nothing.
  void layer_done(int layer, GpuId sender);
  bool any() const { return !senders_.empty(); }
  // Of what was begun last.
  Seconds arrived() const { return arrived_; }

  std::optional<TaskGraph> next() override;
  void done(int, int, GpuId, Seconds) override {}
  void fragment_done(int, Seconds time) override { arrived_ = time; }
  void span(const Span& span) override;

 private:
  Exchange layer_exchange(const IdVector<GpuId, double>& bytes) const;

  Engine& engine_;
  const Cluster& cluster_;
  KvRoute route_;
  std::function<void(const Span&)> span_;
  std::optional<TaskGraph> waiting_;
  std::vector<GpuId> senders_;  // with something to send, counted from route_.from
  std::vector<char> left_;      // [layers × GPUs of the part]: nothing is held any more
  int given_ = 0;               // fragments
  Seconds arrived_;
};

}  // namespace moesim
