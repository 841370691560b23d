// The shards of a sweep without a Slurm: stand-ins for sbatch and squeue run the script at once.
#include <gmock/gmock.h>

#include <cstdlib>

#include "tests/support/sweep_folder.hpp"

namespace moesim {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SweepShards : public ::testing::Test {
 protected:
  void SetUp() override {
    stand_in("squeue", "");
    setenv("PATH", ((folder_ / "bin").string() + ":" + before_).c_str(), 1);
  }
  void TearDown() override { setenv("PATH", before_.c_str(), 1); }

  void stand_in(const std::string& name, const std::string& script) const {
    const fs::path file = written(folder_ / "bin" / name, "#!/bin/bash\n" + script);
    fs::permissions(file, fs::perms::owner_all);
  }
  // Runs these tasks of the array, and says that the job is number 100.
  void sbatch_runs(const std::string& tasks) const {
    stand_in("sbatch", "export SLURM_JOB_ID=$RANDOM\nfor task in " + tasks +
                           "; do SLURM_ARRAY_TASK_ID=$task bash \"$2\" > /dev/null 2>&1; done\n"
                           "echo 'sbatch: a remark' >&2\necho '100;cluster'\n");
  }
  Session on_slurm(const std::vector<std::string>& more = {}) const {
    return folder_.on_slurm(3, more);
  }
  fs::path submission(int number) const { return folder_.submission(number); }

  SweepFolder folder_{"matrix: {placement: [linear, lpt], trace.sigma: [1, 2]}\nseeds: 2\n"};
  std::string before_ = std::getenv("PATH");
};

TEST_F(SweepShards, ComeToWhatOneMachineComesTo) {
  sbatch_runs("0 1 2");
  const Session far = on_slurm();
  EXPECT_EQ(far.exit_code, 0) << far.err;
  EXPECT_THAT(far.err, HasSubstr("job 100: 8 runs in 3 shards"));
  const Session here = folder_.run("here.sqlite");
  EXPECT_EQ(far.out, here.out);
  EXPECT_EQ(folder_.csv("far.sqlite"), folder_.csv("here.sqlite"));
  EXPECT_THAT(file_text(submission(1) / "shards" / "0001.txt"), HasSubstr("1 2 fnv1a64:"))
      << "runs are dealt in turns";
}

TEST_F(SweepShards, AreSubmittedAgainWhereTheyWereLost) {
  sbatch_runs("0 2");
  const Session lost = on_slurm();
  EXPECT_EQ(lost.exit_code, 1);
  EXPECT_THAT(lost.err, HasSubstr("3 runs are missing"));
  EXPECT_THAT(folder_.csv("far.sqlite"), HasSubstr(",missing,"));
  EXPECT_EQ(on_slurm().exit_code, 2) << "not without --resume";
  sbatch_runs("0 1 2");
  const Session rest = on_slurm({"--resume"});
  EXPECT_EQ(rest.exit_code, 0) << rest.err;
  EXPECT_THAT(rest.err, HasSubstr("job 100: 3 runs in 3 shards"));
  folder_.run("here.sqlite");
  EXPECT_EQ(folder_.csv("far.sqlite"), folder_.csv("here.sqlite"));
  EXPECT_THAT(on_slurm({"--resume"}).err, HasSubstr("8 runs, 0 to do"));
}

// An attempt that comes after one that is gone reads what that one has finished, and writes
// elsewhere.
TEST_F(SweepShards, LeaveOutWhatAnEarlierAttemptHasDone) {
  sbatch_runs("0 1 2");
  ASSERT_EQ(on_slurm().exit_code, 0);
  const fs::path results = submission(1) / "results";
  for (const std::string& name : names_in(results)) {
    const std::string lost = name.substr(0, name.find('.')) + ".lost-0.part.sqlite";
    fs::rename(results / name, results / lost);
  }
  const auto again = [&](const std::string& attempt) {
    return folder_.moesim(
        {"sweep", "shard", "s.yaml", submission(1).string(), "1", "--attempt", attempt});
  };
  EXPECT_EQ(again("5-1").exit_code, 0);
  EXPECT_THAT(names_in(results), ElementsAre("0000.lost-0.part.sqlite", "0001.5-1.sqlite",
                                             "0001.lost-0.part.sqlite", "0002.lost-0.part.sqlite"));
  EXPECT_LT(fs::file_size(results / "0001.5-1.sqlite"),
            fs::file_size(results / "0001.lost-0.part.sqlite"));
}

TEST_F(SweepShards, RefuseAnotherSweepThanWasSubmitted) {
  sbatch_runs("0 1 2");
  ASSERT_EQ(on_slurm().exit_code, 0);
  folder_.write_sweep("matrix: {placement: [lpt, linear], trace.sigma: [1, 2]}\n");
  const Session session = folder_.moesim({"sweep", "shard", "s.yaml", submission(1).string(), "0"});
  EXPECT_EQ(session.exit_code, 2);
  EXPECT_THAT(session.err, HasSubstr("point 1 is not what was submitted"));
}

TEST_F(SweepShards, LeaveNothingWhereSbatchRefuses) {
  stand_in("sbatch", "echo 'sbatch: error: no partition' >&2\nexit 1\n");
  const Session session = on_slurm({"--sbatch=--partition=none"});
  EXPECT_EQ(session.exit_code, 2);
  EXPECT_THAT(session.err, HasSubstr("sbatch failed: sbatch: error: no partition"));
  EXPECT_FALSE(fs::exists(submission(1)));
  fs::remove(folder_ / "bin" / "sbatch");
  setenv("PATH", (folder_ / "bin").c_str(), 1);
  EXPECT_THAT(on_slurm().err, HasSubstr("cannot run sbatch: No such file or directory"));
  EXPECT_THAT(on_slurm({"--resume"}).err, HasSubstr("nothing was submitted"));
}

}  // namespace
}  // namespace moesim
