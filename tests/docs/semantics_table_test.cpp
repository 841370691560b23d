// The table of scenarios/README.md that shows what each choice about exchanges is worth.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"

namespace moesim {
namespace {

const std::string kScenarios = std::string(MOESIM_SOURCE_DIR) + "/scenarios/";

// Milliseconds of one step of a model cut to three MoE layers.
double step_time(const std::string& scenario, std::vector<std::string> settings) {
  settings.insert(settings.end(), {"workload.steps=1", "model.layers=6"});
  std::vector<std::string> words = {"run", kScenarios + scenario, "--json", "-q"};
  for (const std::string& setting : settings) words.insert(words.end(), {"--set", setting});
  const Session session = run_program(words);
  EXPECT_EQ(session.exit_code, 0) << session.err;
  if (session.exit_code != 0) return 0;
  return 1e3 * nlohmann::json::parse(session.out)["metrics"]["step_time_s"]["mean"].get<double>();
}

std::string row_of(const std::vector<std::string>& settings, std::vector<double>& defaults) {
  std::string row = "|";
  for (const std::string& setting : settings) row += fmt::format(" `network.{}`", setting);
  if (settings.empty()) row += " nothing: each kind's own";
  std::vector<std::string> full;
  for (const std::string& setting : settings) full.push_back("network." + setting);
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), full.begin(), full.end());
    return more;
  };
  const double times[] = {
      step_time("deepseek_v3_prefill_ep32.yaml", full),
      step_time("deepseek_v3_prefill_ep32.yaml", with({"exchange.kind=direct_dedup"})),
      step_time("deepseek_v3_decode_ep64.yaml", full)};
  for (std::size_t i = 0; i < std::size(times); ++i) {
    if (settings.empty()) defaults.push_back(times[i]);
    const double change = 100 * (times[i] / defaults[i] - 1);
    row += settings.empty()          ? fmt::format(" | {:.1f} ms", times[i])
           : std::abs(change) < 0.05 ? std::string(" | same")
                                     : fmt::format(" | {:+.1f} %", change);
  }
  return row + " |\n";
}

TEST(ScenariosReadme, ShowsWhatEachChoiceAboutExchangesIsWorth) {
  std::string table =
      "| set | prefill, hierarchical_dedup | prefill, direct_dedup | decode, low_latency |\n"
      "|---|---|---|---|\n";
  std::vector<double> defaults;
  for (const std::vector<std::string>& settings :
       std::vector<std::vector<std::string>>{{},
                                             {"schedule.window=1"},
                                             {"schedule.window=4"},
                                             {"schedule.window=4", "schedule.order=ascending"},
                                             {"routing=pxn"},
                                             {"routing=source_rail"},
                                             {"coupling=store_and_forward"},
                                             {"wait_for=node"},
                                             {"wait_for=all"}})
    table += row_of(settings, defaults);
  const std::string readme = file_text(kScenarios + "README.md");
  EXPECT_NE(
      readme.find("<!-- begin exchange choices -->\n" + table + "<!-- end exchange choices -->"),
      std::string::npos)
      << "put this between the markers:\n"
      << table;
}

}  // namespace
}  // namespace moesim
