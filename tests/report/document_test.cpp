#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "analysis/report/cluster_part.hpp"
#include "analysis/report/csv_columns.hpp"
#include "analysis/report/parts.hpp"
#include "analysis/report/report.hpp"
#include "sim/base/error.hpp"
#include "tests/support/program.hpp"

namespace moesim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

ResultFiles these(std::map<std::string, std::string> files) {
  return [files](const std::string& name) -> std::optional<std::string> {
    const auto found = files.find(name);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(CsvColumns, AreReadByNameAndAnEmptyFieldIsNotANumber) {
  const CsvColumns read = read_columns("pool,begin_s,kv_use\nprefill,0,0.5\ndecode,1.5,\n");
  EXPECT_EQ(read.rows, 2u);
  EXPECT_THAT(read.texts("pool"), ElementsAre("prefill", "decode"));
  EXPECT_THAT(read.numbers("begin_s"), ElementsAre(0, 1.5));
  EXPECT_TRUE(std::isnan(read.numbers("kv_use")[1]));
  const CsvColumns decode = read.where("pool", "decode");
  EXPECT_EQ(decode.rows, 1u);
  EXPECT_THAT(decode.numbers("begin_s"), ElementsAre(1.5));
}

TEST(ClusterPart, PutsLinksWhereTheyAre) {
  const Json part =
      cluster_part(read_columns("name,class,from,to,bandwidth_bytes_per_s,bytes_per_step,use\n"
                                "a,nvlink,node0.gpu0,node0.nvswitch,1,10,0.25\n"
                                "b,nvlink,node0.nvswitch,node0.gpu0,1,30,0.5\n"
                                "c,nic,node0.nic0,leaf.rail0,1,5,0.75\n"
                                "d,nic,leaf.rail1,node1.nic0,1,7,0.1\n"
                                "e,spine,leaf.rail1,spine,1,,\n"));
  ASSERT_EQ(part.at("nodes").size(), 2u);
  const Json& node = part.at("nodes")[0];
  EXPECT_TRUE(node.at("switch").get<bool>());
  EXPECT_EQ(node.at("gpus")[0].at("out"), 0.25);
  EXPECT_EQ(node.at("gpus")[0].at("in"), 0.5);
  EXPECT_EQ(node.at("gpus")[0].at("bytes"), 40);
  EXPECT_EQ(node.at("nics")[0].at("leaf"), 0);
  EXPECT_EQ(part.at("nodes")[1].at("nics")[0].at("leaf"), 1);
  EXPECT_FALSE(part.at("nodes")[1].at("switch").get<bool>());
  EXPECT_TRUE(part.at("leaves")[1].at("up").is_null());
}

TEST(Figure, HasTheBandOfItsMetric) {
  const Json summary = {{"metrics", {{"step_time_s", {{"mean", 2.0}}}}},
                        {"uncertainty", {{"step_time_s.mean", {{"low", 1.9}, {"high", 2.2}}}}}};
  const Json own = figure(summary, "metrics.step_time_s.mean", "step time", "s");
  EXPECT_EQ(own.at("value"), 2.0);
  EXPECT_EQ(own.at("low"), 1.9);
  EXPECT_EQ(own.at("high"), 2.2);
  EXPECT_TRUE(figure(summary, "metrics.mfu", "MFU", "share").at("value").is_null());
}

TEST(ReportPage, LetsNoTextOfAResultEndItsScript) {
  const std::string page =
      report_page(Json{{"title", "</script><b>"}, {"answer", "</script><img src=x>"}});
  EXPECT_THAT(page, Not(HasSubstr("</script><")));
  EXPECT_THAT(page, HasSubstr("<title>&lt;/script>&lt;b></title>"));
}

TEST(ReportDocument, OfNothingKnownIsAnError) {
  EXPECT_THROW(report_document(these({}), "somewhere"), InputError);
  EXPECT_THROW(report_document(these({{"summary.json", R"({"schema": "moesim.other/1"})"}}), "x"),
               InputError);
  try {
    report_document(these({{"summary.json", R"({"schema": "moesim.summary/1"})"}}), "old");
    FAIL() << "a summary that says nothing";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("says less than a report needs"));
  }
}

class ReportOfARun : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    scratch_ = std::make_unique<TemporaryDirectory>();
    const Session session =
        run_program({"run", "scenarios/quickstart.yaml", "--set", "model.layers=2", "-q", "-o",
                     (*scratch_ / "result").string()});
    ASSERT_EQ(session.exit_code, 0) << session.err;
  }
  static void TearDownTestSuite() { scratch_.reset(); }
  static std::string file(const std::string& name) {
    return file_text(*scratch_ / "result" / name);
  }
  static std::string directory() { return (*scratch_ / "result").string(); }
  static inline std::unique_ptr<TemporaryDirectory> scratch_;
};

