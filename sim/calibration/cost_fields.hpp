// The coefficients of exchanges and of collectives by their names in a calibration file: the
// reader, the writer and the fits go through these lists.
#pragma once

#include <span>
#include <string>

#include "sim/base/parameter.hpp"
#include "sim/model/collective.hpp"
#include "sim/model/exchange_cost.hpp"

namespace moesim {

template <class Cost>
struct CostField {
  const char* name;
  const char* doc;
  ParameterType type;          // kTime, kRate or kNumber
  const char* fallback;        // as in YAML; left out of a file that has this value
  double (*get)(const Cost&);  // in SI units
  void (*set)(Cost&, double);
};
using ExchangeField = CostField<ExchangeCost>;
using CollectiveField = CostField<CollectiveCost>;

std::span<const ExchangeField> exchange_fields();
std::span<const CollectiveField> collective_fields();

// As it is declared to the reader.
Parameter parameter_of(const char* name, const char* doc, ParameterType type, const char* fallback);
// The four digits that a file holds.
double four_digits(double value);
template <class Cost>
Cost rounded(Cost cost, std::span<const CostField<Cost>> fields) {
  for (const CostField<Cost>& field : fields) field.set(cost, four_digits(field.get(cost)));
  return cost;
}

}  // namespace moesim
