#include "sim/cli/calibration_series.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

void add_points(const std::string& name, const std::vector<double>& measured,
                const std::vector<double>& errors, std::vector<ErrorSeries>& series) {
  ErrorSeries one{.name = name, .measured = measured};
  for (std::size_t i = 0; i < measured.size(); ++i)
    one.predicted.push_back(measured[i] * (1 + errors[i]));
  series.push_back(std::move(one));
}

}  // namespace

std::string form_name(const FittedForm& form) {
  std::string name = form.kernel;
  for (const std::string& part :
       {form.attention, form.dtype ? to_string(*form.dtype) : std::string(), form.kernel_source})
    if (!part.empty()) name += " " + part;
  return name;
}

std::vector<ErrorSeries> series_of(const Import& import) {
  std::vector<ErrorSeries> series;
  for (const FittedKernel& kernel : import.kernels)
    add_points(fmt::format("experts {} {}", to_string(kernel.dtype), kernel.kernel_source),
               kernel.fit.measured, kernel.fit.errors, series);
  for (const FittedForm& form : import.forms)
    add_points(form_name(form), form.fit.measured, form.fit.errors, series);
  const auto measured = [](const auto& samples, const auto& fit) {
    std::vector<double> seconds;
    for (const std::size_t sample : fit.fitted_samples)
      seconds.push_back(samples[sample].measured.value);
    return seconds;
  };
  for (const ExchangeFit& fit : import.exchanges)
    add_points(fmt::format("{} {}", fit.library, fit.phase), measured(import.exchange_samples, fit),
               fit.errors, series);
  for (const CollectiveFit& fit : import.collectives)
    add_points(fmt::format("{} {}", fit.library, to_string(fit.kind)),
               measured(import.collective_samples, fit), fit.errors, series);
  return series;
}

}  // namespace moesim
