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

}  // namespace
}  // namespace moesim
