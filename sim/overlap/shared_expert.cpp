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

  TaskGraph build(LayerParts parts) const override {
    TaskGraph graph{.step = parts.step, .layer = parts.layer};
    std::vector<int> last;  // what the next part waits for
    const auto kernel = [&](PartTimes& time, Phase phase, const std::vector<int>& after) {
      if (time.empty()) return after;
      return std::vector<int>{graph.add(Compute{.time = std::move(time), .phase = phase}, after)};
    };
    last = kernel(parts.attention, Phase::kAttention, last);
    last = kernel(parts.dense, Phase::kDense, last);
    last = kernel(parts.gate, Phase::kGate, last);
    if (parts.agreement) last = {graph.add(std::move(*parts.agreement), last, "counts of routes")};
    last = kernel(parts.choice, Phase::kGate, last);
    const std::vector<int> gated = last;
    if (parts.dispatch) last = {graph.add(std::move(*parts.dispatch), gated)};
    if (!beside_combine_ && !parts.shared.empty()) {
      const int shared = kernel(parts.shared, Phase::kShared, gated).front();
      last = parts.dispatch ? std::vector<int>{last.front(), shared} : std::vector<int>{shared};
    }
    last = kernel(parts.experts, Phase::kExperts, last);
    const std::vector<int> computed = last;
    if (parts.combine) graph.add(std::move(*parts.combine), computed);
    if (beside_combine_) kernel(parts.shared, Phase::kShared, computed);
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
