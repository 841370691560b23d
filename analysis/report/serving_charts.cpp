#include "analysis/report/serving_charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "analysis/report/batch_charts.hpp"
#include "analysis/report/csv_columns.hpp"
#include "analysis/report/parts.hpp"

namespace moesim {
namespace {

constexpr std::pair<const char*, const char*> kLatencies[] = {{"ttft_s", "TTFT"},
                                                              {"tpot_s", "TPOT"},
                                                              {"itl_s", "ITL"},
                                                              {"e2e_s", "end to end"},
                                                              {"queueing_s", "queueing"}};
constexpr const char* kShown[] = {"mean", "p50", "p90", "p95", "p99", "max"};

Json latency_table(const Json& serving) {
  std::vector<Column> columns = {{"latency"}};
  for (const char* shown : kShown) columns.push_back({shown, "s"});
  Json part = table_part("Latencies of the requests", columns);
  part["note"] =
      "TTFT: arrival to the first token. TPOT: time per further token, of each request. ITL: every "
      "gap between two tokens.";
  const auto add = [&](const Json& of, const std::string& before) {
    for (const auto& [key, name] : kLatencies) {
      if (!of.contains(key) || !of.at(key).is_object()) continue;
      Json row = Json::array({before + name});
      for (const char* shown : kShown) row.push_back(at_path(of.at(key), shown));
      part["rows"].push_back(row);
    }
  };
  add(serving, "");
  for (const Json& one : serving.at("classes")) add(one, one.at("name").get<std::string>() + " ");
  return part;
}

// Of a sorted list, at most so many of its places, evenly over its share from 0 to 1.
Json distribution_curve(const std::string& name, std::vector<double> values) {
  constexpr std::size_t kMost = 200;
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  std::sort(values.begin(), values.end());
  std::vector<double> x, y;
  const std::size_t shown = std::min(values.size(), kMost);
  for (std::size_t i = 0; i < shown; ++i) {
    const std::size_t place = shown > 1 ? i * (values.size() - 1) / (shown - 1) : 0;
    x.push_back(values[place]);
    y.push_back(static_cast<double>(place + 1) / static_cast<double>(values.size()));
  }
  return series(name, x, y);
}

// Requests that finished, class by class where there are several.
Json latency_curves(const CsvColumns& requests, const char* column, const char* name) {
  Json part = chart_part("lines", fmt::format("How many requests have a {} of at most …", name));
  part["x"] = axis(name, "s");
  part["x"]["min"] = 0;
  part["y"] = axis("requests", "share");
  part["from_zero"] = true;
  part["series"] = Json::array({distribution_curve("all requests", requests.numbers(column))});
  std::vector<std::string> kinds = requests.texts("class");
  std::sort(kinds.begin(), kinds.end());
  kinds.erase(std::unique(kinds.begin(), kinds.end()), kinds.end());
  for (const std::string& kind : kinds)
    if (kinds.size() > 1)
      part["series"].push_back(
          distribution_curve(kind, requests.where("class", kind).numbers(column)));
  return part;
}

Json latency_over_time(const CsvColumns& parts, const char* column, const char* name) {
  Json part = chart_part("lines", fmt::format("{} over the time of the run", name));
  const std::vector<double> time = parts.numbers("begin_s");
  part["x"] = axis("time", "s");
  part["y"] = axis(name, "s");
  part["from_zero"] = true;
  part["series"] = Json::array();
  for (const char* shown : {"p50", "p99", "max"})
    part["series"].push_back(
        series(shown, time, parts.numbers(fmt::format("{}_{}", column, shown))));
  return part;
}

// At most so many points: a point is the mean over as many rows as it takes, weighed by time, with
// steps that are each shorter than a pixel.
constexpr std::size_t kMostPoints = 250;

struct Thinned {
  std::vector<double> x, y;
};

Thinned thinned(const std::vector<double>& begin, const std::vector<double>& end,
                const std::vector<double>& value) {
  Thinned points;
  const std::size_t rows = std::max<std::size_t>(1, (begin.size() + kMostPoints - 1) / kMostPoints);
  for (std::size_t at = 0; at < begin.size(); at += rows) {
    double sum = 0, weight = 0;
    for (std::size_t i = at; i < std::min(begin.size(), at + rows); ++i) {
      if (!std::isfinite(value[i])) continue;
      const double own = std::max(end[i] - begin[i], 1e-12);
      sum += value[i] * own;
      weight += own;
    }
    points.x.push_back(begin[at]);
    points.y.push_back(weight > 0 ? sum / weight : std::nan(""));
  }
  return points;
}

struct OverTime {
  const char* title;
  const char* axis;
  const char* unit;
  const char* note;
  std::vector<std::pair<const char*, const char*>> columns;  // with their names
};

std::vector<double> values_of(const CsvColumns& rows, const std::string& column) {
  if (!column.ends_with("_per_s")) return rows.numbers(column);
  std::vector<double> values = rows.numbers(column.substr(0, column.size() - 6));
  const std::vector<double> begin = rows.numbers("begin_s"), end = rows.numbers("end_s");
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = end[i] > begin[i] ? values[i] / (end[i] - begin[i]) : std::nan("");
  return values;
}

Json over_time(const CsvColumns& steps, const Json& pools, const OverTime& shown) {
  Json part = chart_part("lines", shown.title, shown.note);
  part["x"] = axis("time", "s");
  part["y"] = axis(shown.axis, shown.unit);
  part["from_zero"] = true;
  if (shown.unit == std::string("×")) part["y"]["min"] = 1;
  part["series"] = Json::array();
  bool any = false;
  for (const Json& pool : pools) {
    const auto name = pool.at("name").get<std::string>();
    const CsvColumns own = steps.where("pool", name);
    const std::string before = pools.size() > 1 ? name + ": " : "";
    for (const auto& [column, title] : shown.columns) {
      const Thinned points =
          thinned(own.numbers("begin_s"), own.numbers("end_s"), values_of(own, column));
      const bool own_any = std::any_of(points.y.begin(), points.y.end(), [](double value) {
        return std::isfinite(value) && value > 0;
      });
      any |= own_any;
      if (own_any || pools.size() == 1)
        part["series"].push_back(series(before + title, points.x, points.y));
    }
  }
  if (!any) part["series"].clear();
  return part;
}

Json time_section(const CsvColumns& steps, const Json& pools) {
  const std::vector<OverTime> all = {
      {"Balance over the time of the run: load of the busiest GPU over the mean",
       "load, largest over mean",
       "×",
       "1 × is perfect balance. It moves with the mix of requests, and with the map of experts.",
       {{"gpu_max_over_mean", "busiest GPU"}}},
      {"Requests that run and that wait, over the time of the run",
       "requests",
       "",
       "",
       {{"running", "running"}, {"waiting", "waiting"}}},
      {"Tokens per second, over the time of the run",
       "tokens",
       "tokens/s",
       "",
       {{"prompt_tokens_per_s", "prompts"}, {"answer_tokens_per_s", "answers"}}},
      {"Use of the KV cache, over the time of the run",
       "pages in use",
       "share",
       "",
       {{"kv_use", "KV cache"}}},
      {"Time for which rebalancing and failures stopped the pool",
       "stall of a step",
       "s",
       "",
       {{"stall_s", "stalls"}}}};
  Json parts = Json::array();
  for (const OverTime& shown : all) {
    Json part = over_time(steps, pools, shown);
    if (!part["series"].empty()) parts.push_back(std::move(part));
  }
  return section("Over time", "", parts);
}

Json pool_table(const Json& pools) {
  Json part = table_part("The pools", {{"pool"},
                                       {"GPUs", ""},
                                       {"steps", ""},
                                       {"step time", "s"},
                                       {"step time p99", "s"},
                                       {"busy", "share"},
                                       {"running", ""},
                                       {"waiting", ""},
                                       {"KV cache", "share"},
                                       {"balance", "×"}});
  for (const Json& pool : pools)
    part["rows"].push_back({pool.at("name"), pool.at("gpus"), pool.at("steps"),
                            at_path(pool, "step_time_s.mean"), at_path(pool, "step_time_s.p99"),
                            pool.at("busy"), at_path(pool, "running.mean"),
                            at_path(pool, "waiting.mean"), at_path(pool, "kv_use.mean"),
                            pool.at("gpu_max_over_mean")});
  return part;
}

Json pool_section(const Json& pools) {
  std::vector<std::string> names;
  std::vector<Json> breakdowns;
  for (const Json& pool : pools) {
    if (!pool.contains("breakdown_s")) continue;
    const auto name = pool.at("name").get<std::string>();
    names.push_back(name == "all" ? "mean step" : "mean step of " + name);
    breakdowns.push_back(pool.at("breakdown_s"));
  }
  return section(
      "Steps", "",
      Json::array({pool_table(pools),
                   breakdown_bars("Where the time of a step goes, by phase", names, breakdowns)}));
}

std::string steps_text(const Json& pools) {
  const bool cached = std::any_of(pools.begin(), pools.end(), [](const Json& pool) {
    return at_path(pool, "step_cache").is_object();
  });
  return std::string("Means over all steps.") +
         (cached
              ? " One that the step cache interpolated counts as the simulated steps that it lies "
                "between, in which the same ranks always have the most tokens: what the links of "
                "each GPU carry is not that of the requests, what all of them carry is."
              : "");
}

}  // namespace

Json serving_sections(const Json& summary, const ResultFiles& files) {
  const Json& serving = summary.at("serving");
  Json latencies = Json::array({latency_table(serving)});
  if (const auto text = files("requests.csv")) {
    const CsvColumns requests = read_columns(*text);
    for (const auto& [column, name] : {std::pair{"ttft_s", "TTFT"}, {"tpot_s", "TPOT"}})
      latencies.push_back(latency_curves(requests, column, name));
  }
  if (const auto text = files("serving_latencies.csv")) {
    const CsvColumns parts = read_columns(*text);
    for (const auto& [column, name] : {std::pair{"ttft_s", "TTFT"}, {"itl_s", "ITL"}})
      latencies.push_back(latency_over_time(parts, column, name));
  }
  Json sections = Json::array({section("Latencies", "", latencies)});
  if (const auto text = files("serving_steps.csv"))
    sections.push_back(time_section(read_columns(*text), serving.at("pools")));
  sections.push_back(pool_section(serving.at("pools")));
  Json loads = load_maps(files);
  for (Json& part : link_drawings(files)) loads.push_back(std::move(part));
  if (!loads.empty())
    sections.push_back(section("Experts and links", steps_text(serving.at("pools")), loads));
  return sections;
}

}  // namespace moesim
