// `moesim sweep --executor slurm` on a real Slurm of one node that the test starts.
#include <gmock/gmock.h>

#include <chrono>
#include <thread>

#include "analysis/sweep/database.hpp"
#include "sim/base/error.hpp"
#include "tests/support/slurm_daemons.hpp"
#include "tests/support/sweep_folder.hpp"

namespace moesim {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class SlurmSweep : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!slurm_.why_not().empty()) GTEST_SKIP() << slurm_.why_not();
    folder_.run("here.sqlite", {"-q"});
    here_ = folder_.csv("here.sqlite");
    ASSERT_THAT(here_, HasSubstr(",done,"));
  }

  Session on_slurm(const std::vector<std::string>& more) const { return folder_.on_slurm(2, more); }
  fs::path results(int submission) const { return folder_.submission(submission) / "results"; }

  // Runs in the files of tasks that have not ended.
  int half_done(int submission) const {
    int runs = 0;
    if (!fs::exists(results(submission))) return 0;
    for (const std::string& name : names_in(results(submission))) {
      if (!name.ends_with(".part.sqlite")) continue;
      try {
        const Database file(results(submission) / name, Database::Open::kExisting);
        Statement count = file.prepare("SELECT count(*) FROM runs");
        runs += count.step() ? static_cast<int>(count.integer(0)) : 0;
      } catch (const InputError&) {  // its tables are not there yet
      }
    }
    return runs;
  }
  bool has_attempt(const std::string& end) const {
    const std::vector<std::string> names = names_in(results(1));
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& name) { return name.find(end) != name.npos; });
  }
  template <class Condition>
  static bool comes_true(const Condition& condition) {
    for (int i = 0; i < 15000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  std::string jobs(const std::string& format) const {
    return slurm_.output("squeue --noheader --format=" + format);
  }

  SlurmDaemons slurm_;
  SweepFolder folder_{
      "matrix: {placement: [linear, lpt], workload.tokens_per_gpu: [64, 90000000, 128, 256]}\n"
      "seeds: 6\n"};
  std::string here_;
};

// The node goes while tasks run: Slurm starts them again, and they leave out what is done. Then the
// job is cancelled, and the rest submitted again.
TEST_F(SlurmSweep, LosesItsNodeAndItsJobAndComesToTheSameResults) {
  ASSERT_EQ(on_slurm({"--no-wait"}).exit_code, 0);
  const std::string script = file_text(results(1).parent_path() / "sweep.sbatch");
  EXPECT_THAT(script, HasSubstr("#SBATCH --array=0-1\n"));
  EXPECT_THAT(script, HasSubstr("#SBATCH --requeue\n"));
  ASSERT_TRUE(comes_true([&] { return half_done(1) >= 4; }));
  slurm_.shell("scontrol update NodeName=" + slurm_.node() + " State=DOWN Reason=test");
  ASSERT_TRUE(comes_true([&] { return jobs("%t").starts_with("PD"); }));
  const std::string job = jobs("%F").substr(0, jobs("%F").find('\n'));
  // A node refuses to start a job again in the second in which it lost it.
  std::this_thread::sleep_for(std::chrono::seconds(2));
  slurm_.shell("scontrol update NodeName=" + slurm_.node() + " State=RESUME");
  slurm_.shell("scontrol update JobId=" + job + " StartTime=now");
  ASSERT_TRUE(comes_true([&] { return has_attempt("-1."); })) << "started again";
  slurm_.shell("scancel " + job);
  ASSERT_TRUE(comes_true([&] { return jobs("%t").empty(); }));

  const Session refused = on_slurm({});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("--resume goes on with it"));
  const Session rest = on_slurm({"--resume"});
  EXPECT_EQ(rest.exit_code, 1) << "points that do not fit into memory";
  EXPECT_THAT(rest.err, Not(HasSubstr("48 runs, 48 to do")));
  EXPECT_EQ(folder_.csv("far.sqlite"), here_);
  EXPECT_TRUE(has_attempt("-0.part.sqlite")) << "it was lost with the node";
  EXPECT_TRUE(fs::exists(results(2)));
}

TEST_F(SlurmSweep, WaitsForItsJob) {
  const Session session = on_slurm({"--shared", "shared folder", "--sbatch=--nice=5"});
  EXPECT_EQ(session.exit_code, 1) << session.err;
  EXPECT_EQ(session.out, folder_.run("here.sqlite", {"-q"}).out);
  EXPECT_EQ(folder_.csv("far.sqlite"), here_);
  EXPECT_THAT(file_text(folder_ / "shared folder" / "1" / "sweep.sbatch"),
              HasSubstr("#SBATCH --nice=5\n"));
}

}  // namespace
}  // namespace moesim
