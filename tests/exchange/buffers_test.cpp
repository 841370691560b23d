// What exchange libraries keep on each GPU, against what their users saw.
#include <gtest/gtest.h>

#include "sim/exchange/exchange_policy.hpp"
#include "sim/model/memory.hpp"
#include "tests/support/clusters.hpp"

namespace moesim {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;

// 384 experts and 64 more copies of a model that is 5120 wide, 16 ranks
// (vllm-project/vllm#57894).
TEST(LowLatencyBuffers, AreThoseThatVllmAllocatedForDeepEp) {
  Mistakes mistakes;
  const YamlNode root = parse_yaml(text_source("test", "exchange: low_latency"));
  const Choice choice = read_choice(ExchangePolicy::kRole, *root.find("exchange"), mistakes);
  mistakes.throw_if_any();
  const auto exchange = Registry<ExchangePolicy>::make(choice);
  const MoeModel model{.hidden = 5120, .experts = 384};
  const Cluster cluster = build_cluster(test_spec(2), "rail_optimized");
  for (const auto& [tokens, gib] :
       {std::pair(2048, 35.55), {1856, 32.21}, {1840, 31.94}, {1536, 26.66}})
    EXPECT_NEAR(exchange->buffer_bytes(model, cluster, tokens, 384 + 64).value / kGiB, gib, 0.006)
        << tokens;
}

}  // namespace
}  // namespace moesim
