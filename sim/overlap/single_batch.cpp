// Single-batch overlap: the tokens of a step stay together, and what experts have finished is
// combined while others are still at their down projection (policies.md 4.4).
//
// The experts' kernels are cut in two, up and down; the down projection and the combine in blocks
// of local experts. A block's results leave when its down projection has ended, and the blocks
// follow each other on the communication stream; only the first pays for the start of the combine,
// and sending takes some SMs from the projections that still run. Blocks are taken as equally
// large: which expert is in which block is not known here. The shared experts run while the tokens
// are dispatched.
#include <algorithm>

#include "sim/overlap/layer_head.hpp"

namespace moesim {
namespace {

Compute share_of(const Compute& kernels, double share) {
  Compute part = kernels;
  for (KernelTime& time : part.time) {
    time.compute *= share;
    time.memory *= share;
  }
  return part;
}

// Block `block` of an exchange in so many.
Exchange block_of(const Exchange& whole, int block, int blocks, int sms) {
  Exchange part = whole;
  for (ExchangeLeg& leg : part.legs)
    for (double& bytes : leg.bytes.raw()) bytes /= blocks;
  part.sms = block == 0 ? std::max(whole.sms, sms) : 0;
  part.signals = whole.signals && block == blocks - 1;
  if (block == 0) return part;
  part.start_up = part.notify = Seconds(0);
  part.rendezvous = false;
  return part;
}

class SingleBatch final : public Overlap {
 public:
  explicit SingleBatch(const Arguments& arguments)
      : blocks_(arguments.integer("blocks")),
        down_(arguments.number("down_share")),
        sms_(arguments.integer("sms")) {}

  TaskGraph build(std::vector<LayerParts> batches, Carried&) const override {
    LayerParts& parts = batches.front();
    TaskGraph graph{.step = parts.step, .layer = parts.layer};
    const std::vector<int> gated = add_head(graph, parts);
    const std::vector<int> arrived = add_dispatch_and_shared(graph, parts, gated);
    if (can_divide(parts))
      add_blocks(graph, parts, arrived);
    else
      add_part(graph, std::move(parts.combine), add_experts(graph, parts, arrived, gated));
    return graph;
  }

 private:
  // One kernel call whose results go out in one exchange.
  static bool can_divide(const LayerParts& parts) {
    return !parts.travelling && parts.experts.size() == 1 && parts.combine.size() == 1 &&
           std::holds_alternative<Compute>(parts.experts.front().operation) &&
           std::holds_alternative<Exchange>(parts.combine.front().operation);
  }

  void add_blocks(TaskGraph& graph, const LayerParts& parts,
                  const std::vector<int>& arrived) const {
    const auto& kernels = std::get<Compute>(parts.experts.front().operation);
    const auto& combine = std::get<Exchange>(parts.combine.front().operation);
    int computed = graph.add(share_of(kernels, 1 - down_), arrived);
    for (int block = 0; block < blocks_; ++block) {
      computed = graph.add(share_of(kernels, down_ / blocks_), {computed});
      graph.add(block_of(combine, block, blocks_, sms_), {computed});
    }
  }

  int blocks_ = 4;
  double down_ = 0;
  int sms_ = 0;
};

const Register<Overlap, SingleBatch> kSingleBatch{
    {.name = "single_batch",
     .summary = "results of finished experts are combined beside the down projection of others",
     .source = "single-batch overlap of SGLang and DeepEP; policies.md 4.4",
     .parameters = {{.name = "blocks",
                     .type = ParameterType::kInteger,
                     .doc = "of local experts, whose results leave together",
                     .fallback = "4",
                     .minimum = 1,
                     .maximum = 64},
                    {.name = "down_share",
                     .type = ParameterType::kNumber,
                     .doc = "of the experts' time that is the down projection: one of three "
                            "matrices",
                     .fallback = "0.333",
                     .minimum = 0,
                     .maximum = 1},
                    {.name = "sms",
                     .type = ParameterType::kInteger,
                     .doc = "SMs that sending takes from the projections; assumed",
                     .fallback = "3",
                     .minimum = 0}}}};

}  // namespace
}  // namespace moesim
