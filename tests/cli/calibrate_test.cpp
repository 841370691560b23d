#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/program.hpp"

namespace moesim {
namespace {
using ::testing::HasSubstr;

constexpr const char* kLog =
    "# Collective test starting: alltoall_perf\n"
    "#  Rank  0 Group  0 Pid 1 on node-a device  0 [0x0f] NVIDIA H200\n"
    "#  Rank  1 Group  0 Pid 2 on node-b device  0 [0x0f] NVIDIA H200\n"
    "#  size  count  type  redop  root  time  algbw  busbw #wrong  time  algbw  busbw #wrong\n"
    "   1000000  250000  float  none  -1  50.0  20  10  0  51.0  20  10  N/A\n"
    "  10000000  2500000  float  none  -1  275.0  36  18  0  280.0  36  18  N/A\n"
    " 100000000  25000000  float  none  -1  2525.0  40  20  0  2530.0  40  20  N/A\n";

// 25 us and 20 GB/s for half of the bytes: 80 % of a NIC of 200 Gb/s.
TEST(CalibrateCommand, FitsANetworkToALogAndValidatesWithIt) {
  const TemporaryDirectory folder;
  write_file(folder / "mine.log", kLog);
  const Session session = run_program(
      {"calibrate", "--import", "mine.log", "--nic", "200 Gb/s", "--rows", "-o", "mine.yaml"},
      folder.path());
  EXPECT_EQ(session.exit_code, 0) << session.err;
  EXPECT_THAT(session.out, HasSubstr("nccl dispatch over the network"));
  EXPECT_THAT(session.out, HasSubstr("predicted us"));
  EXPECT_THAT(file_text(folder / "mine.yaml"), HasSubstr("nic: 25 GB/s"));
  write_file(folder / "table.csv",
             "system,nccl_version,collective,num_nodes,gpus_per_node,message_bytes,time_us\n"
             "H200,1,alltoall,2,1,30000000,775\n");
  const Session check = run_program(
      {"validate", "--table", "table.csv", "--calibration", "mine.yaml", "--csv", "rows.csv"},
      folder.path());
  EXPECT_EQ(check.exit_code, 0) << check.err;
  EXPECT_THAT(check.out, HasSubstr("H200 nccl all_to_all over the network"));
  EXPECT_THAT(file_text(folder / "rows.csv"), ::testing::ContainsRegex("all_to_all,7[67][0-9]"));
}

TEST(CalibrateCommand, PointsAtTheLineOfABrokenLog) {
  const TemporaryDirectory folder;
  write_file(folder / "broken.log", std::string(kLog) + " 200000000  50000000  float\n");
  const Session session =
      run_program({"calibrate", "--import", "broken.log", "-o", "mine.yaml"}, folder.path());
  EXPECT_EQ(session.exit_code, 2);
  EXPECT_THAT(session.err, HasSubstr("broken.log:8:1: error: the row has 3 fields, the header 13"));
}

// A sweep of a CPU: 1 TFLOP/s, 100 GB/s, 10 us a call.
std::string cpu_sweep() {
  std::string text =
      R"({"schema":"moesim.measurements/1","program":"moesim 0.1.0","device":{"kind":"cpu",)"
      R"("name":"Test CPU, 16 threads","sms":16,"peak_flops":{"fp32":1e12},)"
      R"("memory_bandwidth":1e11,"measured_peak":true}})"
      "\n";
  const auto line = [&](const std::string& kernel, const std::string& shape,
                        const std::string& rest, double seconds) {
    text += fmt::format(
        R"({{"kernel":"{}","variant":"blas","dtype":"fp32","shape":{{{}}}{},"seconds":{{"median":{:g}}}}})"
        "\n",
        kernel, shape, rest, seconds);
  };
  for (const int tokens : {1, 16, 128, 1024})
    for (const int hidden : {512, 2048}) {
      const int rows = std::max(1, tokens / 8);
      const double weights = 3.0 * hidden * 1024;
      line("experts",
           fmt::format(R"("tokens":{},"hidden":{},"width":1024,"experts":64,"local_experts":2,)"
                       R"("top_k":8,"matrices":3)",
                       tokens, hidden),
           fmt::format(R"(,"rows":[{},{}])", rows, rows),
           1e-5 + 2 * weights * 4 / 1e11 + 2 * 2 * weights * rows / 1e12);
      line("gemm", fmt::format(R"("m":{},"n":1024,"k":{})", tokens, hidden), "",
           1e-5 + 4.0 * 1024 * hidden / 1e11 + 2.0 * tokens * 1024 * hidden / 1e12);
      line("memory_pass", fmt::format(R"("bytes":{})", tokens * hidden), "",
           2e-6 + tokens * hidden / 1e11);
      line("gate", fmt::format(R"("tokens":{},"experts":{},"top_k":8)", tokens, hidden / 8), "",
           2e-6 + tokens * hidden / 8 * 1e-9);
    }
  return text;
}

TEST(CalibrateCommand, FitsWhatProfileMeasuredAndTheRunUsesIt) {
  const TemporaryDirectory folder;
  write_file(folder / "m.jsonl", cpu_sweep());
  const Session session =
      run_program({"calibrate", "m.jsonl", "-q", "-o", "cpu.yaml"}, folder.path());
  EXPECT_EQ(session.exit_code, 0) << session.err;
  EXPECT_THAT(session.out, HasSubstr("moesim blas float32, 3 matrices"));
  EXPECT_THAT(session.out, HasSubstr("gemm float32 blas, affine"));
  const std::string text = file_text(folder / "cpu.yaml");
  EXPECT_THAT(text, HasSubstr("name: \"Test CPU, 16 threads\""));
  EXPECT_THAT(text, HasSubstr("peak: {float32: 1 TFLOP/s}"));
  const Session run =
      run_program({"run", std::string(MOESIM_SOURCE_DIR) + "/scenarios/quickstart.yaml", "--set",
                   "calibration=cpu.yaml", "--json"},
                  folder.path());
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("Test CPU, 16 threads has no units for it; calibration cpu "
                                 "measured float32"));
  EXPECT_THAT(run.out, HasSubstr("\"kernel\": \"experts bf16\""));
}

TEST(CalibrateCommand, PointsAtMistakesOfAMeasurementFileAndAtFilesOfAnotherKind) {
  const TemporaryDirectory folder;
  write_file(folder / "m.jsonl", cpu_sweep() + "{\"kernel\":\"gemm\",\"shape\":{\"m\":1");
  write_file(folder / "t.csv", "system,m,n,k,latency_ms\n");
  const Session cut = run_program({"calibrate", "m.jsonl", "-o", "x.yaml"}, folder.path());
  EXPECT_EQ(cut.exit_code, 2);
  EXPECT_THAT(cut.err, HasSubstr("m.jsonl:34:32: error: the line is cut off"));
  const Session mixed =
      run_program({"calibrate", "m.jsonl", "t.csv", "-o", "x.yaml"}, folder.path());
  EXPECT_EQ(mixed.exit_code, 2);
  EXPECT_THAT(mixed.err, HasSubstr("not a file of moesim profile"));
  EXPECT_EQ(run_program({"calibrate", "-o", "x.yaml"}, folder.path()).exit_code, 2);
}

// GEMMs of 5 us and 100 TFLOP/s under another program's names.
TEST(CalibrateCommand, FitsTablesWithMappedColumnsAndDrawsThem) {
  const TemporaryDirectory folder;
  std::string table = "gpu,rows,cols,depth,micros\n";
  for (const int rows : {1024, 4096, 16384})
    for (const int columns : {1024, 2048, 4096})
      table += fmt::format("H100,{},{},4096,{:.3f}\n", rows, columns,
                           5 + 2.0 * rows * columns * 4096 / 100e12 * 1e6);
  write_file(folder / "mine.csv", table);
  const std::vector<std::string> mapping = {"--column", "system=gpu",       "--column", "m=rows",
                                            "--column", "n=cols",           "--column", "k=depth",
                                            "--column", "latency_us=micros"};
  std::vector<std::string> words = {"calibrate", "--import", "csv",      "mine.csv", "-o",
                                    "mine.yaml", "--plot",   "mine.svg", "-q"};
  words.insert(words.end(), mapping.begin(), mapping.end());
  const Session session = run_program(words, folder.path());
  EXPECT_EQ(session.exit_code, 0) << session.err;
  EXPECT_THAT(session.out, HasSubstr("gemm fp8_block deep_gemm, gemm_tiles"));
  EXPECT_THAT(file_text(folder / "mine.yaml"), HasSubstr("kind: gemm_tiles"));
  EXPECT_THAT(file_text(folder / "mine.svg"), HasSubstr("gemm fp8_block deep_gemm: 9 points"));
  words[2] = "aiconfigurator";
  const Session other = run_program(words, folder.path());
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, HasSubstr("not a table of aiconfigurator"));
}

}  // namespace
}  // namespace moesim
