// FasterMoE's topology gate (He et al. 2022; policies.md 1.13): few tokens may leave their node.
//
// Of a source's tokens whose best expert is on another node, only a share of the batch may go
// there; where more want to, those with the largest logits keep that expert, as their second, and
// everything else is top-2 among the experts of the node. An expert with a copy on the node counts
// as there, which is what shadowing does. Two experts a token, whatever the model's k.
#include <algorithm>
#include <limits>
#include <numeric>

#include "sim/gate/logit_gate.hpp"
#include "sim/gate/top_k.hpp"

namespace moesim {
namespace {

// Whether each expert has a copy on the node of each GPU, [gpus][experts].
class NodeExperts {
 public:
  NodeExperts(const GateRequest& request, int node_gpus) : request_(request), size_(node_gpus) {}

  std::vector<bool> near(GpuId source) const {
    const LayerPlacement& placement = *request_.placement;
    std::vector<bool> near(static_cast<std::size_t>(placement.experts()));
    for (const ExpertId expert : placement.slots_of.ids())
      for (const SlotId slot : placement.slots_of[expert])
        if (same_node(placement.gpu_of(slot), source)) near[expert.index()] = true;
    return near;
  }

 private:
  bool same_node(GpuId a, GpuId b) const {
    if (size_ > 0) return a.value / size_ == b.value / size_;
    return request_.cluster == nullptr || request_.cluster->same_node(a, b);
  }

  const GateRequest& request_;
  int size_ = 0;
};

class FasterMoeTopology final : public LogitGate {
 public:
  explicit FasterMoeTopology(const Arguments& arguments)
      : LogitGate(arguments),
        fraction_(arguments.number("fraction")),
        node_gpus_(arguments.has("node_gpus") ? arguments.integer("node_gpus") : 0) {}

 private:
  Gating choose(const GateInput& input, std::vector<float>&) const override {
    Gating gating = topk_then_softmax(input.logits, 2);
    const NodeExperts nodes(input.request, node_gpus_);
    const std::vector<int>& first = input.routing.first_token;
    for (std::size_t gpu = 0; gpu + 1 < first.size(); ++gpu)
      keep_near(gating, input.logits, nodes.near(GpuId(gpu)), first[gpu], first[gpu + 1]);
    return gating;
  }

  void keep_near(Gating& gating, const Logits& logits, const std::vector<bool>& near, int first,
                 int end) const {
    std::vector<int> leaving;
    for (int token = first; token < end; ++token)
      if (!near[static_cast<std::size_t>(gating.ids_of(token)[0])]) leaving.push_back(token);
    const auto most = static_cast<std::size_t>(fraction_ * (end - first));
    if (leaving.size() < most || leaving.empty()) return;
    const auto best = [&](int token) {
      return logits.of(token)[static_cast<std::size_t>(gating.ids_of(token)[0])];
    };
    std::stable_sort(leaving.begin(), leaving.end(),
                     [&](int a, int b) { return best(a) > best(b); });
    leaving.resize(most);
    std::sort(leaving.begin(), leaving.end());
    std::vector<float> local(near.size());
    for (int token = first; token < end; ++token) {
      const auto ids = gating.ids_of(token);
      const std::int16_t wanted = ids[0];
      for (std::size_t e = 0; e < near.size(); ++e)
        local[e] = near[e] ? logits.of(token)[e] : kNever;
      choose_top(local, ids);
      if (std::binary_search(leaving.begin(), leaving.end(), token)) ids[1] = wanted;
      weigh_chosen(logits, token, gating);
    }
  }

  double fraction_ = 0;
  int node_gpus_ = 0;
};

const Register<Gate, FasterMoeTopology> kFasterMoeTopology{
    {.name = "fastermoe_topology",
     .summary = "top-2 inside the node, but for a share of the tokens",
     .source = "FasterMoE (laekov/fastmoe); policies.md 1.13",
     .parameters = with_common(
         {{.name = "fraction",
           .type = ParameterType::kNumber,
           .doc = "share of a source's tokens that may go to another node, where more want to",
           .fallback = "0.14",
           .minimum = 0,
           .maximum = 1},
          {.name = "node_gpus",
           .type = ParameterType::kInteger,
           .doc = "GPUs of a node; default: the cluster's nodes",
           .minimum = 1}})}};

}  // namespace
}  // namespace moesim
