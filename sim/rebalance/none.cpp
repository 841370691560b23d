// Experts stay where they were placed (a static map from a profiling window, say).
#include "sim/rebalance/rebalance.hpp"

namespace moesim {
namespace {

class NoRebalance final : public Rebalance {
 public:
  explicit NoRebalance(const Arguments&) {}
  bool wants(const BalanceReport&) override { return false; }
  bool idle() const override { return true; }
};

const Register<Rebalance, NoRebalance> kNone{
    {.name = "none", .summary = "experts stay where they were placed"}};

}  // namespace
}  // namespace moesim
