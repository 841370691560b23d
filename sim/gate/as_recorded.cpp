// The gate of a replay: the tokens ask for what the trace says, whatever the logits are.
#include <utility>

#include "sim/gate/gate.hpp"

namespace moesim {
namespace {

class AsRecorded final : public Gate {
 public:
  explicit AsRecorded(const Arguments&) {}
  RoutingDetail needs() const override { return RoutingDetail::kCounts; }
  GateResult apply(Routing recorded, const GateRequest&) const override {
    return {.routing = std::move(recorded)};
  }
};

const Register<Gate, AsRecorded> kAsRecorded{
    {.name = "as_recorded", .summary = "the expert ids or counts of the trace, unchanged"}};

}  // namespace
}  // namespace moesim
