// A new map when it saves more over the steps to come than planning and moving cost (after FlexMoE,
// SIGMOD 2023, and SmartMoE, ATC 2023).
#include "sim/rebalance/rebalance.hpp"

namespace moesim {
namespace {

class CostBenefit final : public Rebalance {
 public:
  explicit CostBenefit(const Arguments& arguments)
      : every_(arguments.integer("every")),
        horizon_(arguments.integer("horizon")),
        margin_(arguments.number("margin")) {}

  bool wants(const BalanceReport&) override {
    if (++passed_ < every_) return false;
    passed_ = 0;
    return true;
  }

  bool accepts(const RebalanceProposal& proposal) override {
    return proposal.saving_per_step * horizon_ > proposal.cost * margin_;
  }

 private:
  int every_ = 1, horizon_ = 1;
  double margin_ = 1;
  int passed_ = 0;
};

const Register<Rebalance, CostBenefit> kCostBenefit{
    {.name = "cost_benefit",
     .summary = "when what a map saves over the steps to come exceeds its cost",
     .source = "after FlexMoE (SIGMOD 2023) and SmartMoE (ATC 2023); policies.md 4.5",
     .parameters = with_common({{.name = "every",
                                 .type = ParameterType::kInteger,
                                 .doc = "steps between two looks",
                                 .fallback = "10",
                                 .minimum = 1},
                                {.name = "horizon",
                                 .type = ParameterType::kInteger,
                                 .doc = "steps that the load is expected to stay as it is",
                                 .fallback = "1000",
                                 .minimum = 1},
                                {.name = "margin",
                                 .type = ParameterType::kNumber,
                                 .doc = "times that the saving must exceed the cost",
                                 .fallback = "1",
                                 .minimum = 0}})}};

}  // namespace
}  // namespace moesim
