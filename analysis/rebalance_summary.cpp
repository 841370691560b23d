#include "analysis/rebalance_summary.hpp"

#include <fmt/format.h>

#include "analysis/format.hpp"

namespace moesim {
namespace {

Json optional_number(const std::optional<double>& value) {
  return value ? number_or_null(*value) : Json(nullptr);
}

Json bytes_json(double local, double nvlink, double network) {
  return {{"local", number_or_null(local)},
          {"nvlink", number_or_null(nvlink)},
          {"network", number_or_null(network)}};
}

std::optional<double> break_even(double stall, const std::optional<double>& before,
                                 const std::optional<double>& after) {
  if (!before || !after || *before <= *after) return std::nullopt;
  return stall / (*before - *after);
}

Json event_json(const RebalanceRecord& record) {
  return {{"after_step", record.step},
          {"effective_step", record.effective},
          {"layers", record.layers},
          {"slots", record.slots},
          {"gpu_max_over_mean",
           {{"predicted_before", number_or_null(record.predicted_before)},
            {"predicted_after", number_or_null(record.predicted_after)},
            {"realised_before", optional_number(record.realised_before)},
            {"realised_after", optional_number(record.realised_after)}}},
          {"bytes", bytes_json(record.local_bytes, record.nvlink_bytes, record.network_bytes)},
          {"stall_s", number_or_null(record.stall_s)},
          {"step_s",
           {{"before", optional_number(record.step_before)},
            {"after", optional_number(record.step_after)}}},
          {"break_even_steps",
           optional_number(break_even(record.stall_s, record.step_before, record.step_after))}};
}

}  // namespace

RebalanceSummary summarize_rebalances(const std::vector<RebalanceRecord>& records) {
  RebalanceSummary all{.maps = static_cast<int>(records.size())};
  if (records.empty()) return all;
  double predicted_before = 0, predicted_after = 0, before = 0, after = 0, known = 0;
  double step_before = 0, step_after = 0;
  for (const RebalanceRecord& record : records) {
    all.local_bytes += record.local_bytes;
    all.nvlink_bytes += record.nvlink_bytes;
    all.network_bytes += record.network_bytes;
    all.stall_s += record.stall_s;
    predicted_before += record.predicted_before / all.maps;
    predicted_after += record.predicted_after / all.maps;
    if (!record.realised_before || !record.realised_after) continue;
    ++known;
    before += *record.realised_before, after += *record.realised_after;
    step_before += *record.step_before, step_after += *record.step_after;
  }
  all.predicted_before = predicted_before, all.predicted_after = predicted_after;
  if (known == 0) return all;
  all.realised_before = before / known, all.realised_after = after / known;
  all.break_even_steps =
      break_even(all.stall_s / all.maps, step_before / known, step_after / known);
  return all;
}

Json rebalance_json(const std::vector<RebalanceRecord>& records) {
  if (records.empty()) return nullptr;
  const RebalanceSummary all = summarize_rebalances(records);
  Json events = Json::array();
  for (const RebalanceRecord& record : records) events.push_back(event_json(record));
  return {{"maps", all.maps},
          {"gpu_max_over_mean",
           {{"predicted_before", number_or_null(all.predicted_before)},
            {"predicted_after", number_or_null(all.predicted_after)},
            {"realised_before", optional_number(all.realised_before)},
            {"realised_after", optional_number(all.realised_after)}}},
          {"bytes", bytes_json(all.local_bytes, all.nvlink_bytes, all.network_bytes)},
          {"stall_s", number_or_null(all.stall_s)},
          {"break_even_steps", optional_number(all.break_even_steps)},
          {"events", events}};
}

std::vector<std::string> rebalance_lines(const std::vector<RebalanceRecord>& records) {
  if (records.empty()) return {};
  const RebalanceSummary all = summarize_rebalances(records);
  std::string balance =
      fmt::format("GPU max/mean {} predicted", format_number(all.predicted_after));
  if (all.realised_after)
    balance += fmt::format(", {} realised, from {}", format_number(*all.realised_after),
                           format_number(*all.realised_before));
  std::string cost =
      fmt::format("moved {} over NVLink, {} over the network",
                  format_bytes(Bytes(all.nvlink_bytes)), format_bytes(Bytes(all.network_bytes)));
  if (all.stall_s > 0) cost += fmt::format(" · stalls {}", format_time(Seconds(all.stall_s)));
  if (all.stall_s > 0)
    cost += all.break_even_steps ? fmt::format(", made up for after {} steps each",
                                               format_number(*all.break_even_steps))
                                 : ", never made up for: steps did not get shorter";
  return {count_text(all.maps, "map") + " · " + balance, cost};
}

}  // namespace moesim
