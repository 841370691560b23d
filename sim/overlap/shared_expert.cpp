// The shared experts run beside an exchange: on the compute stream, while the routed tokens travel.
//
// Beside dispatch they start when it is known what goes where, and the routed experts wait for
// both. Beside combine they start after the routed experts. A library that takes SMs slows them
// meanwhile.
#include "sim/overlap/layer_head.hpp"

namespace moesim {
namespace {

class SharedExpert final : public Overlap {
 public:
  explicit SharedExpert(const Arguments& arguments)
      : beside_combine_(arguments.text("beside") == "combine") {}

  TaskGraph build(std::vector<LayerParts> batches, Carried&) const override {
    LayerParts& parts = batches.front();
    TaskGraph graph{.step = parts.step, .layer = parts.layer};
    const std::vector<int> gated = add_head(graph, parts);
    const std::vector<int> arrived = beside_combine_
                                         ? add_part(graph, std::move(parts.dispatch), gated)
                                         : add_dispatch_and_shared(graph, parts, gated);
    const std::vector<int> computed = add_experts(graph, parts, arrived, gated);
    add_part(graph, std::move(parts.combine), computed);
    if (beside_combine_) add_part(graph, std::move(parts.shared), computed);
    return graph;
  }

 private:
  bool beside_combine_ = false;
};

const Register<Overlap, SharedExpert> kSharedExpert{
    {.name = "shared_expert",
     .summary = "the shared experts run beside dispatch (or combine)",
     .source = "shared_overlap in SGLang and Megatron-LM",
     .parameters = {{.name = "beside",
                     .type = ParameterType::kChoice,
                     .doc = "the exchange that they run beside",
                     .fallback = "dispatch",
                     .choices = {"dispatch", "combine"}}}}};

}  // namespace
}  // namespace moesim
