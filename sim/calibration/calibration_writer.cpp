// Writes a calibration as YAML for people: one line where one line is enough.
#include <fmt/format.h>

#include <algorithm>

#include "sim/calibration/cost_fields.hpp"
#include "sim/calibration/import.hpp"
#include "sim/calibration/pnorm_parameters.hpp"

namespace moesim {
namespace {

// "15.91 us": a time in the unit that leaves one to three digits before the point.
std::string time_text(double seconds) {
  if (seconds == 0) return "0 s";
  for (const auto& [unit, size] :
       {std::pair{"s", 1.0}, std::pair{"ms", 1e-3}, std::pair{"us", 1e-6}, std::pair{"ns", 1e-9}})
    if (seconds >= size) return fmt::format("{:.4g} {}", seconds / size, unit);
  return fmt::format("{:.4g} ps", seconds / 1e-12);
}

std::string coefficient_text(const Parameter& parameter, double value) {
  return parameter.type == ParameterType::kTime ? time_text(value) : fmt::format("{:.4g}", value);
}

std::string form_text(const PnormCoefficients<double>& coefficients) {
  std::string text = "    form:\n      kind: pnorm_experts\n";
  for (std::size_t i = 0; i < coefficients.size(); ++i) {
    const Parameter& parameter = pnorm_parameters()[i];
    text +=
        fmt::format("      {}: {}\n", parameter.name, coefficient_text(parameter, coefficients[i]));
  }
  return text;
}

std::string regimes_text(const char* heading, const std::vector<Regime>& regimes) {
  std::string text = fmt::format("        {}: {{", heading);
  for (std::size_t i = 0; i < regimes.size(); ++i)
    text += fmt::format("{}{}: {:.4f}", i > 0 ? ", " : "", regimes[i].name, regimes[i].error.mape);
  return text + "}\n";
}

std::string kernel_text(const FittedKernel& kernel) {
  const PnormFit& fit = kernel.fit;
  std::string text = fmt::format(
      "  - kernel: experts\n    dtype: {}\n    matrices: {}\n    kernel_source: {}\n"
      "    samples: {}\n    range: {{",
      to_string(kernel.dtype), kernel.matrices, kernel.kernel_source, fit.fitted.rows);
  for (std::size_t i = 0; i < kernel.ranges.size(); ++i)
    text += fmt::format("{}{}: [{:g}, {:g}]", i > 0 ? ", " : "", kernel.ranges[i].axis,
                        kernel.ranges[i].low, kernel.ranges[i].high);
  text += "}\n" + form_text(fit.coefficients);
  const bool held_out = fit.folds >= 2;
  text += fmt::format("    held_out:\n      mape: {:.4f}\n      folds: {}\n      regimes:\n",
                      held_out ? fit.held_out.mape : fit.fitted.mape,
                      held_out ? fmt::format("{} folds of whole model shapes", fit.folds)
                               : std::string("none, too few rows"));
  if (held_out) text += regimes_text("held_out", fit.held_out_regimes);
  return text + regimes_text("fitted", fit.fitted_regimes);
}

std::string gpu_text(const Datasheet& sheet, const PortRates& ports) {
  std::string text = fmt::format(
      "gpu:\n  name: {}\n  memory_bandwidth: {:g} GB/s\n  sms: {}\n  nvlink: {:g} GB/s\n"
      "  nic: {:g} GB/s\n  peak: {{",
      sheet.gpu.name, sheet.gpu.memory_bandwidth.value / 1e9, sheet.gpu.sms,
      ports.nvlink.value / 1e9, ports.nic.value / 1e9);
  bool first = true;
  for (const auto& [dtype, peak] : sheet.gpu.peak) {
    text +=
        fmt::format("{}{}: {:g} TFLOP/s", first ? "" : ", ", to_string(dtype), peak.value / 1e12);
    first = false;
  }
  return text + "}\n";
}

template <class Cost>
std::string field_text(const CostField<Cost>& field, double value) {
  if (field.type == ParameterType::kTime) return time_text(value);
  if (field.type == ParameterType::kRate) return fmt::format("{:.4g} GB/s", value / 1e9);
  return fmt::format("{:.4g}", value);
}

std::string fold_text(const ErrorSummary& error, const char* name) {
  if (error.rows == 0) return {};
  return fmt::format("{}: {{mape: {:.4f}, p90: {:.4f}}}", name, error.mape, error.p90);
}

template <class Cost>
std::string fields_text(const Cost& cost, std::span<const CostField<Cost>> fields) {
  std::string text;
  for (const CostField<Cost>& field : fields) {
    const double value = field.get(cost);
    if (value != field.get(Cost{}))
      text += fmt::format("    {}: {}\n", field.name, field_text(field, value));
  }
  return text;
}

struct Folds {
  const char* name;  // of the regime
  const char* how;
  const ErrorSummary& error;
};

// The last folds that there are say how good it is; hardly more rows than unknowns say nothing.
std::string evidence_text(const ErrorSummary& fitted, const std::vector<Folds>& folds) {
  constexpr double kAssumedError = 0.15;
  double mape = std::max(kAssumedError, fitted.mape);
  const char* how = "too few rows for any, assumed";
  std::string regimes = fold_text(fitted, "fitted");
  for (const Folds& fold : folds) {
    if (fold.error.rows == 0) continue;
    mape = fold.error.mape;
    how = fold.how;
    regimes += ", " + fold_text(fold.error, fold.name);
  }
  return fmt::format(
      "    samples: {}\n    held_out:\n      mape: {:.4f}\n      folds: {}\n"
      "      regimes: {{{}}}\n",
      fitted.rows, mape, how, regimes);
}

const char* scope_text(bool crosses_nodes) { return crosses_nodes ? "network" : "local"; }

std::string exchange_text(const ExchangeFit& fit) {
  return fmt::format("  - library: {}\n    phase: {}\n    scope: {}\n", fit.library, fit.phase,
                     scope_text(fit.crosses_nodes)) +
         fields_text(fit.cost, exchange_fields()) +
         evidence_text(fit.fitted,
                       {{"sizes_held_out", "thirds of the sizes left out in turn", fit.tokens},
                        {"shapes_held_out", "each shape left out in turn", fit.shapes}});
}

std::string collective_text(const CollectiveFit& fit) {
  std::string text;
  for (const CollectiveCost& cost : fit.costs)
    text +=
        fmt::format("  - library: {}\n    kind: {}\n    algorithm: {}\n    scope: {}\n",
                    fit.library, to_string(fit.kind), to_string(cost.algorithm),
                    scope_text(fit.crosses_nodes)) +
        fields_text(cost, collective_fields()) +
        evidence_text(fit.fitted,
                      {{"sizes_held_out", "thirds of the sizes left out in turn", fit.sizes},
                       {"groups_held_out", "each number of GPUs left out in turn", fit.groups}});
  return text;
}

std::string quoted(const std::string& text) { return '"' + text + '"'; }

}  // namespace

std::string write_calibration(const Import& import, const std::string& source,
                              const std::vector<std::string>& notes) {
  std::string text = "schema: moesim.calibration/1\n";
  if (!import.kernels.empty())
    text += fmt::format("framework: {}\n", import.kernels.front().framework);
  text += fmt::format("source: {}\n", quoted(source));
  if (!notes.empty()) {
    text += "notes:\n";
    for (const std::string& note : notes) text += "  - " + quoted(note) + "\n";
  }
  text += gpu_text(*import.datasheet, import.ports);
  if (!import.kernels.empty()) text += "kernels:\n";
  for (const FittedKernel& kernel : import.kernels) text += kernel_text(kernel);
  if (!import.exchanges.empty()) text += "exchanges:\n";
  for (const ExchangeFit& exchange : import.exchanges) text += exchange_text(exchange);
  if (!import.collectives.empty()) text += "collectives:\n";
  for (const CollectiveFit& collective : import.collectives) text += collective_text(collective);
  return text;
}

}  // namespace moesim
