// Writes a calibration as YAML for people: one line where one line is enough.
#include <fmt/format.h>

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

std::string gpu_text(const Datasheet& sheet) {
  std::string text = fmt::format(
      "gpu:\n  name: {}\n  memory_bandwidth: {:g} GB/s\n  sms: {}\n  nvlink: {:g} GB/s\n"
      "  nic: {:g} GB/s\n  peak: {{",
      sheet.gpu.name, sheet.gpu.memory_bandwidth.value / 1e9, sheet.gpu.sms,
      sheet.nvlink.value / 1e9, sheet.nic.value / 1e9);
  bool first = true;
  for (const auto& [dtype, peak] : sheet.gpu.peak) {
    text +=
        fmt::format("{}{}: {:g} TFLOP/s", first ? "" : ", ", to_string(dtype), peak.value / 1e12);
    first = false;
  }
  return text + "}\n";
}

std::string rate_text(BytesPerSecond rate) { return fmt::format("{:.4g} GB/s", rate.value / 1e9); }

std::string exchange_text(const ExchangeFit& fit) {
  const ExchangeCost& cost = fit.cost;
  std::string text = fmt::format(
      "  - library: {}\n    phase: {}\n    scope: {}\n    start_up: {}\n", fit.library, fit.phase,
      fit.crosses_nodes ? "network" : "local", time_text(cost.start_up.value));
  if (cost.notify.value > 0) text += fmt::format("    notify: {}\n", time_text(cost.notify.value));
  if (cost.network_efficiency < 1)
    text += fmt::format("    network_efficiency: {:.4g}\n", cost.network_efficiency);
  if (cost.local_efficiency < 1)
    text += fmt::format("    local_efficiency: {:.4g}\n", cost.local_efficiency);
  if (cost.rate_per_sm.value > 0) text += "    rate_per_sm: " + rate_text(cost.rate_per_sm) + "\n";
  if (cost.local_ceiling.value > 0)
    text += "    local_ceiling: " + rate_text(cost.local_ceiling) + "\n";
  return text + fmt::format(
                    "    samples: {}\n    held_out: {{mape: {:.4f}, folds: 3 folds of whole "
                    "token counts, regimes: {{fitted: {{all: {:.4f}}}}}}}\n",
                    fit.samples, fit.held_out_mape, fit.mape);
}

std::string quoted(const std::string& text) { return '"' + text + '"'; }

}  // namespace

std::string write_calibration(const Import& import, const std::string& source,
                              const std::vector<std::string>& notes) {
  std::string text = fmt::format("schema: moesim.calibration/1\nframework: {}\nsource: {}\n",
                                 import.kernels.front().framework, quoted(source));
  if (!notes.empty()) {
    text += "notes:\n";
    for (const std::string& note : notes) text += "  - " + quoted(note) + "\n";
  }
  text += gpu_text(*import.datasheet) + "kernels:\n";
  for (const FittedKernel& kernel : import.kernels) text += kernel_text(kernel);
  if (!import.exchanges.empty()) text += "exchanges:\n";
  for (const ExchangeFit& exchange : import.exchanges) text += exchange_text(exchange);
  return text;
}

}  // namespace moesim
