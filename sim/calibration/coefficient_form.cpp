#include "sim/calibration/coefficient_form.hpp"

#include <fmt/format.h>

#include <cmath>

namespace moesim {
namespace {

const char* unit_of(ParameterType type) {
  if (type == ParameterType::kTime) return " s";
  if (type == ParameterType::kSpeed) return " FLOP/s";
  return type == ParameterType::kRate ? " B/s" : "";
}

}  // namespace

std::vector<Parameter> parameters_of(const FormModel& model) {
  std::vector<Parameter> parameters;
  for (const Coefficient& coefficient : model.coefficients) {
    Parameter parameter{
        .name = coefficient.name, .type = coefficient.type, .doc = coefficient.doc, .minimum = 0};
    if (!coefficient.fitted()) {
      parameter.fallback = fmt::format("{:g}{}", coefficient.start, unit_of(coefficient.type));
    } else if (coefficient.lowest == 0) {
      parameter.fallback = fmt::format("0{}", unit_of(coefficient.type));
    } else {
      parameter.required = true;
      parameter.above_minimum = true;
    }
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

CoefficientForm::CoefficientForm(const FormModel& model, const Arguments& arguments)
    : model_(model) {
  for (const Coefficient& coefficient : model.coefficients)
    values_.push_back(arguments.number(coefficient.name));
}

FormTime CoefficientForm::time(const KernelWork& work, const FormGpu& gpu) const {
  return {.time = model_.time(values_, work, gpu)};
}

bool CoefficientForm::takes(const KernelWork& work, const FormGpu& gpu) const {
  return model_.takes == nullptr || model_.takes(values_, work, gpu);
}

KernelTime p_norm(double compute, double memory, double exponent) {
  const bool compute_bound = compute > memory;
  const double larger = compute_bound ? compute : memory;
  if (larger <= 0) return {};
  // In terms of the smaller over the larger, so that no power overflows.
  const double ratio = std::pow((compute_bound ? memory : compute) / larger, exponent);
  const double total = larger * std::pow(1 + ratio, 1 / exponent);
  const double share = (compute_bound ? 1 : ratio) / (1 + ratio);
  return {.compute = Seconds(total * share), .memory = Seconds(total * (1 - share))};
}

}  // namespace moesim
