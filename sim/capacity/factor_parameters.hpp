// What a scenario may say of a capacity factor, read and checked.
#pragma once

#include <string>
#include <vector>

#include "sim/capacity/admission.hpp"
#include "sim/capacity/capacity_formula.hpp"
#include "sim/capacity/overflow.hpp"

namespace moesim {

enum class CapacityScope { kRank, kGroup, kGpu };

std::vector<Parameter> factor_parameters();

// Throws InputError where the parameters do not go together.
struct FactorSettings {
  explicit FactorSettings(const Arguments& arguments);

  RoutingDetail needs() const;
  std::string caution(const MoeModel& model) const;
  void check(const MoeModel& model) const;  // throws InputError
  [[noreturn]] void refuse_without_weights() const;
  // C of a queue. `input` says all but factor, minimum and alignment.
  int capacity(CapacityInput input) const;
  // What each GPU may receive. Throws InputError where an expert has several copies.
  GpuBudget gpu_budget(const Routing& routing, const CapacityRequest& request) const;
  Overflow reroute_to() const;

  const CapacityFormula& formula;
  double factor = 1;
  int minimum = 0, alignment = 1, row_multiple = 1, tries = 1;
  bool pad = false, renormalize = false;
  std::string drop, overflow;
  double threshold = 0.2, exempt = 0;
  CapacityScope scope = CapacityScope::kRank;
  DropRule rule = DropRule::kTokenOrder;

 private:
  void check_together(const Arguments& arguments) const;
  Spot overflow_spot_;
};

}  // namespace moesim
