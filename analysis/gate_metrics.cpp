#include "analysis/gate_metrics.hpp"

#include <fmt/format.h>

#include <limits>

#include "analysis/format.hpp"
#include "analysis/metrics.hpp"

namespace moesim {
GateMetrics gate_metrics(const RunResult& result) {
  GateRecord sum;
  for (const StepRecord& step : result.steps) add(sum, step.gate);
  const auto all = [&](std::int64_t StepRecord::*member) {
    double total = 0;
    for (const StepRecord& step : result.steps) total += static_cast<double>(step.*member);
    return total;
  };
  const double rerouted = ratio(all(&StepRecord::rerouted_routes), all(&StepRecord::routes));
  if (sum.layers == 0) return {.rerouted = rerouted};
  const auto tokens = static_cast<double>(sum.tokens), routes = static_cast<double>(sum.routes);
  const auto free = static_cast<double>(sum.free_routes);
  GateMetrics metrics{
      .gated = true,
      .routes_changed = ratio(static_cast<double>(sum.changed), static_cast<double>(sum.compared)),
      .routes_per_token = ratio(routes, tokens),
      .free_share = ratio(free, routes + free),
      .unrouted_tokens = ratio(static_cast<double>(sum.unrouted_tokens), tokens),
      .confidence = ratio(sum.weight, routes),
      .rerouted = rerouted};
  for (const auto& [name, value] : sum.losses)
    metrics.losses.emplace_back(name, ratio(value, static_cast<double>(sum.layers)));
  return metrics;
}

std::string gate_warning(const GateMetrics& metrics) {
  if (!(metrics.routes_changed > 0)) {
    if (!(metrics.rerouted > 0)) return {};
    return fmt::format(
        "full experts send {} of the routes to other experts: it is another model, and its "
        "throughput does not compare as if the quality were the same",
        format_percent(metrics.rerouted));
  }
  constexpr double kRounding = 0.01;  // above what ties of 16-bit logits come to
  return fmt::format(
      "the gate changes {} of the trace's routes: it is another model, and its throughput does not "
      "compare with the trace's own as if the quality were the same{}",
      format_percent(metrics.routes_changed),
      metrics.routes_changed < kRounding
          ? " (where the trace has 16-bit logits, part of this is rounding)"
          : "");
}

}  // namespace moesim
