#include "sim/calibration/exchange_table.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "sim/calibration/exchange_fit.hpp"
#include "tests/support/measured_tables.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

constexpr PortRates kHopper{.nvlink = BytesPerSecond(450e9), .nic = BytesPerSecond(50e9)};

TEST(ReadExchangeRow, ReadsBothPhasesOfLowLatency) {
  const MeasuredTable table = table_of(
      "system,num_nodes,ep_size,hidden_size,topk,num_experts,num_tokens_per_rank,dispatch_us,"
      "combine_us\n"
      "H200,2,16,7168,8,256,10,20,30\n"
      "H200,3,16,7168,8,256,10,20,30\n"
      "H200,2,16,7168,8,256,10,20,\n");
  const ExchangeRow row = read_exchange_row(table, 0);
  ASSERT_EQ(row.samples.size(), 2U);
  EXPECT_EQ(row.samples[0].library, "deepep_low_latency");
  EXPECT_NEAR(row.samples[0].measured.value, 20e-6, 1e-12);
  EXPECT_EQ(row.samples[1].phase, "combine");
  EXPECT_TRUE(row.samples[1].crosses_nodes());
  EXPECT_EQ(read_exchange_row(table, 1).reason,
            "ranks, nodes and experts do not divide each other");
  EXPECT_EQ(read_exchange_row(table, 2).samples[1].measured.value, 0);  // asks for a prediction
}

TEST(ReadExchangeRow, AddsTheCountingStepAndLimitsTheNodesOfNormalMode) {
  const MeasuredTable table = table_of(
      "system,num_nodes,ep_size,hidden_size,topk,num_experts,num_tokens_per_rank,dispatch_sms,"
      "combine_sms,dispatch_transmit_us,dispatch_notify_us,combine_transmit_us,combine_notify_us,"
      "suspect\n"
      "H200,8,64,7168,8,256,10,20,24,100,30,200,40,1\n");
  const ExchangeRow row = read_exchange_row(table, 0);
  ASSERT_EQ(row.samples.size(), 2U);
  EXPECT_TRUE(row.suspect);
  EXPECT_NEAR(row.samples[0].measured.value, 130e-6, 1e-12);
  EXPECT_NEAR(row.samples[1].notify.value, 40e-6, 1e-12);
  EXPECT_EQ(row.samples[1].traffic.sms, 24);
  EXPECT_EQ(row.samples[1].traffic.domain_limit, 4);
}

// A bandwidth counts what leaves a rank after deduplication, its own share included.
TEST(ReadExchangeRow, TurnsTheBandwidthsOfDeepEpIntoTimes) {
  const std::string header =
      "library,commit,date,hardware,mode,phase,ep_size,num_tokens_per_rank,hidden_size,topk,"
      "num_experts,dtype,latency_us,logical_bw_GBps,bottleneck_link,num_sms\n";
  const MeasuredTable table = table_of(
      header +
      "DeepEP,a,2025-02-24,H800+CX7-400G,normal,combine,2,1000,1024,1,2,bf16,,100,NVLink,\n"
      "DeepEP,b,2025-04-22,H800+CX7-400G,normal,combine,2,1000,1024,1,2,bf16,,200,NVLink,20\n"
      "DeepEP,d,2025-06-05,H800+CX7-400G,low_latency,dispatch,16,128,7168,8,256,fp8,118,63,,\n"
      "DeepEP,a,2025-02-24,H800+CX7-400G,low_latency,dispatch,16,128,7168,8,256,fp8,173,43,,\n");
  const ExchangeRow old = read_exchange_row(table, 0), now = read_exchange_row(table, 1);
  ASSERT_EQ(now.samples.size(), 1U);
  EXPECT_TRUE(old.suspect);  // measured again later
  EXPECT_FALSE(now.suspect);
  EXPECT_NEAR(now.samples[0].measured.value, 1000 * 2048 / 200e9, 1e-12);
  EXPECT_EQ(now.samples[0].system, "H800");
  EXPECT_EQ(now.samples[0].traffic.sms, 20);
  EXPECT_EQ(old.samples[0].traffic.sms, 24);
  const ExchangeRow low_latency = read_exchange_row(table, 2);
  EXPECT_EQ(low_latency.samples[0].traffic.domains, 2);
  EXPECT_NEAR(low_latency.samples[0].measured.value, 118e-6, 1e-12);
  // The first kernels used NICs inside a node, too.
  EXPECT_EQ(read_exchange_row(table, 3).samples[0].work.local.value, 0);
  EXPECT_FALSE(read_exchange_row(table, 3).suspect);
}

