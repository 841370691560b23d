// Logs of nccl-tests and of DeepEP's tests, with times of a known network: the fit must find it.
#include "sim/calibration/benchmark_log.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "sim/calibration/import.hpp"
#include "tests/support/mistakes.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {
using ::testing::HasSubstr;

std::string write(const std::string& name, const std::string& text) {
  const std::string file = (process_folder() / name).string();
  std::ofstream(file) << text;
  return file;
}

BenchmarkLog log_of(const std::string& text, const std::string& options = "") {
  return read_benchmark_log(write("run.log", text) + (options.empty() ? "" : ":" + options));
}

// The head of a run of nccl-tests on nodes of two GPUs.
std::string nccl_head(int nodes, const std::string& test) {
  std::string text = "# Collective test starting: " + test +
                     "_perf\n# nThread 1 nGpus 1 minBytes 1024 maxBytes 1 step: 2(factor)\n#\n"
                     "# Using devices\n";
  for (int rank = 0; rank < 2 * nodes; ++rank)
    text += fmt::format(
        "#  Rank {:2} Group  0 Pid {} on    host{} device {:2} [0000:1b:00] NVIDIA "
        "H100 80GB HBM3\n",
        rank, 100 + rank, rank / 2, rank % 2);
  return text +
         "#\n#                                         out-of-place             in-place\n"
         "#       size  count  type  redop  root  time  algbw  busbw #wrong  time  algbw  busbw "
         "#wrong\n"
         "#        (B)  (elements)                (us)  (GB/s) (GB/s)        (us)  (GB/s) (GB/s)\n";
}

std::string nccl_row(double size, double time, double in_place) {
  return fmt::format("{:.0f} {:.0f} half sum -1 {:.3f} 1.0 1.0 0 {:.3f} 1.0 1.0 N/A\n", size,
                     size / 2, time, in_place);
}

TEST(NcclLog, GivesGroupSizesAndTimesOfEachTest) {
  const std::string text = nccl_head(2, "all_reduce") + nccl_row(1024, 30, 31) +
                           nccl_row(2048, 40, 41) +
                           "# Out of bounds values : 0 OK\n# Avg bus bandwidth : 1\n"
                           "# Collective test concluded: all_reduce_perf\n" +
                           nccl_head(1, "alltoall") + nccl_row(0, 0, 0) + nccl_row(4096, 50, 51);
  const LogSamples samples = read_nccl_log(log_of(text), "H100");
  ASSERT_EQ(samples.collectives.size(), 3U);
  EXPECT_EQ(samples.collectives[1].kind, CollectiveKind::kAllReduce);
  EXPECT_EQ(samples.collectives[1].group.ranks, 4);
  EXPECT_EQ(samples.collectives[1].group.domains, 2);
  EXPECT_EQ(samples.collectives[1].size.value, 2048);
  EXPECT_NEAR(samples.collectives[1].measured.value, 40e-6, 1e-12);
  EXPECT_EQ(samples.collectives[2].kind, CollectiveKind::kAllToAll);
  EXPECT_EQ(samples.collectives[2].group.domains, 1);
  ASSERT_EQ(samples.exchanges.size(), 1U);
  EXPECT_EQ(samples.exchanges[0].work.local.value, 2048);
  EXPECT_EQ(samples.gpu, "NVIDIA H100 80GB HBM3");
  const LogSamples in_place = read_nccl_log(log_of(text, "in_place=yes"), "H100");
  EXPECT_NEAR(in_place.collectives[0].measured.value, 31e-6, 1e-12);
}

