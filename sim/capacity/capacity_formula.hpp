// Capacity of an expert: the formulas of the systems that have one.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace moesim {

struct CapacityInput {
  int tokens = 0;  // whose routes queue together: of a source rank, or of all of them
  int ranks = 1;   // that share the experts
  int top_k = 1;
  int experts = 1;       // over all ranks
  double factor = 1;     // capacity factor
  int minimum = 0;       // where the system has one
  int largest_need = 0;  // most routes that any queue has for any expert
  int alignment = 1;     // Tutel rounds up to a multiple
};

struct CapacityFormula {
  std::string name;
  const char* text;                 // the formula
  int default_minimum = 0;          // where the user gives none
  bool per_group = false;           // routes of all ranks queue together, not each rank's alone
  bool factor_may_be_zero = false;  // 0 (or below) is dropless, or bounded by the need
  int (*capacity)(const CapacityInput&) = nullptr;
};

inline int round_up(int value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// All formulas, the default (Megatron) first.
const std::vector<CapacityFormula>& capacity_formulas();
// nullptr for an unknown name.
const CapacityFormula* find_capacity_formula(const std::string& name);

}  // namespace moesim
