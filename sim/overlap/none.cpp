// One part after the other: attention, gate, shared experts, dispatch, experts, combine.
//
// Serving engines without overlap run the shared experts before the routed ones, on the same
// stream.
#include "sim/overlap/overlap.hpp"

namespace moesim {
namespace {

class NoOverlap final : public Overlap {
 public:
  explicit NoOverlap(const Arguments&) {}

  TaskGraph build(LayerParts parts) const override {
    TaskGraph graph{.step = parts.step, .layer = parts.layer};
    std::vector<int> last;
    const auto chain = [&](Operation operation, const char* label = "") {
      last = {graph.add(std::move(operation), last, label)};
    };
    const auto kernel = [&](PartTimes& time, Phase phase, const char* label = "") {
      if (!time.empty()) chain(Compute{.time = std::move(time), .phase = phase}, label);
    };
    kernel(parts.attention, Phase::kAttention);
    kernel(parts.dense, Phase::kDense);
    kernel(parts.gate, Phase::kGate);
    if (parts.agreement) chain(std::move(*parts.agreement), "counts of routes");
    kernel(parts.choice, Phase::kGate, "choice of replicas");
    kernel(parts.shared, Phase::kShared);
    if (parts.dispatch) chain(std::move(*parts.dispatch));
    kernel(parts.experts, Phase::kExperts);
    if (parts.combine) chain(std::move(*parts.combine));
    return graph;
  }
};

const Register<Overlap, NoOverlap> kNone{
    {.name = "none", .summary = "nothing runs beside an exchange"}};

}  // namespace
}  // namespace moesim