TEST(NcclLog, ReadsOlderVersionsThatHaveNoRootAndNoName) {
  const std::string text =
      "#   Rank  0 Pid  1320 on  node-a device  0 [0x00] Tesla V100-SXM2-16GB\n"
      "#   Rank  1 Pid  2066 on  node-b device  0 [0x00] Tesla V100-SXM2-16GB\n"
      "#       size  count  type  redop  time  algbw  busbw  error  time  algbw  busbw  error\n"
      "  1310720000  327680000  float  sum  500.5  1.2  1.2  2e-07  510  1.2  1.2  1e-07\n";
  EXPECT_THAT(mistake_of([&] { read_nccl_log(log_of(text), "A100"); }),
              HasSubstr("run.log:4:1: error: the log does not say which collective was tested"));
  const LogSamples samples = read_nccl_log(log_of(text, "collective=all_reduce"), "A100");
  ASSERT_EQ(samples.collectives.size(), 1U);
  EXPECT_EQ(samples.collectives[0].group.domains, 2);
  EXPECT_NEAR(samples.collectives[0].measured.value, 500.5e-6, 1e-12);
}

TEST(NcclLog, NamesTheLineOfAMistake) {
  const std::string head = nccl_head(1, "all_gather");
  const auto lines = std::count(head.begin(), head.end(), '\n');
  EXPECT_THAT(
      mistake_of([&] { read_nccl_log(log_of(head + "1024 512 half sum -1 30\n"), "H100"); }),
      HasSubstr(
          fmt::format("run.log:{}:1: error: the row has 6 fields, the header 13", lines + 1)));
  EXPECT_THAT(mistake_of([&] {
                read_nccl_log(log_of(head + "1024 512 half sum -1 x 1 1 0 30 1 1 0\n"), "H100");
              }),
              HasSubstr(fmt::format("run.log:{}:1: error: 'x' is not a number", lines + 1)));
  EXPECT_THAT(mistake_of([&] { read_nccl_log(log_of(head), "H100"); }),
              HasSubstr("the log holds no row of nccl-tests"));
  EXPECT_THAT(mistake_of([&] {
                read_nccl_log(log_of(nccl_head(1, "gather") + nccl_row(8, 1, 1)), "H100");
              }),
              HasSubstr("no model of gather"));
  EXPECT_THAT(mistake_of([&] { log_of(head, "gpu=4"); }), HasSubstr("did you mean 'gpus'?"));
  EXPECT_THAT(mistake_of([&] { log_of(head, "gpus=0"); }),
              HasSubstr("gpus must be a whole number from 1"));
  EXPECT_THAT(mistake_of([&] {
                read_nccl_log(log_of(head + nccl_row(8, 1, 1), "gpus=3,nodes=2"), "H100");
              }),
              HasSubstr("3 GPUs do not divide over 2 nodes"));
}

TEST(DeepEpLog, ReadsEveryFormOfTheBestLine) {
  const std::string text =
      "[config] num_tokens=1000, hidden=1024, num_topk_groups=2, num_topk=1\n"
      "[tuning] SMs 24, NVL chunk 4, RDMA chunk 4: 11.40 GB/s (RDMA), 37.23 GB/s (NVL)\n"
      "[tuning] Best dispatch (BF16): SMs 24, NVL chunk 4, RDMA chunk 8: 9 GB/s (RDMA), 9 GB/s "
      "(NVL)\n"
      "[tuning] Best dispatch (FP8): SMs 24, NVL chunk 20, RDMA chunk 28: 437 + 2412 us, 50.0 GB/s "
      "(RDMA), 99.9 GB/s (NVL)\n"
      "[tuning] Best combine: SMs 20, NVL chunk 7, RDMA chunk 16, transmit: 55.25 us, notify: "
      "30.98 "
      "us, BW: 1.04 GB/s (RDMA), 2.85 GB/s (NVL)\n"
      "[tuning] Best combine: SMs 24, NVL chunk 2, RDMA chunk 16: 40 GB/s (RDMA), 9 GB/s (NVL)\n";
  const LogSamples samples = read_deepep_log(log_of(text, "nodes=2,experts=16"), "H200");
  ASSERT_EQ(samples.exchanges.size(), 3U);
  EXPECT_NEAR(samples.exchanges[0].measured.value, 2849e-6, 1e-12);
  EXPECT_NEAR(samples.exchanges[0].notify.value, 437e-6, 1e-12);
  EXPECT_EQ(samples.exchanges[0].phase, "dispatch");
  EXPECT_EQ(samples.exchanges[0].traffic.ranks, 16);
  EXPECT_NEAR(samples.exchanges[1].measured.value, 86.23e-6, 1e-12);
  EXPECT_EQ(samples.exchanges[1].traffic.sms, 20);
  // One copy of 1000 rows of 2048 bytes at 40 GB/s.
  EXPECT_NEAR(samples.exchanges[2].measured.value, 1000 * 2048 / 40e9, 1e-12);
  EXPECT_THAT(samples.assumed, ::testing::IsEmpty());
  const LogSamples local = read_deepep_log(
      log_of(
          "[tuning] Best dispatch (FP8): SMs 24, NVL chunk 6, 320.68 GB/s (NVL), t: 499.58 us\n"),
      "H200");
  ASSERT_EQ(local.exchanges.size(), 1U);
  EXPECT_NEAR(local.exchanges[0].measured.value, 499.58e-6, 1e-12);
  EXPECT_EQ(local.exchanges[0].traffic.tokens, 4096);
  EXPECT_THAT(local.assumed, ::testing::Contains(HasSubstr("tokens = 4096, the test's default")));
}

