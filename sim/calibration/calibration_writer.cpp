// Writes a calibration as YAML for people: one line where one line is enough.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

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

std::string range_text(const std::vector<AxisRange>& ranges) {
  if (ranges.empty()) return {};
  std::string text;
  for (const AxisRange& range : ranges)
    text += fmt::format("{}{}: [{:.10g}, {:.10g}]", text.empty() ? "" : ", ", range.axis, range.low,
                        range.high);
  return "    range: {" + text + "}\n";
}

// Where no rows were held out: those that were fitted say little of others.
constexpr double kAssumedError = 0.15;

std::string kernel_text(const FittedKernel& kernel) {
  const PnormFit& fit = kernel.fit;
  std::string text = fmt::format(
      "  - kernel: experts\n    dtype: {}\n    matrices: {}\n    kernel_source: {}\n"
      "    samples: {}\n",
      to_string(kernel.dtype), kernel.matrices, kernel.kernel_source, fit.fitted.rows);
  text += range_text(kernel.ranges) + form_text(fit.coefficients);
  if (kernel.tile != 64) text += fmt::format("      tile: {:g}\n", kernel.tile);
  const bool held_out = fit.folds >= 2;
  text += fmt::format("    held_out:\n      mape: {:.4f}\n      folds: {}\n      regimes:\n",
                      held_out ? fit.held_out.mape : std::max(kAssumedError, fit.fitted.mape),
                      held_out ? fmt::format("{} folds of whole model shapes", fit.folds)
                               : std::string("none, assumed"));
  if (held_out) text += regimes_text("held_out", fit.held_out_regimes);
  if (fit.skew_held_out.rows > 0) text += regimes_text("never_fitted", fit.skew_regimes);
  return text + regimes_text("fitted", fit.fitted_regimes);
}

std::string quoted(const std::string& text) {
  std::string escaped = "\"";
  for (const char c : text)
    escaped += c == '"' || c == '\\' ? fmt::format("\\{}", c) : std::string(1, c);
  return escaped + '"';
}

// A name; in quotes where YAML could take it for something else.
std::string yaml_text(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == ' ' || c == '-' || c == '_';
  });
  return plain ? text : quoted(text);
}

std::string speed_text(double flops_per_second) {
  if (flops_per_second >= 1e12) return fmt::format("{:.4g} TFLOP/s", flops_per_second / 1e12);
  return fmt::format("{:.4g} GFLOP/s", flops_per_second / 1e9);
}

std::string gpu_text(const GpuSpec& gpu, const PortRates& ports) {
  std::string text = fmt::format("gpu:\n  name: {}\n  memory_bandwidth: {:g} GB/s\n  sms: {}\n",
                                 yaml_text(gpu.name), gpu.memory_bandwidth.value / 1e9, gpu.sms);
  if (ports.nvlink.value > 0 || ports.nic.value > 0)
    text += fmt::format("  nvlink: {:g} GB/s\n  nic: {:g} GB/s\n", ports.nvlink.value / 1e9,
                        ports.nic.value / 1e9);
  text += "  peak: {";
  bool first = true;
  for (const auto& [dtype, peak] : gpu.peak) {
    text += fmt::format("{}{}: {}", first ? "" : ", ", to_string(dtype), speed_text(peak.value));
    first = false;
  }
  return text + "}\n";
}

// A form with the coefficients that differ from their defaults.
std::string form_text(const KernelFit& fit) {
  std::string text = fmt::format("    form:\n      kind: {}\n", fit.model->name);
  const std::vector<Parameter> parameters = parameters_of(*fit.model);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Coefficient& coefficient = fit.model->coefficients[i];
    const double value = fit.values[i];
    if (value == (coefficient.fitted() ? 0 : coefficient.start)) continue;
    text += fmt::format(
        "      {}: {}\n", coefficient.name,
        coefficient.type == ParameterType::kRate    ? fmt::format("{:.4g} GB/s", value / 1e9)
        : coefficient.type == ParameterType::kSpeed ? speed_text(value)
                                                    : coefficient_text(parameters[i], value));
  }
  return text;
}

std::string form_entry(const FittedForm& fitted) {
  const KernelFit& fit = fitted.fit;
  std::string text = fmt::format("  - kernel: {}\n", fitted.kernel);
  if (fitted.dtype) text += fmt::format("    dtype: {}\n", to_string(*fitted.dtype));
  if (!fitted.attention.empty()) text += fmt::format("    attention: {}\n", fitted.attention);
  if (!fitted.kernel_source.empty())
    text += fmt::format("    kernel_source: {}\n", fitted.kernel_source);
  text += fmt::format("    samples: {}\n", fit.fitted.rows) + range_text(fitted.ranges) +
          form_text(fit);
  const bool held_out = fit.folds >= 2;
  text += fmt::format("    held_out:\n      mape: {:.4f}\n      folds: {}\n      regimes:\n",
                      held_out ? fit.held_out.mape : std::max(kAssumedError, fit.fitted.mape),
                      held_out ? fmt::format("{} folds of whole shapes, median error {:.4f}",
                                             fit.folds, fit.held_out.median)
                               : std::string("none, assumed"));
  if (held_out) text += regimes_text("held_out", fit.held_out_regimes);
  return text + regimes_text("fitted", fit.fitted_regimes);
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

}  // namespace

std::string write_calibration(const Import& import, const CalibrationHead& head) {
  std::string text = "schema: moesim.calibration/1\n";
  const std::string framework = !head.framework.empty()  ? head.framework
                                : import.kernels.empty() ? ""
                                                         : import.kernels.front().framework;
  if (!framework.empty()) text += fmt::format("framework: {}\n", framework);
  text += fmt::format("source: {}\n", quoted(head.source));
  if (!head.notes.empty()) {
    text += "notes:\n";
    for (const std::string& note : head.notes) text += "  - " + quoted(note) + "\n";
  }
  if (!head.include.empty()) text += fmt::format("include: [{}]\n", fmt::join(head.include, ", "));
  text += gpu_text(import.gpu, import.ports);
  if (!import.kernels.empty() || !import.forms.empty()) text += "kernels:\n";
  for (const FittedKernel& kernel : import.kernels) text += kernel_text(kernel);
  for (const FittedForm& form : import.forms) text += form_entry(form);
  if (!import.exchanges.empty()) text += "exchanges:\n";
  for (const ExchangeFit& exchange : import.exchanges) text += exchange_text(exchange);
  if (!import.collectives.empty()) text += "collectives:\n";
  for (const CollectiveFit& collective : import.collectives) text += collective_text(collective);
  return text;
}

}  // namespace moesim
