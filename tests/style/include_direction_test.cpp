// Holds the #include lines against DESIGN §3:
//   base ← model ← solve ← {plug-in folders, calibration, engine} ← simulate ← analysis ← cli,
// of a sibling folder only its interface header, and libraries only where they belong.
#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "tests/style/source_files.hpp"

namespace moesim {
namespace {

// The header by which the other folders of its rank know a plug-in folder. The engine and the
// calibrations are known to nobody beside them.
const std::map<std::string, std::string> kInterfaces = {
    {"sim/lengths", "sim/lengths/lengths.hpp"},
    {"sim/trace", "sim/trace/trace.hpp"},
    {"sim/topology", "sim/topology/topology.hpp"},
    {"sim/gate", "sim/gate/gate.hpp"},
    {"sim/capacity", "sim/capacity/capacity.hpp"},
    {"sim/placement", "sim/placement/placement_policy.hpp"},
    {"sim/replica", "sim/replica/replica.hpp"},
    {"sim/exchange", "sim/exchange/exchange_policy.hpp"},
    {"sim/overlap", "sim/overlap/overlap.hpp"},
    {"sim/rebalance", "sim/rebalance/rebalance.hpp"},
    {"sim/step_placement", "sim/step_placement/step_placement.hpp"},
    {"sim/cache", "sim/cache/cache.hpp"},
    {"sim/prefetch", "sim/prefetch/prefetch.hpp"},
    {"sim/event", "sim/event/event.hpp"},
    {"sim/schedule", "sim/schedule/schedule.hpp"},
    {"sim/requests", "sim/requests/requests.hpp"},
    {"sim/batching", "sim/batching/batching.hpp"},
    {"sim/queue", "sim/queue/queue.hpp"},
    {"sim/router", "sim/router/router.hpp"},
    {"sim/serving", ""},
    {"sim/calibration", ""},
    {"sim/engine", ""},
};

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

bool is_analysis(const std::string& folder) {
  return folder == "analysis" || folder.starts_with("analysis/");
}

// How far right a folder stands; nothing for one that the design does not know.
std::optional<int> rank_of(const std::string& folder) {
  if (folder == "sim/base") return 0;
  if (folder == "sim/model") return 1;
  if (folder == "sim/solve") return 2;
  if (kInterfaces.contains(folder)) return 3;
  if (folder == "sim") return 4;  // simulate, read_scenario, …
  if (folder == "analysis" || folder == "analysis/sweep") return 5;
  if (folder == "analysis/plan") return 6;
  if (folder == "analysis/report") return 7;
  if (folder == "sim/cli") return 8;
  return std::nullopt;
}

// What an #include line names, between quotes or angle brackets.
std::optional<std::string> included(const std::string& line, char open, char close) {
  if (!line.starts_with("#include")) return std::nullopt;
  const std::size_t begin = line.find(open, 8);
  const std::size_t end = line.find(close, begin + 1);
  if (begin == std::string::npos || end == std::string::npos) return std::nullopt;
  return line.substr(begin + 1, end - begin - 1);
}

// Why the file may not include the header; empty where it may.
std::string objection(const std::string& file, const std::string& header) {
  const std::string from = folder_of(file), to = folder_of(header);
  if (from == to) return "";
  const std::optional<int> left = rank_of(to), right = rank_of(from);
  if (!right) return from + " is not a folder of the design";
  if (!left) return to + " is not a folder of the design";
  if (*left < *right) return "";
  if (*left > *right) return to + " stands right of " + from;
  if (is_analysis(to)) return "";
  return kInterfaces.at(to) == header ? "" : "a sibling is known by its interface header only";
}

bool is_program(const SourceFile& file) {
  return file.path.starts_with("sim/") || file.path.starts_with("analysis/");
}

TEST(IncludeDirection, PointsLeftOnly) {
  int seen = 0;
  for (const SourceFile& file : source_files({".cpp", ".hpp"})) {
    if (!is_program(file)) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const auto header = included(file.lines[i], '"', '"');
      if (!header) continue;
      ++seen;
      EXPECT_EQ(objection(file.path, *header), "")
          << file.path << ":" << i + 1 << ": " << file.lines[i];
    }
  }
  EXPECT_GT(seen, 100);
}

TEST(IncludeDirection, ObjectsToWhatTheDesignForbids) {
  EXPECT_EQ(objection("sim/gate/topk.cpp", "sim/model/routing.hpp"), "");
  EXPECT_EQ(objection("sim/rebalance/interval.cpp", "sim/placement/placement_policy.hpp"), "");
  EXPECT_NE(objection("sim/rebalance/interval.cpp", "sim/placement/eplb.hpp"), "");
  EXPECT_NE(objection("sim/trace/file.cpp", "sim/engine/engine.hpp"), "");
  EXPECT_NE(objection("sim/model/cluster.cpp", "sim/topology/topology.hpp"), "");
  EXPECT_NE(objection("sim/simulate.cpp", "analysis/summary.hpp"), "");
  EXPECT_NE(objection("sim/helpers/x.cpp", "sim/base/ids.hpp"), "");
  EXPECT_EQ(objection("sim/cli/run.cpp", "analysis/summary.hpp"), "");
  EXPECT_EQ(objection("analysis/summary.cpp", "sim/simulate.hpp"), "");
  EXPECT_EQ(objection("analysis/report/run.cpp", "analysis/summary.hpp"), "");
}

struct Library {
  std::string prefix;  // of the header
  std::string only_in;
};

TEST(Libraries, AppearOnlyWhereTheyBelong) {
  const std::vector<Library> libraries = {
      {"simgrid", "sim/engine/"}, {"xbt", "sim/engine/"},         {"yaml-cpp", "sim/base/yaml.cpp"},
      {"hdf5", "sim/trace/"},     {"H5", "sim/trace/"},           {"cuda", "kernels/"},
      {"cublas", "kernels/"},     {"ceres/", "sim/calibration/"}, {"CLI/", "sim/cli/"},
      {"coin/", "sim/solve/"},    {"metis", "sim/solve/"},        {"sqlite3", "analysis/sweep/"}};
  const std::string own_program = "kernels/profile/main.cpp";  // reads a command line of its own
  for (const SourceFile& file : source_files({".cpp", ".hpp", ".cu", ".cuh"})) {
    if (file.path.starts_with("tests/")) continue;
    for (const std::string& line : file.lines) {
      const auto header = included(line, '<', '>');
      if (!header || (file.path == own_program && header == "CLI/CLI.hpp")) continue;
      for (const Library& library : libraries)
        if (header->starts_with(library.prefix)) {
          EXPECT_TRUE(file.path.starts_with(library.only_in)) << file.path << ": " << line;
        }
    }
  }
}

}  // namespace
}  // namespace moesim