TEST(DeepEpLog, AveragesTheRanksOfLowLatency) {
  std::string text = "Allocating buffer size: 2116.291072 MB ...\n";
  for (int rank = 0; rank < 16; ++rank)
    text += fmt::format(
        "[rank {0}] Dispatch + combine bandwidth: 42.2 GB/s, avg_t=522 us, min_t=517 us, "
        "max_t=528 us\n[rank {0}] Dispatch bandwidth: 63.0 GB/s, avg_t={1:.2f} us | Combine "
        "bandwidth: 74.0 GB/s, avg_t={2:.2f} us\n",
        rank, 100.0 + rank, 200.0 - rank);
  const LogSamples samples = read_deepep_log(log_of(text, "experts=256"), "H200");
  ASSERT_EQ(samples.exchanges.size(), 2U);
  EXPECT_EQ(samples.exchanges[0].library, "deepep_low_latency");
  EXPECT_EQ(samples.exchanges[0].traffic.ranks, 16);
  EXPECT_EQ(samples.exchanges[0].traffic.domains, 2);
  EXPECT_EQ(samples.exchanges[0].traffic.tokens, 128);
  EXPECT_NEAR(samples.exchanges[0].measured.value, 107.5e-6, 1e-12);
  EXPECT_NEAR(samples.exchanges[1].measured.value, 192.5e-6, 1e-12);
}

TEST(DeepEpLog, NamesTheLineOfAMistake) {
  const auto message = [](const std::string& text, const std::string& options) {
    return mistake_of([&] { read_deepep_log(log_of(text, options), "H200"); });
  };
  EXPECT_THAT(
      message("start\n[tuning] Best combine: SMs 24, NVL chunk 2, RDMA chunk 8\n", "nodes=2"),
      HasSubstr("run.log:2:1: error: the line has no SMs or no bandwidth"));
  EXPECT_THAT(
      message("[tuning] Best combine: SMs 24, NVL chunk 2, RDMA chunk 8: 9 GB/s (RDMA)\n", ""),
      HasSubstr("run.log:1:1: error: the log does not say how many GPUs took part"));
  EXPECT_THAT(message("[rank 0] Dispatch bandwidth: 63.0 GB/s\n", ""),
              HasSubstr("the line has no rank or no avg_t of both phases"));
  EXPECT_THAT(message("[tuning] Best combine: SMs 24, NVL chunk 2: 9 GB/s (NVL)\n", "gpus=7"),
              HasSubstr("ranks, nodes and experts do not divide each other"));
  EXPECT_THAT(message("nothing\n", ""), HasSubstr("the log holds no result of DeepEP's tests"));
}

Import import_logs(std::vector<std::string> files, const std::string& system, double nic) {
  ImportRequest request{.nic = BytesPerSecond(nic), .system = system};
  for (const std::string& file : files) request.logs.push_back(read_benchmark_log(file));
  return import_tables(request, [](const std::string&) {});
}

