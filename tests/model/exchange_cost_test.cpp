#include "sim/model/exchange_cost.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "sim/model/uniform_exchange.hpp"

namespace moesim {
namespace {

constexpr PortRates kHopper{.nvlink = BytesPerSecond(450e9), .nic = BytesPerSecond(50e9)};

// Values that policies.md 4.3 lists for DeepSeek-V3 (top-8 of 256).
TEST(ExpectedDistinct, GivesThePublishedValues) {
  EXPECT_NEAR(expected_distinct(256, 8, 8), 5.29, 0.01);
  EXPECT_NEAR(expected_distinct(256, 8, 16), 6.52, 0.01);
  EXPECT_NEAR(expected_distinct(256, 8, 32), 7.27, 0.01);
  EXPECT_NEAR(expected_distinct(256, 8, 64), 7.68, 0.01);
  EXPECT_DOUBLE_EQ(expected_distinct(8, 2, 8), 2);
  EXPECT_DOUBLE_EQ(expected_distinct(8, 2, 1), 1);
}

TEST(ExpectedDistinct, CountsNoMoreThanTheLimitAllows) {
  // Two of four experts in two groups of two: one group with 2 of 6 pairs.
  EXPECT_NEAR(expected_distinct(4, 2, 2, 2), 1 + 4.0 / 6, 1e-12);
  EXPECT_NEAR(expected_distinct(4, 2, 2, 1), 1, 1e-12);
  // Three of six in three groups of two: all three groups with 8 of 20 sets, else two.
  EXPECT_NEAR(expected_distinct(6, 3, 3, 3), 2 + 8.0 / 20, 1e-12);
  EXPECT_NEAR(expected_distinct(6, 3, 3, 2), 2, 1e-12);
  EXPECT_DOUBLE_EQ(expected_distinct(256, 8, 4, 4), expected_distinct(256, 8, 4));
}

TEST(LowLatencySms, AreAsManyAsTheExpertsFillEvenly) {
  EXPECT_EQ(low_latency_sms(8, 132), 8);
  EXPECT_EQ(low_latency_sms(128, 132), 128);
  EXPECT_EQ(low_latency_sms(256, 132), 128);
  EXPECT_EQ(low_latency_sms(384, 132), 128);
  EXPECT_EQ(low_latency_sms(288, 132), 96);
}

TEST(UniformWork, CountsEachRouteOfLowLatency) {
  const ExchangeWork work = uniform_work({.family = ExchangeFamily::kPerRoute,
                                          .tokens = 10,
                                          .hidden = 7168,
                                          .top_k = 8,
                                          .experts = 256,
                                          .ranks = 16,
                                          .domains = 2});
  // 80 messages of 7168·(1 + 4/128) + 16 bytes: half to the other node, 7 of 16 inside.
  const double bytes = 80 * (7168 * 33.0 / 32 + 16);
  EXPECT_NEAR(work.network.value, bytes / 2, 1e-6);
  EXPECT_NEAR(work.local.value, bytes * 7 / 16, 1e-6);
  EXPECT_EQ(work.messages, 80);
  EXPECT_EQ(work.staged.value, 0);
}

TEST(UniformWork, CountsDistinctRanksAndNodesOfNormalMode) {
  const UniformTraffic traffic{.dispatch = false,
                               .tokens = 100,
                               .hidden = 1024,
                               .top_k = 2,
                               .experts = 4,
                               .ranks = 4,
                               .domains = 2,
                               .sms = 20};
  const ExchangeWork work = uniform_work(traffic);
  EXPECT_DOUBLE_EQ(work.rows, 200);                      // two experts are on two ranks
  EXPECT_DOUBLE_EQ(work.local.value, 200 * 2048 * 0.5);  // one in two stays on its GPU
  EXPECT_DOUBLE_EQ(work.staged.value, (100 * 5.0 / 3 + 200) * 2048);  // written, and read
  EXPECT_DOUBLE_EQ(work.network.value, 100 * 5.0 / 3 * 2048 / 2);
  EXPECT_EQ(work.sms, 20);
}

TEST(UniformWork, SaysWhatIsWrongWithSizes) {
  EXPECT_EQ(traffic_mistake({.tokens = 1, .hidden = 8, .top_k = 2, .experts = 1}),
            "topk is above num_experts");
  EXPECT_EQ(traffic_mistake(
                {.tokens = 1, .hidden = 8, .top_k = 2, .experts = 256, .ranks = 16, .domains = 3}),
            "ranks, nodes and experts do not divide each other");
  EXPECT_EQ(traffic_mistake({.tokens = 0, .hidden = 8, .top_k = 2, .experts = 8}),
            "a size is below 1");
}

TEST(ExchangeTime, IsStartUpPlusTheSlowestOfSmsNvLinkAndNic) {
  const ExchangeCost cost{.start_up = Seconds(20e-6),
                          .notify = Seconds(30e-6),
                          .rate_per_sm = BytesPerSecond(10e9),
                          .network_efficiency = 0.8};
  ExchangeWork work{.ranks = 16,
                    .domains = 2,
                    .sms = 20,
                    .local = Bytes(1e6),     // 5 us at 200 GB/s
                    .network = Bytes(4e6)};  // 100 us at 40 GB/s
  EXPECT_NEAR(exchange_time(cost, work, kHopper).total().value, 150e-6, 1e-11);
  work.local = Bytes(100e6);
  work.sms = 5;  // 2 ms at 50 GB/s
  EXPECT_NEAR(exchange_time(cost, work, kHopper).total().value, 2050e-6, 1e-10);
  work.sms = 0;  // 222 us of the port's 450 GB/s, rounded with the NIC's 100 us
  const double port = 100e6 / 450e9;
  EXPECT_NEAR(exchange_time(cost, work, kHopper).total().value,
              50e-6 + port * std::pow(1 + std::pow(100e-6 / port, 8), 1.0 / 8), 1e-12);
}

TEST(ExchangeTime, TakesNineInAHundredLongerWhereTwoLimitsAreEqual) {
  const ExchangeCost cost;
  const ExchangeWork work{
      .ranks = 2, .domains = 2, .local = Bytes(450e3), .network = Bytes(50e3)};  // 1 us each
  EXPECT_NEAR(exchange_time(cost, work, kHopper).total().value, 1.0905e-6, 1e-10);
}

TEST(ExchangeTime, AddsWhatGrowsWithExpertsRowsPeersAndDomains) {
  const ExchangeCost cost{.start_up = Seconds(1e-6),
                          .start_up_per_expert = Seconds(10e-9),
                          .start_up_per_byte = SecondsPerByte(1e-9),
                          .per_peer = Seconds(50e-9),
                          .notify = Seconds(20e-6),
                          .notify_per_doubling = Seconds(4e-6)};
  const ExchangeWork work{.row_bytes = 2000, .experts = 100, .ranks = 32, .domains = 4};
  // 1 + 1 + 2 + 24 peers of 50 ns = 5.2 us, and a notify of 20 + 2 · 4 us.
  EXPECT_NEAR(exchange_time(cost, work, kHopper).start_up.value, 5.2e-6, 1e-12);
  EXPECT_NEAR(exchange_time(cost, work, kHopper).notify.value, 28e-6, 1e-12);
}

TEST(ExchangeTime, LosesTheRampOnlyInALongExchange) {
  const ExchangeCost cost{.ramp = Seconds(60e-6), .ramp_scale = Seconds(200e-6)};
  ExchangeWork work{.local = Bytes(450e9 * 200e-6)};
  EXPECT_NEAR(exchange_time(cost, work, kHopper).total().value, 230e-6, 1e-12);
  work.local = Bytes(0);
  EXPECT_EQ(exchange_time(cost, work, kHopper).total().value, 0);
}

TEST(ExchangeTime, KeepsOneMessageInFlightToEachPeer) {
  const ExchangeCost cost{.in_flight = Seconds(8e-6)};
  // 160 messages, 10 to each of 16 ranks, 8 of which are beyond the NICs.
  const ExchangeWork work{
      .messages = 160, .ranks = 16, .domains = 2, .network = Bytes(50e9 * 10e-6)};
  EXPECT_NEAR(exchange_time(cost, work, kHopper).total().value, 80e-6, 1e-9);
}

}  // namespace
}  // namespace moesim
