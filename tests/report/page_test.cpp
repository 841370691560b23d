// Reports in a real browser, driven by page_test.mjs. Its screenshots stay in the build folder,
// under report-screenshots.
#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>

#include "analysis/report/assets.hpp"
#include "analysis/report/parts.hpp"
#include "analysis/report/report.hpp"
#include "tests/support/program.hpp"

namespace moesim {
namespace {

namespace fs = std::filesystem;

const fs::path kBuild = fs::path(MOESIM_PROGRAM).parent_path();
const fs::path kModules = kBuild / "report" / "node_modules";

std::string path_of(const std::string& program) {
  std::string folders = std::getenv("PATH") != nullptr ? std::getenv("PATH") : "";
  for (std::size_t begin = 0; begin < folders.size();) {
    const std::size_t end = std::min(folders.find(':', begin), folders.size());
    const fs::path file = fs::path(folders.substr(begin, end - begin)) / program;
    if (fs::exists(file)) return file.string();
    begin = end + 1;
  }
  return {};
}

// What a browser test needs and this machine lacks.
std::string missing() {
  if (path_of("node").empty()) return "no node";
  if (path_of("chromium").empty()) return "no chromium";
  if (!fs::exists(kModules / "playwright-core")) return "npm did not bring playwright-core";
  if (chart_script().empty()) return "npm did not bring ECharts";
  return {};
}

// Opens the page; screenshots are called so.
void look_at(const std::string& name, const fs::path& page) {
  const TemporaryDirectory scratch;
  fs::create_directories(kBuild / "report-screenshots");
  const std::string command = fmt::format(
      "'{}' '{}/tests/report/page_test.mjs' '{}' '{}' '{}' '{}' > '{}' 2>&1", path_of("node"),
      MOESIM_SOURCE_DIR, kModules.string(), path_of("chromium"), page.string(),
      (kBuild / "report-screenshots" / name).string(), (scratch / "log").string());
  EXPECT_EQ(std::system(command.c_str()), 0) << file_text(scratch / "log");
}

// Runs the program with `arguments` and -o, then opens what it wrote.
void look_at_result(const std::string& name, std::vector<std::string> arguments) {
  if (const std::string why = missing(); !why.empty()) GTEST_SKIP() << why;
  const TemporaryDirectory scratch;
  arguments.insert(arguments.end(), {"-q", "-o", (scratch / "result").string()});
  const Session session = run_program(arguments);
  ASSERT_EQ(session.exit_code, 0) << session.err;
  look_at(name, scratch / "result" / "report.html");
}

TEST(ReportPage, OfARunIsDrawnInABrowser) {
  look_at_result("run", {"run", "scenarios/quickstart.yaml", "--set", "model.layers=4"});
}

TEST(ReportPage, OfAComparisonIsDrawnInABrowser) {
  look_at_result("compare",
                 {"compare", "scenarios/quickstart.yaml", "--set", "model.layers=2", "--set",
                  "workload.steps=1", "--vary", "placement=linear,lpt", "--seeds", "3"});
}

TEST(ReportPage, OfServedRequestsIsDrawnInABrowser) {
  look_at_result("serving", {"run", "scenarios/serving_domain_shift.yaml", "--set",
                             "requests.count=600", "--set", "model.layers=2"});
}

TEST(ReportPage, OfAPlanIsDrawnInABrowser) {
  look_at_result("plan", {"plan", "scenarios/capacity_chat.yaml"});
}

// Rows that each of 144 GPUs computes for some of 256 experts, in 64 layers: more cells than a
// function of JavaScript may have arguments.
Json large_map() {
  Json map = chart_part("heat_map", "Loads of <img src=x>", "Of <img src=x>");
  std::vector<int> experts(256), gpus(144);
  std::iota(experts.begin(), experts.end(), 0);
  std::iota(gpus.begin(), gpus.end(), 0);
  map.update({{"unit", "rows"}, {"slider", "layer"}, {"frames", Json::array()}});
  map["x"] = {{"title", "<img src=x>"}, {"labels", experts}};
  map["y"] = {{"title", "GPU"}, {"labels", gpus}};
  for (int layer = 0; layer < 64; ++layer) {
    Json cells = Json::array();
    for (int expert = 0; expert < 256; ++expert)
      for (int copy = 0; copy < 9; ++copy)
        cells.push_back({expert, (expert * 9 + copy) % 144, (7 * expert + layer * copy) % 100});
    map["frames"].push_back({{"label", fmt::format("layer {}", layer)}, {"cells", cells}});
  }
  return map;
}

TEST(ReportPage, OfALargeResultWithTagsForNamesIsDrawnInABrowser) {
  if (const std::string why = missing(); !why.empty()) GTEST_SKIP() << why;
  const std::string name = "</script><img src=x> & \"it's\"";
  Json bars = bars_part("Bars of " + name, name, {.unit = "s", .value = name, .category = name},
                        {name, "<img src=x>", "c"});
  bars["series"] = {bar_series(name, {1e-3, 2e-3, 3e-3}), bar_series("b", {2e-3, 1e-3, 0})};
  Json lines = chart_part("lines", "Lines of " + name);
  lines["x"] = axis(name, "");
  lines["y"] = axis(name, "s");
  lines["series"] = {series(name, {1, 2, 3}, {1, 2, 3}), series("b", {1, 2, 3}, {3, 2, 1})};
  Json table = table_part("Rows of " + name, {{name}, {"value", "s"}});
  for (const Json& value : Json::array({1.5, nullptr, 0.5, nullptr, 2.5}))
    table["rows"].push_back(Json::array({name, value}));
  const Json figures = {{{"title", name}, {"value", 12.5}, {"unit", "s"}, {"key", "a"}},
                        {{"title", "b"}, {"value", 0.25}, {"unit", "share"}, {"key", "b"}}};
  const TemporaryDirectory scratch;
  write_file(
      scratch / "report.html",
      report_page(Json{
          {"kind", "run"},
          {"title", name},
          {"subject", name},
          {"answer", name},
          {"question", name},
          {"figures", figures},
          {"warnings", Json::array({name})},
          {"assumptions", Json::array({named_text(name, name)})},
          {"sections", Json::array({section(name, name, {bars, lines, large_map(), table})})}}));
  look_at("large", scratch / "report.html");
}

TEST(ReportPage, OfASweepIsDrawnInABrowser) {
  if (const std::string why = missing(); !why.empty()) GTEST_SKIP() << why;
  const TemporaryDirectory scratch;
  write_file(scratch / "base.yaml",
             "model: {preset: olmoe-1b-7b, layers: 2}\ncluster: {preset: h100-sxm, nodes: 1}\n"
             "workload: {tokens_per_gpu: 64, steps: 1}\ntrace: {kind: lognormal, sigma: 1}\n"
             "network: {fidelity: analytic}\n");
  write_file(scratch / "s.yaml",
             "scenario: base.yaml\nmatrix:\n  placement: [linear, lpt]\n"
             "  workload.tokens_per_gpu: [32, 64, 128]\n");
  const Session sweep = run_program({"sweep", "s.yaml", "-q", "-o", "r.sqlite"}, scratch.path());
  ASSERT_EQ(sweep.exit_code, 0) << sweep.err;
  const Session report = run_program({"report", "r.sqlite"}, scratch.path());
  ASSERT_EQ(report.exit_code, 0) << report.err;
  EXPECT_EQ(report.out, "written to r.html\n");
  const Session document = run_program({"report", "r.sqlite", "--json"}, scratch.path());
  EXPECT_EQ(Json::parse(document.out).at("command"), "moesim sweep s.yaml");
  look_at("sweep", scratch / "r.html");
}

}  // namespace
}  // namespace moesim
