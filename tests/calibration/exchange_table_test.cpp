#include "sim/calibration/exchange_table.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace moesim {
namespace {

constexpr ExchangeRates kHopper{.nvlink = BytesPerSecond(450e9), .nic = BytesPerSecond(50e9)};

// Values that policies.md 4.3 lists for DeepSeek-V3 (top-8 of 256).
TEST(ExpectedDistinct, GivesThePublishedValues) {
  EXPECT_NEAR(expected_distinct(256, 8, 8), 5.29, 0.01);
  EXPECT_NEAR(expected_distinct(256, 8, 16), 6.52, 0.01);
  EXPECT_NEAR(expected_distinct(256, 8, 32), 7.27, 0.01);
  EXPECT_NEAR(expected_distinct(256, 8, 64), 7.68, 0.01);
  EXPECT_DOUBLE_EQ(expected_distinct(8, 2, 8), 2);
  EXPECT_DOUBLE_EQ(expected_distinct(8, 2, 1), 1);
}

TEST(ExchangeSeconds, IsStartUpPlusTheSlowerOfNicAndNvLink) {
  const ExchangeCost cost{.start_up = Seconds(20e-6),
                          .notify = Seconds(30e-6),
                          .network_efficiency = 0.8,
                          .rate_per_sm = BytesPerSecond(10e9)};
  ExchangeSample sample{.crosses_nodes = true,
                        .sms = 20,
                        .network_bytes = Bytes(4e6),  // 100 µs at 40 GB/s
                        .local_bytes = Bytes(10e6)};  // 50 µs at 200 GB/s
  EXPECT_NEAR(exchange_seconds(cost, sample, kHopper).value, 150e-6, 1e-12);
  sample.sms = 5;  // 200 µs at 50 GB/s
  EXPECT_NEAR(exchange_seconds(cost, sample, kHopper).value, 250e-6, 1e-12);
  sample.network_bytes = Bytes(0);
  sample.sms = 0;  // NVLink at its datasheet rate
  EXPECT_NEAR(exchange_seconds(cost, sample, kHopper).value, 50e-6 + 10e6 / 450e9, 1e-12);
}

TEST(ExchangeSeconds, KeepsToTheCeilingHoweverManySms) {
  const ExchangeCost cost{.rate_per_sm = BytesPerSecond(20e9),
                          .local_ceiling = BytesPerSecond(300e9)};
  const ExchangeSample sample{.sms = 24, .local_bytes = Bytes(3e6)};
  EXPECT_NEAR(exchange_seconds(cost, sample, kHopper).value, 10e-6, 1e-12);
}

TEST(ReadExchangeRow, CountsTheBytesOfARank) {
  const std::string file = ::testing::TempDir() + "/exchange.csv";
  std::ofstream(file) << "system,num_nodes,ep_size,hidden_size,topk,num_experts,"
                         "num_tokens_per_rank,dispatch_us,combine_us\n"
                         "H200,2,16,7168,8,256,10,20,30\n"
                         "H200,3,16,7168,8,256,10,20,30\n";
  const MeasuredTable table = MeasuredTable::read(file);
  const ExchangeRow row = read_exchange_row(table, 0);
  ASSERT_EQ(row.samples.size(), 2U);
  // 80 messages of 7168·(1 + 4/128) + 16 bytes: half to the other node, 7 of 16 inside.
  const double dispatch = 80 * (7168 * 33.0 / 32 + 16);
  EXPECT_NEAR(row.samples[0].network_bytes.value, dispatch / 2, 1e-6);
  EXPECT_NEAR(row.samples[0].local_bytes.value, dispatch * 7 / 16, 1e-6);
  EXPECT_NEAR(row.samples[1].network_bytes.value, 80 * 2.0 * 7168 / 2, 1e-6);
  EXPECT_NEAR(row.samples[1].measured().value, 30e-6, 1e-12);
  EXPECT_EQ(read_exchange_row(table, 1).reason,
            "ranks, nodes and experts do not divide each other");
}

TEST(FitExchanges, FindsStartUpAndRatesOfAnExactLibrary) {
  const ExchangeCost truth{.start_up = Seconds(27e-6),
                           .rate_per_sm = BytesPerSecond(16e9),
                           .local_ceiling = BytesPerSecond(280e9)};
  std::vector<ExchangeSample> samples;
  for (const int sms : {8, 20, 24}) {
    for (int tokens = 1; tokens < 20000; tokens *= 2) {
      ExchangeSample sample{.library = "deepep_normal",
                            .phase = "dispatch",
                            .system = "H200",
                            .tokens = tokens,
                            .sms = sms,
                            .local_bytes = Bytes(40e3 * tokens)};
      sample.transmit = exchange_seconds(truth, sample, kHopper);
      samples.push_back(sample);
    }
  }
  const std::vector<ExchangeFit> fits = fit_exchanges(samples, "H200", kHopper);
  ASSERT_EQ(fits.size(), 1U);
  EXPECT_NEAR(fits[0].cost.start_up.value, 27e-6, 0.1e-6);
  EXPECT_NEAR(fits[0].cost.rate_per_sm.value, 16e9, 0.1e9);
  EXPECT_NEAR(fits[0].cost.local_ceiling.value, 280e9, 2e9);
  EXPECT_LT(fits[0].held_out_mape, 0.01);
}

}  // namespace
}  // namespace moesim
