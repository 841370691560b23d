// No weights travel during a step.
#include "sim/step_placement/step_placement.hpp"

namespace moesim {
namespace {

class NoCopies final : public StepPlacement {
 public:
  explicit NoCopies(const Arguments&) {}
  bool idle() const override { return true; }
  StepCopies decide(const StepPlacementRequest&) const override { return {}; }
  WeightTravel travel() const override { return {}; }
};

const Register<StepPlacement, NoCopies> kNone{
    {.name = "none", .summary = "tokens go to experts; no weights travel for a batch"}};

}  // namespace
}  // namespace moesim
