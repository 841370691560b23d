// What offload_mixtral_24gb.yaml claims.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/program.hpp"

namespace moesim {
namespace {

double tokens_per_s(const std::vector<std::string>& settings) {
  std::vector<std::string> words = {
      "run", std::string(MOESIM_SOURCE_DIR) + "/scenarios/offload_mixtral_24gb.yaml", "--json",
      "-q"};
  for (const std::string& setting : settings) {
    words.emplace_back("--set");
    words.push_back(setting);
  }
  const Session session = run_program(words);
  EXPECT_EQ(session.exit_code, 0) << session.err;
  return nlohmann::json::parse(session.out)["metrics"]["tokens_per_s"];
}

TEST(OffloadMixtral, ACacheAndPrefetchingBeatFetchingEverything) {
  const double nothing = tokens_per_s({"cache.slots=0", "prefetch=none"});
  const double cached = tokens_per_s({"prefetch=none"});
  const double both = tokens_per_s({});
  EXPECT_GT(cached, 3 * nothing);
  EXPECT_GT(both, 1.05 * cached);
}

TEST(OffloadMixtral, WrongPredictionsCostMoreThanTheyHideWhereTheLinkIsBusy) {
  EXPECT_LT(tokens_per_s({"prefetch.accuracy=0.9", "prefetch.depth=1"}),
            tokens_per_s({"prefetch=none"}));
  // Kernels ten times slower leave the link idle for longer.
  const std::string slow = "cluster.gpu.memory_bandwidth=100 GB/s";
  EXPECT_GT(tokens_per_s({slow, "prefetch.accuracy=0.9", "prefetch.depth=1"}),
            1.05 * tokens_per_s({slow, "prefetch=none"}));
}

TEST(OffloadMixtral, NoCacheBeatsTheOneThatSeesTheFuture) {
  const double bound = tokens_per_s({"cache.kind=belady", "prefetch=none"});
  for (const char* kind : {"lru", "lfu", "lfu_decay", "priority", "lru_ds", "static_hot"})
    EXPECT_LT(tokens_per_s({std::string("cache.kind=") + kind, "prefetch=none"}), bound) << kind;
}

}  // namespace
}  // namespace moesim