TEST_F(ReportOfARun, HasTheFiguresOfTheSummary) {
  const Json report = report_document(files_in(directory()), "result");
  const Json summary = Json::parse(file("summary.json"));
  ASSERT_GE(report.at("figures").size(), 8u);
  for (const Json& own : report.at("figures"))
    EXPECT_EQ(own.at("value"), at_path(summary, own.at("key").get<std::string>())) << own;
  EXPECT_EQ(report.at("warnings"), summary.at("warnings"));
  EXPECT_EQ(report.at("command"), "moesim run scenario.yaml -o again");
}

TEST_F(ReportOfARun, ShowsWhatIssueEightAsksFor) {
  const Json report = report_document(files_in(directory()), "result");
  std::map<std::string, int> types;
  for (const Json& section : report.at("sections"))
    for (const Json& part : section.at("parts")) {
      ++types[part.at("type").get<std::string>()];
      EXPECT_FALSE(part.at("title").get<std::string>().empty());
    }
  for (const char* type : {"bars", "strip", "heat_map", "lines", "cluster", "table"})
    EXPECT_GE(types[type], 1) << type;
}

// The loads of experts are those of the GPUs, divided up.
TEST_F(ReportOfARun, DividesTheLoadOfEachGpuAmongExperts) {
  const CsvColumns loads = read_columns(file("loads.csv")), gpus = read_columns(file("gpus.csv"));
  std::map<std::string, double> sums;
  const std::vector<double> rows = loads.numbers("rows_per_step");
  for (std::size_t i = 0; i < loads.rows; ++i) sums[loads.texts("gpu")[i]] += rows[i];
  const std::vector<double> routes = gpus.numbers("routes_per_step");
  ASSERT_EQ(gpus.rows, 16u);
  for (std::size_t i = 0; i < gpus.rows; ++i)
    EXPECT_NEAR(sums[gpus.texts("gpu")[i]], routes[i], 1e-6 * routes[i]);
}

TEST_F(ReportOfARun, KnowsTheUseOfTheBusiestLink) {
  const CsvColumns links = read_columns(file("links.csv"));
  const std::vector<double> use = links.numbers("use");
  double most = 0;
  for (std::size_t i = 0; i < links.rows; ++i)
    if (links.texts("class")[i] == "nic" && use[i] > most) most = use[i];
  EXPECT_EQ(most, at_path(Json::parse(file("summary.json")), "metrics.link_use.nic_max"));
  // 16 GPUs' NVLink ports, and 16 NICs, in both directions.
  EXPECT_EQ(links.where("class", "nvlink").rows, 32u);
  EXPECT_EQ(links.where("class", "nic").rows, 32u);
}

TEST_F(ReportOfARun, IsMadeAgainByteForByte) {
  const std::string before = file("report.html");
  EXPECT_THAT(before, Not(HasSubstr(scratch_->path().string())));
  const Session session = run_program({"report", directory()});
  EXPECT_EQ(session.exit_code, 0) << session.err;
  EXPECT_TRUE(file("report.html") == before);
}

TEST_F(ReportOfARun, IsPrintedAsADocument) {
  const Session session = run_program({"report", directory(), "--json"});
  EXPECT_EQ(session.exit_code, 0) << session.err;
  EXPECT_EQ(Json::parse(session.out).at("schema"), "moesim.report/1");
}

