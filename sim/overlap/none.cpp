// One part after the other: attention, gate, shared experts, dispatch, experts, combine.
//
// Serving engines without overlap run the shared experts before the routed ones, on the same
// stream.
#include "sim/overlap/layer_head.hpp"

namespace moesim {
namespace {

class NoOverlap final : public Overlap {
 public:
  explicit NoOverlap(const Arguments&) {}

  TaskGraph build(std::vector<LayerParts> batches, Carried&) const override {
    LayerParts& parts = batches.front();
    TaskGraph graph{.step = parts.step, .layer = parts.layer};
    const std::vector<int> gated = add_head(graph, parts);
    std::vector<int> last = gated;
    for (Part* part : {&parts.shared, &parts.dispatch})
      last = add_part(graph, std::move(*part), std::move(last));
    last = add_experts(graph, parts, last, gated);
    add_part(graph, std::move(parts.combine), std::move(last));
    return graph;
  }
};

const Register<Overlap, NoOverlap> kNone{
    {.name = "none", .summary = "nothing runs beside an exchange"}};

}  // namespace
}  // namespace moesim
