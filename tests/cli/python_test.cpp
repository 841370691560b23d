// The Python door, opened with Debian's python3.
#include <gmock/gmock.h>

#include "tests/support/program.hpp"
#include "tests/support/shell.hpp"

namespace moesim {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

constexpr const char* kPython = "/usr/bin/python3";
const std::string kFolder = std::string(MOESIM_SOURCE_DIR) + "/analysis/python";

// Runs Python with the module on its path; its stdout and stderr.
std::string python(const std::string& arguments) {
  const ShellRun run =
      run_shell("cd / && PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=" + kFolder +
                " LC_ALL=C.UTF-8 MOESIM=" MOESIM_PROGRAM " " + kPython + " " + arguments);
  EXPECT_EQ(run.exit_code, 0) << run.output;
  return run.output;
}

class PythonDoor : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kPython)) GTEST_SKIP() << "there is no " << kPython;
  }
  // A script of statements; `small` names a scenario, a run of which takes no time.
  std::string script(const std::string& text) {
    const TemporaryDirectory folder;
    std::ofstream(folder / "script.py")
        << "import moesim\nsmall = dict(model=dict(preset='olmoe-1b-7b', layers=2), "
           "cluster=dict(preset='h100-sxm', nodes=1), workload=dict(tokens_per_gpu=64, steps=1), "
           "trace=dict(kind='lognormal', sigma=1))\n"
        << text;
    return python((folder / "script.py").string());
  }
};

TEST_F(PythonDoor, ItsExampleRuns) {
  if (std::system((std::string(kPython) + " -c 'import pandas' 2> /dev/null").c_str()) != 0)
    GTEST_SKIP() << "there is no pandas here: apt-get install python3-pandas";
  const std::string text = python(kFolder + "/example.py");
  EXPECT_THAT(text, ContainsRegex("quickstart: [0-9]+ k tokens/s"));
  EXPECT_THAT(text, ContainsRegex("placement=lpt +[0-9.]+ +0\\.[0-9]+ .*higher"));
  EXPECT_THAT(text, ContainsRegex("\n32 +\\+[0-9.]+%\n64 +"));
  EXPECT_THAT(text, HasSubstr("error: no placement is called 'lptt'"));
}

TEST_F(PythonDoor, RunsWhatTheProgramRuns) {
  EXPECT_EQ(
      script(
          "a = moesim.run(small, seed=3, workload__tokens_per_gpu=32)\n"
          "b = moesim.run(small, **{'seed': 3, 'workload.tokens_per_gpu': 32})\n"
          "print(a == b, a['seed'], a['scenario']['workload']['tokens_per_gpu'])\n"
          "print(moesim.metrics(a)['step_time_s.mean'] == a['metrics']['step_time_s']['mean'])\n"),
      "True 3 32\nTrue\n");
}

TEST_F(PythonDoor, ComparesWithoutPandas) {
  EXPECT_EQ(
      script(
          "moesim.pandas = None\n"
          "rows = moesim.compare(small, vary={'placement': ['linear', {'kind': 'lpt'}]}, seeds=2)\n"
          "print([row['placement'] for row in rows])\n"
          "print(rows[0]['difference'], rows[1]['finding'] in ('higher', 'no_difference_shown'))\n"
          "print(rows[1]['difference_low'] <= rows[1]['difference'])\n"),
      "['linear', '{kind: lpt}']\n0.0 True\nTrue\n");
}

TEST_F(PythonDoor, SweepsAndKeepsWhatFailed) {
  const TemporaryDirectory folder;
  std::ofstream(folder / "small.yaml")
      << "model: {preset: olmoe-1b-7b, layers: 2}\ncluster: {preset: h100-sxm, nodes: 1}\n"
         "workload: {tokens_per_gpu: 64, steps: 1}\ntrace: {kind: lognormal, sigma: 1}\n";
  EXPECT_EQ(script("moesim.pandas = None\n"
                   "rows = moesim.sweep({'scenario': '" +
                   (folder / "small.yaml").string() +
                   "', 'matrix': {'workload.tokens_per_gpu': '16:32:x2'}, "
                   "'list': [{'placement': 'nope'}]}, jobs=1)\n"
                   "print([(row['workload.tokens_per_gpu'], row['status']) for row in rows])\n"
                   "print(rows[0]['tokens_per_s'] > 0, 'nope' in rows[2]['error'])\n"),
            "[(16, 'done'), (32, 'done'), (None, 'failed')]\nTrue True\n");
}

TEST_F(PythonDoor, RaisesWhatTheProgramSays) {
  EXPECT_THAT(
      script("try:\n  moesim.run(small, placement='lptt')\n"
             "except moesim.MoesimError as error:\n  print(error.exit_code, error)\n"),
      ContainsRegex("^2 .*error: no placement is called 'lptt'\n(.|\n)*did you mean 'lpt'"));
  EXPECT_THAT(script("try:\n  moesim.read_sweep('/usr')\n"
                     "except moesim.MoesimError as error:\n  print(error.exit_code, error)\n"),
              HasSubstr("2 /usr: "));
  EXPECT_THAT(script("try:\n  moesim.run('/no/such.yaml')\n"
                     "except moesim.MoesimError as error:\n  print(error)\n"),
              HasSubstr("/no/such.yaml"));
}

}  // namespace
}  // namespace moesim
