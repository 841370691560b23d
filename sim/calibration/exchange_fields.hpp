// The coefficients of an exchange's cost by their names in a calibration file: the reader, the
// writer and the fit go through this list.
#pragma once

#include <span>

#include "sim/base/parameter.hpp"
#include "sim/model/exchange_cost.hpp"

namespace moesim {

struct ExchangeField {
  const char* name;
  const char* doc;
  ParameterType type;                  // kTime, kRate or kNumber
  const char* fallback;                // as in YAML; left out of a file that has this value
  double (*get)(const ExchangeCost&);  // in SI units
  void (*set)(ExchangeCost&, double);
};

std::span<const ExchangeField> exchange_fields();

}  // namespace moesim
