// Sessions of `moesim run` about the network: models of it side by side, and a narrow spine.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "analysis/json.hpp"
#include "tests/support/program.hpp"

namespace moesim {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

const std::string kScenarios = std::string(MOESIM_SOURCE_DIR) + "/scenarios/";

Session run_cut(const std::string& scenario, std::vector<std::string> more) {
  more.insert(more.begin(), {"run", kScenarios + scenario, "--set", "workload.steps=1", "--set",
                             "model.layers=5", "-q"});
  return run_program(more);
}

TEST(RunFidelity, SetsNetworkModelsBesideTheMostExactOne) {
  const Session session =
      run_cut("deepseek_v3_prefill_ep32.yaml", {"--fidelity", "analytic,fluid:0,aggregated"});
  ASSERT_EQ(session.exit_code, 0) << session.err;
  EXPECT_THAT(session.out, ContainsRegex("analytic +[0-9.]+ ms +[+-][0-9.]+ % +[0-9.]+ % .* s\n"));
  EXPECT_THAT(session.out, ContainsRegex("fluid, tolerance 0 +[0-9.]+ ms +reference"));
  EXPECT_THAT(session.out, HasSubstr("error: mean step time against fluid, tolerance 0"));
}

TEST(RunFidelity, GivesTheSameJsonForAnyNumberOfJobs) {
  const auto document = [](const std::string& jobs) {
    return run_cut("deepseek_v3_prefill_ep32.yaml",
                   {"--fidelity", "fluid,aggregated", "--json", "-j", jobs})
        .out;
  };
  const Json json = Json::parse(document("1"));
  EXPECT_EQ(json["schema"], "moesim.fidelities/1");
  EXPECT_EQ(json["reference"], 0);
  EXPECT_EQ(json["runs"][0]["error"], 0);
  EXPECT_EQ(json["runs"][1]["fidelity"], "aggregated");
  EXPECT_LT(std::abs(json["runs"][1]["error"].get<double>()), 0.05);
  EXPECT_EQ(document("2"), document("1"));
}

TEST(RunFidelity, StatesTheErrorOfASimplifiedNetwork) {
  const auto error_of = [](const std::string& fidelity) {
    const Session session =
        run_cut("quickstart.yaml", {"--json", "--set", "network.fidelity=" + fidelity});
    return Json::parse(session.out)["provenance"]["network_error"];
  };
  EXPECT_TRUE(error_of("fluid").is_null());
  const double aggregated = error_of("aggregated").get<double>();
  EXPECT_NE(aggregated, 0);
  EXPECT_LT(std::abs(aggregated), 0.05);
}

TEST(RunFidelity, SaysWhatItCannotDo) {
  Session session = run_cut("quickstart.yaml", {"--fidelity", "fluid,exact"});
  EXPECT_EQ(session.exit_code, 2);
  EXPECT_THAT(session.err, HasSubstr("network.fidelity"));
  session = run_cut("quickstart.yaml", {"--fidelity", "fluid", "-o", "results"});
  EXPECT_EQ(session.exit_code, 2);
  EXPECT_THAT(session.err, HasSubstr("--set network.fidelity=NAME -o DIR"));
}

// A token goes to 8 experts but to at most 4 nodes, its own among them.
TEST(OversubscribedSpine, IsCrossedByHalfTheBytesAfterDeduplicationByNode) {
  const auto metrics = [](const std::string& kind) {
    const Session session =
        run_cut("oversubscribed_spine.yaml", {"--json", "--set", "exchange.kind=" + kind});
    EXPECT_EQ(session.exit_code, 0) << session.err;
    const Json document = Json::parse(session.out);
    const Json& spine = document["links"]["classes"].back();
    EXPECT_EQ(spine["class"], "spine");
    EXPECT_GT(spine["use_max"], 0.5);
    return std::pair(document["metrics"]["step_time_s"]["mean"].get<double>(),
                     spine["bytes"].get<double>());
  };
  const auto [dedup_time, dedup_bytes] = metrics("hierarchical_dedup");
  const auto [direct_time, direct_bytes] = metrics("direct");
  EXPECT_LT(dedup_bytes, 0.5 * direct_bytes);
  EXPECT_LT(dedup_time, 0.6 * direct_time);
}

}  // namespace
}  // namespace moesim
