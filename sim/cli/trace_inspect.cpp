// `moesim trace inspect`: how uneven a trace is, as a table by layer and a heat map.
#include <fmt/color.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "analysis/format.hpp"
#include "analysis/text_table.hpp"
#include "sim/base/yaml.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/flags.hpp"
#include "sim/cli/trace_commands.hpp"
#include "sim/model/imbalance.hpp"
#include "sim/trace/trace_load.hpp"

namespace moesim {
namespace {

struct InspectFlags {
  std::string input, color = "auto";
  std::vector<std::string> domains;
  bool json = false, csv = false, markdown = false;
};

struct LayerView {
  int layer = 0;  // as the model numbers it
  double routes = 0;
  int used = 0;  // experts with any route
  double max_over_mean = 0, gini = 0, effective = 0, top8 = 0;
  int hottest = 0;
};

LayerView view_of(const TraceLoad& load, LayerId layer) {
  const std::span<const double> row = load.counts.row(layer);
  LayerView view{.layer = load.header.layers[layer.index()],
                 .max_over_mean = max_over_mean(row),
                 .gini = gini(row),
                 .effective = effective_count(row),
                 .top8 = top_share(row, 8)};
  for (const double count : row) {
    view.routes += count;
    view.used += count > 0;
  }
  view.hottest = static_cast<int>(std::max_element(row.begin(), row.end()) - row.begin());
  return view;
}

double mean_of(const std::vector<LayerView>& views, double LayerView::*member) {
  std::vector<double> values;
  for (const LayerView& view : views) values.push_back(view.*member);
  return mean(values);
}

std::string heading(const TraceLoad& load) {
  const TraceHeader& header = load.header;
  std::string text = header.model.empty() ? "trace" : header.model;
  text += fmt::format(": {} layers, {} experts", header.layer_count(), header.experts);
  if (load.tokens > 0) text += fmt::format(", top-{}, {} tokens", header.top_k, load.tokens);
  text += fmt::format(", {} {}", load.steps, load.steps == 1 ? "step" : "steps");
  if (!header.source.empty()) text += fmt::format("\nrecorded by {}", header.source);
  if (!header.domains.empty())
    text += fmt::format("\ndomains: {}", fmt::join(header.domains, ", "));
  return text + "\n\n";
}

TextTable layer_table(const std::vector<LayerView>& views, const TraceLoad& load, bool mean_row) {
  TextTable table({{"layer", true},
                   {"routes", true, 1},
                   {"experts used", true, 2},
                   {"max/mean", true},
                   {"Gini", true, 4, "gini"},
                   {"effective experts", true, 5},
                   {"top-8 share", true, 3},
                   {"hottest", true}});
  for (const LayerView& view : views)
    table.add({std::to_string(view.layer),
               fmt::format("{:.0f}", view.routes),
               {fmt::format("{} of {}", view.used, load.header.experts), double(view.used)},
               {format_number(view.max_over_mean), view.max_over_mean},
               {format_number(view.gini), view.gini},
               {format_number(view.effective), view.effective},
               {format_percent(view.top8), view.top8},
               std::to_string(view.hottest)});
  if (views.size() > 1 && mean_row)
    table.add({"mean", format_number(mean_of(views, &LayerView::routes)), "",
               format_number(mean_of(views, &LayerView::max_over_mean)),
               format_number(mean_of(views, &LayerView::gini)),
               format_number(mean_of(views, &LayerView::effective)),
               format_percent(mean_of(views, &LayerView::top8)), ""});
  return table;
}

constexpr int kMapWidth = 64;  // cells of a line

// A cell: load over the layer's mean, by a factor of √2 a shade around the mean.
std::string cell(double ratio, bool color) {
  static constexpr const char* kShades[] = {" ", "░", "▒", "▓", "█"};
  const double steps = ratio > 0 ? 2 * std::log2(ratio) : -100;
  const int shade = static_cast<int>(std::clamp(std::floor(steps / 2 + 2.5), 0.0, 4.0));
  if (!color) return kShades[shade];
  // Blue where cold, white at the mean, red where hot.
  const double heat = std::clamp(steps / 4, -1.0, 1.0);
  const auto fade = [&](double amount) { return static_cast<std::uint8_t>(255 - 200 * amount); };
  const fmt::rgb tone =
      heat > 0 ? fmt::rgb(255, fade(heat), fade(heat)) : fmt::rgb(fade(-heat), fade(-heat), 255);
  return fmt::format(fmt::bg(tone), " ");
}

// A line a layer. Where there are more experts than cells, a cell is the hottest of its experts.
std::string heat_map(const TraceLoad& load, const Screen& screen) {
  const bool color = screen.colour;
  const int experts = load.header.experts;
  const int stride = (experts + kMapWidth - 1) / kMapWidth;
  std::string text =
      fmt::format("\nload of each expert over its layer's mean{}{}\n",
                  color ? ": blue a quarter or less, white 1, red 4 or more"
                        : ": ' ' under 0.35, ░ under 0.71, ▒ under 1.41, ▓ under 2.83, █ more",
                  stride > 1 ? fmt::format(" (a cell is the hottest of {} experts)", stride) : "");
  for (const LayerId layer : load.counts.row_ids()) {
    const std::span<const double> row = load.counts.row(layer);
    const double average = mean(row);
    text += fmt::format("{:>5} │", load.header.layers[layer.index()]);
    for (int first = 0; first < experts; first += stride) {
      const auto part = row.subspan(static_cast<std::size_t>(first),
                                    static_cast<std::size_t>(std::min(stride, experts - first)));
      text += cell(average > 0 ? maximum(part) / average : 1, color);
    }
    text += "│\n";
  }
  return text;
}

nlohmann::ordered_json json_of(const std::vector<LayerView>& views, const TraceLoad& load) {
  nlohmann::ordered_json json = {{"schema", "moesim.trace_inspect/1"},
                                 {"model", load.header.model},
                                 {"source", load.header.source},
                                 {"experts", load.header.experts},
                                 {"top_k", load.header.top_k},
                                 {"tokens", load.tokens},
                                 {"steps", load.steps},
                                 {"domains", load.header.domains},
                                 {"max_over_mean", mean_of(views, &LayerView::max_over_mean)},
                                 {"gini", mean_of(views, &LayerView::gini)},
                                 {"effective_experts", mean_of(views, &LayerView::effective)}};
  json["layers"] = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < views.size(); ++i) {
    const LayerView& view = views[i];
    const auto row = load.counts.row(LayerId(i));
    std::vector<std::int64_t> counts;
    for (const double count : row) counts.push_back(static_cast<std::int64_t>(count));
    json["layers"].push_back({{"layer", view.layer},
                              {"routes", static_cast<std::int64_t>(view.routes)},
                              {"experts_used", view.used},
                              {"max_over_mean", view.max_over_mean},
                              {"gini", view.gini},
                              {"effective_experts", view.effective},
                              {"top8_share", view.top8},
                              {"hottest_expert", view.hottest},
                              {"counts", std::move(counts)}});
  }
  return json;
}

int inspect(const InspectFlags& flags) {
  const TraceLoad load = read_trace_load(flags.input, flags.domains);
  std::vector<LayerView> views;
  for (const LayerId layer : load.counts.row_ids()) views.push_back(view_of(load, layer));
  if (flags.json) {
    fmt::print("{}\n", json_of(views, load).dump(2));
    return kExitDone;
  }
  const TextTable table = layer_table(views, load, !flags.csv);
  if (flags.csv || flags.markdown) {
    fmt::print("{}", flags.csv ? table.csv() : table.markdown());
    return kExitDone;
  }
  const Screen screen = stdout_screen(flags.color);
  fmt::print("{}{}{}", screen.shown(heading(load)), table.text(screen),
             screen.shown(heat_map(load, screen)));
  return kExitDone;
}

}  // namespace

std::function<int()> declare_trace_inspect(CLI::App& app) {
  const auto flags = std::make_shared<InspectFlags>();
  app.add_option("trace", flags->input, "a trace, in any form that convert reads")->required();
  app.add_option("--domain", flags->domains, "only tokens of this domain (repeatable)");
  declare_color(app, flags->color);
  app.add_flag("--json", flags->json, "one JSON document, with all counts");
  declare_table_forms(app, flags->csv, flags->markdown);
  return [flags] { return inspect(*flags); };
}

}  // namespace moesim
