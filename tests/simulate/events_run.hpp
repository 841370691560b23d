// Whole runs with events: 16 GPUs, four MoE layers of 64 experts, 8 of them a token.
#pragma once

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/program.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {

using Json = nlohmann::json;

inline constexpr int kSteps = 6;
inline constexpr double kTokens = 16 * 128.0;             // of a step
inline constexpr double kRoutes = kTokens * 8 * 4;        // of a step
inline constexpr double kExpert = 3 * 2048 * 1024 * 2.0;  // bytes

class EventsRun : public ::testing::Test {
 protected:
  TemporaryDirectory folder;

  Session session(const std::string& events, const std::string& more) {
    std::ofstream(folder / "s.yaml")
        << "model: {preset: olmoe-1b-7b, layers: 4}\n"
           "cluster: {preset: h100-sxm-ib400, nodes: 2}\n"
           "workload: {phase: decode, tokens_per_gpu: 128, context: 1024, steps: 6}\n"
           "exchange: low_latency\ncalibration: h100-sxm\n"
        << (more.find("trace:") == std::string::npos ? "trace: balanced\n" : "") << more
        << (events.empty() ? "" : "events: " + events + "\n");
    return run_program(
        {"run", (folder / "s.yaml").string(), "--json", "-q", "-o", (folder / "out").string()});
  }
  Json run(const std::string& events, const std::string& more = "") {
    const Session ended = session(events, more);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return Json::parse(ended.out);
  }

  // A column of steps.csv of the last run.
  std::vector<std::string> column(const std::string& name) const {
    std::istringstream lines(file_text(folder / "out" / "steps.csv"));
    std::vector<std::string> values;
    std::size_t place = std::string::npos;
    for (std::string line; std::getline(lines, line);) {
      std::vector<std::string> fields;
      std::istringstream row(line);
      for (std::string field; std::getline(row, field, ',');) fields.push_back(field);
      if (place == std::string::npos) {
        place = static_cast<std::size_t>(std::find(fields.begin(), fields.end(), name) -
                                         fields.begin());
      } else {
        values.push_back(place < fields.size() ? fields[place] : "");
      }
    }
    return values;
  }
};

}  // namespace moesim
