// Single-batch overlap: the tokens of a step stay together, and what experts have finished is
// combined while others are still at their down projection (policies.md 4.4).
//
// The down projection and the combine are taken in blocks of local experts, equally large: which
// expert is in which block is not known here. A block's results leave when its down projection has
// ended, one block after the other, and sending takes some SMs from the projections that still run.
// That is an exchange of all blocks but the last behind the first block's projection, which pays
// for the start of the combine, and one of the last behind all projections. Where a link takes
// longer than a projection, the first exchange keeps it busy from then on, as the blocks would;
// where it takes less, only the last block is still to come. An exchange for each block would be
// wrong: flows share a link evenly, so GPUs with few rows, which combine first, would have several
// times their share of it beside the dispatches that GPUs with many rows still wait for, and the
// gain turned into a loss under skew. DeepEP has a queue pair for each local expert of a peer; a
// block has its experts' only. The shared experts run while the tokens are dispatched.
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

// A share of an exchange: with its start, or with the signal of its end.
Exchange share_of(const Exchange& whole, double share, bool starts) {
  Exchange part = whole;
  for (ExchangeLeg& leg : part.legs)
    for (double& bytes : leg.bytes.raw()) bytes *= share;
  if (starts) {
    part.signals = false;
    return part;
  }
  part.start_up = part.notify = Seconds(0);
  part.rendezvous = false;
  part.sms = 0;
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
  bool can_divide(const LayerParts& parts) const {
    return blocks_ > 1 && !parts.travelling && parts.experts.size() == 1 &&
           parts.combine.size() == 1 &&
           std::holds_alternative<Compute>(parts.experts.front().operation) &&
           std::holds_alternative<Exchange>(parts.combine.front().operation);
  }

  void add_blocks(TaskGraph& graph, const LayerParts& parts,
                  const std::vector<int>& arrived) const {
    const auto& kernels = std::get<Compute>(parts.experts.front().operation);
    const auto& combine = std::get<Exchange>(parts.combine.front().operation);
    const double last = 1.0 / blocks_;
    const double beside = down_ * (1 - last);  // of the kernels
    const int block = graph.add(share_of(kernels, 1 - beside), arrived);
    Exchange early = share_of(combine, 1 - last, true);
    early.sms = std::max(early.sms, sms_);
    graph.add(std::move(early), {block});
    const int rest = graph.add(share_of(kernels, beside), {block});
    graph.add(share_of(combine, last, false), {rest});
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
                     .doc = "of local experts, whose results leave together; those of the last "
                            "when all experts have ended",
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
