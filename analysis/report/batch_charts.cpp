#include "analysis/report/batch_charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "analysis/report/cluster_part.hpp"
#include "analysis/report/csv_columns.hpp"
#include "analysis/report/parts.hpp"

namespace moesim {
namespace {

// Columns of a csv file that are times of phases: "dispatch_s" is dispatch.
std::vector<std::string> phase_columns(const Json& summary) {
  std::vector<std::string> phases;
  for (const auto& [phase, seconds] : summary.at("metrics").at("breakdown_s").items())
    phases.push_back(phase);
  return phases;
}

// A phase that takes any time.
void add_if_any(Json& part, const std::string& phase, const std::vector<double>& seconds) {
  if (std::any_of(seconds.begin(), seconds.end(), [](double value) { return value > 0; }))
    part["series"].push_back(bar_series(phase, seconds));
}

Json phase_bars(const std::string& title, const std::string& note, const std::string& category,
                const CsvColumns& columns, const std::vector<std::string>& phases) {
  Json part =
      bars_part(title, note, {.unit = "s", .value = "time", .category = category, .stacked = true},
                columns.texts(category));
  for (const std::string& phase : phases)
    if (columns.has(phase + "_s")) add_if_any(part, phase, columns.numbers(phase + "_s"));
  return part;
}

// A bin for each place between the extremes, about as many as Sturges' rule says.
Json histogram(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const int bins = std::max(5, static_cast<int>(std::ceil(std::log2(values.size()) + 1)));
  const double width = (*high - *low) / bins;
  std::vector<double> counts(static_cast<std::size_t>(bins));
  for (const double value : values) {
    const int bin = width > 0 ? std::min(bins - 1, static_cast<int>((value - *low) / width)) : 0;
    ++counts[static_cast<std::size_t>(bin)];
  }
  std::vector<double> x, y;
  for (int bin = 0; bin < bins; ++bin) {
    x.push_back(*low + bin * width);
    y.push_back(counts[static_cast<std::size_t>(bin)]);
  }
  x.push_back(*high);
  y.push_back(counts.back());
  Json part = chart_part("lines", "How long steps take: the distribution of step times");
  part["x"] = axis("step time", "s");
  part["y"] = axis("steps", "");
  part["filled"] = true;
  part["steps"] = true;
  part["from_zero"] = true;
  part["series"] = Json::array({series("steps", x, y)});
  return part;
}

Json step_times(const CsvColumns& steps) {
  const std::vector<double> times = steps.numbers("step_time_s");
  constexpr std::size_t kEnoughForBins = 20;
  if (times.size() >= kEnoughForBins && std::set(times.begin(), times.end()).size() > 1)
    return histogram(times);
  Json part =
      bars_part("How long each step takes: the distribution of step times", "",
                {.unit = "s", .value = "step time", .category = "step"}, steps.texts("step"));
  part["series"].push_back(bar_series("step time", times));
  return part;
}

Json strip_part(const CsvColumns& spans) {
  Json part = chart_part("strip", "What a few GPUs do during one step",
                         "The first measured step. Kernels and, below them, flows of each GPU; the "
                         "GPUs are those with the most and the least load, and some between. Drag "
                         "the bar to look closer.");
  std::vector<std::string> tracks, names;
  const auto place = [](std::vector<std::string>& list, const std::string& name) {
    const auto found = std::find(list.begin(), list.end(), name);
    if (found != list.end()) return found - list.begin();
    list.push_back(name);
    return static_cast<std::ptrdiff_t>(list.size()) - 1;
  };
  const std::vector<double> begin = spans.numbers("begin_s"), end = spans.numbers("end_s");
  part["spans"] = Json::array();
  for (std::size_t i = 0; i < spans.rows; ++i) {
    const std::string track =
        fmt::format("GPU {} {}", spans.texts("gpu")[i], spans.texts("track")[i]);
    const auto row = place(tracks, track);
    const auto name = place(names, spans.texts("phase")[i]);
    part["spans"].push_back({row, name, begin[i], end[i]});
  }
  part["tracks"] = tracks;
  part["names"] = names;
  return part;
}

Json load_map(const CsvColumns& loads, const std::string& of) {
  Json part = chart_part("heat_map", "Load of each expert on each GPU" + of + ", layer by layer",
                         "Rows that the GPU computes for the expert in a step (mean); a blank: the "
                         "GPU has no copy of it. Move the slider to another MoE layer.");
  std::map<int, Json> frames;
  std::set<int> gpus, experts;
  const auto whole = [&](const char* name, std::size_t i) {
    return std::stoi(loads.texts(name)[i]);
  };
  for (std::size_t i = 0; i < loads.rows; ++i) {
    gpus.insert(whole("gpu", i));
    experts.insert(whole("expert", i));
  }
  const std::vector<double> rows = loads.numbers("rows_per_step");
  for (std::size_t i = 0; i < loads.rows; ++i) {
    const auto x = std::distance(experts.begin(), experts.find(whole("expert", i)));
    const auto y = std::distance(gpus.begin(), gpus.find(whole("gpu", i)));
    frames[whole("layer", i)].push_back({x, y, std::round(rows[i] * 100) / 100});
  }
  part["x"] = {{"title", "expert"}, {"labels", experts}};
  part["y"] = {{"title", "GPU"}, {"labels", gpus}};
  part["unit"] = "rows";
  part["slider"] = "MoE layer";
  part["frames"] = Json::array();
  for (auto& [layer, cells] : frames)
    part["frames"].push_back({{"label", fmt::format("layer {}", layer)}, {"cells", cells}});
  return part;
}

// What `draw` makes of a file's rows: of all of them, or of those of each pool.
Json for_each_pool(const std::optional<std::string>& text,
                   Json (*draw)(const CsvColumns& rows, const std::string& of)) {
  Json parts = Json::array();
  const CsvColumns all = read_columns(text.value_or(""));
  if (!all.has("pool")) {
    if (all.rows > 0) parts.push_back(draw(all, ""));
    return parts;
  }
  std::vector<std::string> pools;
  for (const std::string& pool : all.texts("pool"))
    if (std::find(pools.begin(), pools.end(), pool) == pools.end()) pools.push_back(pool);
  for (const std::string& pool : pools)
    parts.push_back(draw(all.where("pool", pool), pools.size() > 1 ? " of " + pool : ""));
  return parts;
}

Json layer_lines(const Json& layers) {
  std::vector<double> x, gpu, expert;
  for (const Json& layer : layers) {
    x.push_back(number_at(layer, "layer"));
    gpu.push_back(number_at(layer, "imbalance.gpu_max_over_mean"));
    expert.push_back(number_at(layer, "imbalance.expert_max_over_mean"));
  }
  Json part = chart_part("lines", "Imbalance of each layer: the busiest over the mean",
                         "1 × is perfect balance. The busiest GPU is what a layer waits for.");
  part["x"] = axis("MoE layer", "");
  part["y"] = axis("load, largest over mean", "×");
  part["y"]["min"] = 1;
  part["from_zero"] = true;
  part["series"] = Json::array({series("GPUs", x, gpu), series("experts", x, expert)});
  return part;
}

Json hot_table(const Json& hot) {
  Json part = table_part("Hot spots: what a GPU's load above the mean costs",
                         {{"MoE layer", ""},
                          {"GPU", ""},
                          {"busiest expert", ""},
                          {"costs, of each step", "s"},
                          {"share of the step", "share"}});
  for (const Json& spot : hot)
    part["rows"].push_back({spot.at("layer"), spot.at("gpu"), spot.at("expert"), spot.at("share"),
                            spot.at("share_of_step")});
  return part;
}

}  // namespace

Json breakdown_bars(const std::string& title, const std::vector<std::string>& names,
                    const std::vector<Json>& breakdowns) {
  Json part = bars_part(title,
                        "Mean over GPUs. Each instant of a GPU belongs to one phase: the kernel "
                        "that runs, else its own active flow, else waiting.",
                        {.unit = "s", .value = "time", .horizontal = true, .stacked = true}, names);
  std::vector<std::string> phases;
  for (const Json& breakdown : breakdowns)
    for (const auto& [phase, seconds] : breakdown.items())
      if (std::find(phases.begin(), phases.end(), phase) == phases.end()) phases.push_back(phase);
  for (const std::string& phase : phases) {
    std::vector<double> values;
    for (const Json& breakdown : breakdowns)
      values.push_back(breakdown.contains(phase) ? number_at(breakdown, phase) : 0);
    add_if_any(part, phase, values);
  }
  return part;
}

Json load_maps(const ResultFiles& files) { return for_each_pool(files("loads.csv"), load_map); }

Json link_drawings(const ResultFiles& files) {
  return for_each_pool(files("links.csv"), cluster_part);
}

Json time_section(const Json& summary, const ResultFiles& files) {
  Json parts = Json::array({breakdown_bars("Where the time of a step goes, by phase", {"mean step"},
                                           {summary.at("metrics").at("breakdown_s")})});
  if (const auto text = files("strip.csv")) {
    const CsvColumns spans = read_columns(*text);
    if (spans.rows > 0) parts.push_back(strip_part(spans));
  }
  if (const auto text = files("steps.csv")) parts.push_back(step_times(read_columns(*text)));
  if (const auto text = files("gpus.csv"))
    parts.push_back(phase_bars("What each GPU spends the time of a step on", "Mean over steps.",
                               "gpu", read_columns(*text), phase_columns(summary)));
  return section("Time", "", parts);
}

Json balance_section(const Json& summary, const ResultFiles& files) {
  Json parts = load_maps(files);
  if (!summary.at("layers").empty()) parts.push_back(layer_lines(summary.at("layers")));
  if (!summary.at("hot").empty()) parts.push_back(hot_table(summary.at("hot")));
  return section("Balance", "", parts);
}

Json link_section(const Json& summary, const ResultFiles& files) {
  Json parts = link_drawings(files);
  Json table = table_part("The busiest links",
                          {{"link"}, {"kind"}, {"bytes per step", "B"}, {"use", "share"}});
  for (const Json& link : summary.at("links").at("hottest"))
    table["rows"].push_back({link.at("name"), link.at("class"), link.at("bytes"), link.at("use")});
  if (!table["rows"].empty()) parts.push_back(table);
  return section("Links", "", parts);
}

}  // namespace moesim
