#include "analysis/offload_summary.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "analysis/format.hpp"
#include "analysis/metrics.hpp"
#include "analysis/phases.hpp"

namespace moesim {
namespace {

OffloadRecord total_of(const RunResult& result) {
  OffloadRecord total;
  for (const StepRecord& step : result.steps) add(total, step.offload);
  return total;
}

double exposed(const RunResult& result) {
  double sum = 0;
  for (const StepRecord& step : result.steps) sum += seconds_of(step.breakdown, Phase::kOffload);
  return ratio(sum, static_cast<double>(result.steps.size()));
}

}  // namespace

OffloadSummary summarize_offload(const RunResult& result) {
  const OffloadRecord total = total_of(result);
  const double steps = static_cast<double>(result.steps.size());
  const auto share = [&](std::int64_t count) {
    return ratio(static_cast<double>(count), static_cast<double>(total.uses));
  };
  return {.hit_rate = share(total.hits),
          .layer_hit_rate =
              ratio(static_cast<double>(total.hit_layers), static_cast<double>(total.layers)),
          .late_rate = share(total.late),
          .cpu_rate = share(total.on_cpu),
          .low_rate = share(total.low),
          .demand_bytes = ratio(total.demand_bytes, steps),
          .prefetch_bytes = ratio(total.prefetch_bytes, steps),
          .host_bytes = ratio(total.host_bytes, steps),
          .disk_bytes = ratio(total.disk_bytes, steps),
          .exposed_s = exposed(result),
          .prefetch_used =
              ratio(static_cast<double>(total.useful), static_cast<double>(total.prefetches)),
          .prefetch_wasted = ratio(total.wasted_bytes, total.prefetch_bytes)};
}

Json offload_json(const RunResult& result) {
  const OffloadSummary all = summarize_offload(result);
  const OffloadSetup& setup = *result.offload;
  return {{"slots", setup.slots},
          {"experts", setup.experts},
          {"expert_bytes", number_or_null(setup.expert_bytes)},
          {"hit_rate", number_or_null(all.hit_rate)},
          {"layer_hit_rate", number_or_null(all.layer_hit_rate)},
          {"late_rate", number_or_null(all.late_rate)},
          {"cpu_rate", number_or_null(all.cpu_rate)},
          {"low_rate", number_or_null(all.low_rate)},
          {"bytes",
           {{"demand", number_or_null(all.demand_bytes)},
            {"prefetch", number_or_null(all.prefetch_bytes)},
            {"host", number_or_null(all.host_bytes)},
            {"disk", number_or_null(all.disk_bytes)}}},
          {"exposed_s", number_or_null(all.exposed_s)},
          {"prefetch_used", number_or_null(all.prefetch_used)},
          {"prefetch_wasted", number_or_null(all.prefetch_wasted)}};
}

std::vector<std::string> offload_lines(const RunResult& result) {
  if (!result.offload) return {};
  const OffloadSummary all = summarize_offload(result);
  const OffloadSetup& setup = *result.offload;
  const auto size = [](double bytes) { return format_bytes(Bytes(bytes)); };
  std::string uses = fmt::format("{} of {} experts on the GPU ({} each)", setup.slots,
                                 setup.experts, size(setup.expert_bytes));
  if (std::isfinite(all.hit_rate))
    uses += fmt::format(" · {} of uses hit, {} of layers in whole", format_percent(all.hit_rate),
                        format_percent(all.layer_hit_rate));
  std::string copies = fmt::format("fetched {} when asked for", size(all.demand_bytes));
  if (all.prefetch_bytes > 0)
    copies += fmt::format(", {} ahead ({} of it wasted)", size(all.prefetch_bytes),
                          format_percent(all.prefetch_wasted));
  copies += fmt::format(" per step · {} of it exposed", format_time(Seconds(all.exposed_s)));
  if (all.late_rate > 0)
    copies += fmt::format(" · {} of uses came late", format_percent(all.late_rate));
  if (all.cpu_rate > 0)
    copies += fmt::format(" · {} of uses on the CPU", format_percent(all.cpu_rate));
  if (all.low_rate > 0)
    copies += fmt::format(" · {} of uses fetched in low precision", format_percent(all.low_rate));
  return {uses, copies};
}

std::vector<std::string> offload_columns() {
  return {"offload_uses",         "offload_hits",           "offload_late",
          "offload_demand_bytes", "offload_prefetch_bytes", "offload_wasted_bytes"};
}

std::vector<double> offload_row(const OffloadRecord& record) {
  return {static_cast<double>(record.uses),
          static_cast<double>(record.hits),
          static_cast<double>(record.late),
          record.demand_bytes,
          record.prefetch_bytes,
          record.wasted_bytes};
}

}  // namespace moesim