TEST(ReadExchangeRow, TellsTheKernelsOfPplxApart) {
  const std::string header =
      "library,kernel,num_tokens_per_rank,ep_size,latency_us,stddev_us,hidden_size,topk,"
      "num_experts,hardware\n";
  const MeasuredTable table =
      table_of(header + "pplx-kernels,NVLINK Dispatch,1,8,41.6,1.3,7168,8,256,H100+CX7-400G\n" +
               "pplx-kernels,IBRC Combine,1,64,400,47.9,7168,8,256,H100+CX7-400G\n" +
               "pplx-kernels,Torch AtA,1,64,101.6,15.7,7168,8,256,H100+CX7-400G\n" +
               "pplx-kernels,DeepEP Dispatch,128,64,186,,7168,8,256,H100+CX7-400G\n");
  EXPECT_EQ(read_exchange_row(table, 0).samples.at(0).library, "pplx");
  EXPECT_EQ(read_exchange_row(table, 1).samples.at(0).library, "pplx_ibrc");
  EXPECT_EQ(read_exchange_row(table, 1).samples.at(0).phase, "combine");
  EXPECT_EQ(read_exchange_row(table, 2).reason, "no model of the kernel 'Torch AtA'");
  EXPECT_TRUE(read_exchange_row(table, 3).suspect);
}

// Rows of an exact library: the fit must find it.
std::vector<ExchangeSample> exact_samples(const std::string& library, const ExchangeCost& truth,
                                          int ranks, const std::vector<int>& sms) {
  std::vector<ExchangeSample> samples;
  for (const int hidden : {2048, 4096, 7168})
    for (const auto& [top_k, experts] : {std::pair{8, 256}, {2, 8}, {6, 128}})
      for (const int each : sms)
        for (int tokens = 1; tokens < 20000; tokens *= 4) {
          if (experts < ranks) continue;
          ExchangeSample sample = exchange_sample(library,
                                                  {.tokens = tokens,
                                                   .hidden = hidden,
                                                   .top_k = top_k,
                                                   .experts = experts,
                                                   .ranks = ranks,
                                                   .domains = ranks / 8,
                                                   .sms = each},
                                                  "H200", Seconds(1));
          sample.measured = exchange_time(truth, sample.work, kHopper).total();
          samples.push_back(sample);
        }
  return samples;
}

TEST(FitExchanges, FindsTheCoefficientsOfAnExactLibraryInANode) {
  const ExchangeCost truth{.start_up = Seconds(31e-6),
                           .start_up_per_byte = SecondsPerByte(0.3e-9),
                           .token_work = Seconds(0.5e-6),
                           .row_work = Seconds(40e-9),
                           .rate_per_sm = BytesPerSecond(20e9),
                           .local_efficiency = 0.6};
  const auto samples = exact_samples("deepep_normal", truth, 8, {8, 20, 24});
  const std::vector<ExchangeFit> fits = fit_exchanges(samples, "H200", kHopper);
  ASSERT_EQ(fits.size(), 1U);
  const ExchangeCost& cost = fits[0].cost;
  EXPECT_NEAR(cost.start_up.value, truth.start_up.value, 0.5e-6);
  EXPECT_NEAR(cost.rate_per_sm.value, truth.rate_per_sm.value, 0.6e9);
  EXPECT_NEAR(cost.local_efficiency, truth.local_efficiency, 0.006);
  EXPECT_LT(fits[0].fitted.mape, 0.005);
  EXPECT_LT(fits[0].tokens.mape, 0.01);
  EXPECT_LT(fits[0].shapes.mape, 0.01);
  EXPECT_EQ(fits[0].errors.size(), samples.size());
}

TEST(FitExchanges, FindsTheNicOfAnExactLibraryOverTheNetwork) {
  const ExchangeCost truth{.start_up = Seconds(35e-6),
                           .token_work = Seconds(2.1e-6),
                           .local_efficiency = 0.63,
                           .network_efficiency = 0.7};
  const auto samples = exact_samples("deepep_low_latency", truth, 16, {0});
  const std::vector<ExchangeFit> fits = fit_exchanges(samples, "H200", kHopper);
  ASSERT_EQ(fits.size(), 1U);
  EXPECT_TRUE(fits[0].crosses_nodes);
  EXPECT_NEAR(fits[0].cost.network_efficiency, 0.7, 0.01);
  EXPECT_LT(fits[0].fitted.mape, 0.03);
}

TEST(FitExchanges, TakesOtherSystemsOnlyWhereAScopeHasNoRowsOfItsOwn) {
  const ExchangeCost slow{.start_up = Seconds(50e-6), .local_efficiency = 0.5},
      fast{.start_up = Seconds(10e-6), .local_efficiency = 0.5};
  std::vector<ExchangeSample> samples = exact_samples("deepep_low_latency", fast, 8, {0});
  std::vector<ExchangeSample> others = exact_samples("deepep_low_latency", slow, 8, {0});
  const auto network = exact_samples("deepep_low_latency", slow, 16, {0});
  others.insert(others.end(), network.begin(), network.end());
  for (ExchangeSample& sample : others) sample.system = "H100";
  samples.insert(samples.end(), others.begin(), others.end());
  const std::vector<ExchangeFit> fits = fit_exchanges(samples, "H200", kHopper);
  ASSERT_EQ(fits.size(), 2U);
  EXPECT_LT(fits[0].cost.start_up.value, 11e-6);
  EXPECT_GT(fits[1].cost.start_up.value, 30e-6);
}

}  // namespace
}  // namespace moesim
