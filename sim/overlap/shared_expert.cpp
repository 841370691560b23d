// The shared experts run beside an exchange: on the compute stream, while the routed tokens travel.
//
// Beside dispatch they start when it is known what goes where, and the routed experts wait for
// both. Beside combine they start after the routed experts. A library that takes SMs slows them
// meanwhile.
#include "sim/overlap/overlap.hpp"

namespace moesim {
namespace {

class SharedExpert final : public Overlap {
 public:
  explicit SharedExpert(const Arguments& arguments)
      : beside_combine_(arguments.text("beside") == "combine") {}

  TaskGraph build(std::vector<LayerParts> batches, Carried&) const override {
    LayerParts& parts = batches.front();
    TaskGraph graph{.step = parts.step, .layer = parts.layer};
    std::vector<int> last;  // what the next part waits for
    for (Part* part : {&parts.prepare, &parts.attention, &parts.dense, &parts.gate})
      last = add_part(graph, std::move(*part), std::move(last));
    const std::vector<int> gated = last;
    last = add_part(graph, std::move(parts.dispatch), gated);
    if (!beside_combine_ && !parts.shared.empty()) {
      const std::vector<int> shared = add_part(graph, std::move(parts.shared), gated);
      if (last == gated) last.clear();
      last.insert(last.end(), shared.begin(), shared.end());
    }
    last = add_experts(graph, parts, last, gated);
    add_part(graph, std::move(parts.combine), last);
    if (beside_combine_) add_part(graph, std::move(parts.shared), last);
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