TEST(ReportOfADenseModel, SpeaksOfNoExperts) {
  const TemporaryDirectory scratch;
  const Session session = run_program(
      {"run", "scenarios/quickstart.yaml", "--set", "model=llama-3.1-70b", "--set",
       "cluster.preset=h200-sxm-ib400", "--set", "calibration=h200-sxm", "--set",
       "trace.kind=balanced", "--set", "parallel.tp=8", "--set", "network.fidelity=analytic",
       "--set", "workload.steps=1", "-q", "-o", (scratch / "result").string()});
  ASSERT_EQ(session.exit_code, 0) << session.err;
  const Json report = report_document(files_in((scratch / "result").string()), "result");
  EXPECT_THAT(report.at("assumptions")[0].at("text").get<std::string>(), HasSubstr("dense"));
  EXPECT_THAT(report.at("answer").get<std::string>(), Not(HasSubstr("busiest GPU")));
}

// A map of experts and a drawing of the links for each pool, on the pool's GPUs.
TEST(ReportOfServedRequests, ShowsExpertsAndLinksOfEachPool) {
  const TemporaryDirectory scratch;
  const std::string directory = (scratch / "result").string();
  write_file(scratch / "s.yaml",
             "model: {preset: olmoe-1b-7b, layers: 2}\ncluster: {preset: h100-sxm-ib400}\n"
             "trace: {kind: lognormal, sigma: 1}\ncalibration: h100-sxm\n"
             "requests: {kind: poisson, rate: 200, count: 20, input: 100, output: 10}\n"
             "pools:\n  prefill: {nodes: 1}\n  decode: {nodes: 1}\n");
  const Session session =
      run_program({"run", (scratch / "s.yaml").string(), "-q", "-o", directory});
  ASSERT_EQ(session.exit_code, 0) << session.err;
  const Json sections = report_document(files_in(directory), "result").at("sections");
  const Json& parts = sections.back().at("parts");
  ASSERT_EQ(parts.size(), 4u);
  for (const std::size_t pool : {0u, 1u}) {
    const std::string name = pool == 0 ? "prefill" : "decode";
    EXPECT_THAT(parts[pool].at("title").get<std::string>(), HasSubstr("GPU of " + name));
    EXPECT_EQ(parts[pool].at("type"), "heat_map");
    EXPECT_EQ(parts[pool].at("frames").size(), 2u);
    EXPECT_EQ(parts[pool].at("y").at("labels")[0], pool == 0 ? 0 : 8);
    EXPECT_EQ(parts[pool + 2].at("type"), "cluster");
    EXPECT_THAT(parts[pool + 2].at("title").get<std::string>(), HasSubstr("steps of " + name));
  }
  EXPECT_EQ(parts[2].at("nodes").size(), 2u);  // prompts' KV caches go to the other node
  EXPECT_EQ(parts[3].at("nodes").size(), 1u);
  EXPECT_EQ(parts[3].at("nodes")[0].at("name"), "node1");
}

TEST(ReportCommand, RefusesWhatIsNoResult) {
  const TemporaryDirectory empty;
  for (const std::string& path : {(empty / "nothing").string(), empty.path().string()}) {
    const Session session = run_program({"report", path});
    EXPECT_EQ(session.exit_code, 2);
    EXPECT_THAT(session.err, HasSubstr("error"));
  }
}

TEST(ReportOfAComparison, SaysWhichIsBestAndTheCommand) {
  const TemporaryDirectory scratch;
  const std::string directory = (scratch / "result").string();
  const Session session =
      run_program({"compare", "scenarios/quickstart.yaml", "--set", "model.layers=2", "--set",
                   "workload.steps=1", "--vary", "placement=linear,lpt", "-q", "-o", directory});
  ASSERT_EQ(session.exit_code, 0) << session.err;
  const Json report = report_document(files_in(directory), "result");
  EXPECT_THAT(report.at("answer").get<std::string>(), HasSubstr("is the best in tokens/s per GPU"));
  EXPECT_EQ(report.at("command"),
            "moesim compare scenarios/quickstart.yaml --set model.layers=2 --set workload.steps=1 "
            "--vary placement=linear,lpt");
  EXPECT_EQ(report.at("figures").size(), 2u);
}

}  // namespace
}  // namespace moesim
