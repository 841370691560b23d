// Experts stay where they were placed.
#include "sim/rebalance/rebalance.hpp"

namespace moesim {
namespace {

class NoRebalance final : public Rebalance {
 public:
  explicit NoRebalance(const Arguments&) {}
  std::optional<Placement> after_step(StepId, const ExpertLoad&) override { return std::nullopt; }
};

const Register<Rebalance, NoRebalance> kNone{
    {.name = "none", .summary = "experts stay where they were placed"}};

}  // namespace
}  // namespace moesim