// All-reduces of 4 GPUs on two nodes whose NICs have 25 GB/s: rings of 2 · 2 hops over NICs of 30
// us, 2 between GPUs of a node, and 80 % of the NIC.
TEST(ImportLogs, FindTheNetworkBehindALogOfNcclTests) {
  const PortRates rates{.nvlink = BytesPerSecond(450e9), .nic = BytesPerSecond(25e9)};
  const CollectiveCost truth{
      .per_local_hop = Seconds(5e-6), .per_network_hop = Seconds(30e-6), .network_efficiency = 0.8};
  std::string text = nccl_head(2, "all_gather");
  for (double size = 1 << 20; size < 4e9; size *= 2) {
    const double time = 1e6 * collective_time(truth, CollectiveKind::kAllGather,
                                              {.ranks = 4, .domains = 2}, Bytes(size), rates)
                                  .total()
                                  .value;
    text += nccl_row(size, time, 2 * time);
  }
  const Import import = import_logs({write("ring.log", text)}, "", 25e9);
  EXPECT_EQ(import.datasheet->system, "H100");
  EXPECT_EQ(import.ports.nic.value, 25e9);
  ASSERT_EQ(import.collectives.size(), 1U);
  EXPECT_NEAR(import.collectives[0].costs[0].network_efficiency, 0.8, 0.02);
  EXPECT_LT(import.collectives[0].fitted.mape, 0.02);
  EXPECT_THAT(write_calibration(import, {.source = "here"}), HasSubstr("nic: 25 GB/s"));
}

TEST(ImportLogs, FindTheNetworkBehindLogsOfDeepEp) {
  const PortRates rates{.nvlink = BytesPerSecond(450e9), .nic = BytesPerSecond(25e9)};
  const ExchangeCost truth{.start_up = Seconds(40e-6), .network_efficiency = 0.7};
  std::vector<std::string> files;
  for (const int tokens : {16, 128, 512}) {
    UniformTraffic traffic{
        .tokens = tokens, .hidden = 7168, .top_k = 8, .experts = 256, .ranks = 16, .domains = 2};
    const auto time = [&](bool dispatch) {
      traffic.dispatch = dispatch;
      const ExchangeSample sample =
          exchange_sample("deepep_low_latency", traffic, "H200", Seconds(0));
      return 1e6 * exchange_time(truth, sample.work, rates).total().value;
    };
    const std::string line = fmt::format(
        "[rank 15] Dispatch bandwidth: 1 GB/s, avg_t={:.3f} us | Combine bandwidth: 1 GB/s, "
        "avg_t={:.3f} us\n",
        time(true), time(false));
    files.push_back(write(fmt::format("ll{}.log", tokens), line) +
                    fmt::format(":tokens={},experts=256", tokens));
  }
  const Import import = import_logs(files, "H200", 25e9);
  ASSERT_EQ(import.exchanges.size(), 2U);
  for (const ExchangeFit& fit : import.exchanges) {
    EXPECT_NEAR(fit.cost.network_efficiency, 0.7, 0.02) << fit.phase;
    EXPECT_LT(fit.fitted.mape, 0.03) << fit.phase;
  }
}

TEST(ImportLogs, SayWhatIsMissing) {
  const std::string unknown = write("other.log", "nothing of interest\n");
  EXPECT_THAT(mistake_of([&] { import_logs({unknown}, "H200", 0); }),
              HasSubstr("neither a table nor a log of nccl-tests or of DeepEP's tests"));
  const std::string nameless =
      write("nameless.log", "[tuning] Best combine: SMs 24, NVL chunk 2: 9 GB/s (NVL)\n");
  EXPECT_THAT(mistake_of([&] { import_logs({nameless}, "", 0); }),
              HasSubstr("the log does not say of which GPU it is"));
  EXPECT_THAT(mistake_of([&] { import_logs({"/no/such.log"}, "H200", 0); }),
              HasSubstr("cannot read the file"));
}

}  // namespace
}  // namespace moesim
