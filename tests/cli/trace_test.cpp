#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "analysis/json.hpp"
#include "sim/base/text_file.hpp"
#include "sim/trace/hdf5_reader.hpp"
#include "sim/trace/npy.hpp"
#include "tests/support/program.hpp"
#include "tests/support/shared_data.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kSmallMoe = std::string(MOESIM_SOURCE_DIR) + "/scenarios/traces/small_moe.h5";

TEST(TraceCommand, InspectShowsATableAndAHeatMap) {
  const TemporaryDirectory folder;
  write_file(folder / "load.csv", "step,layer,expert,count\n0,4,0,6\n0,4,1,1\n0,4,2,1\n0,4,3,0\n");
  const Session session =
      run_program({"trace", "inspect", "load.csv", "--color", "never"}, folder.path());
  EXPECT_EQ(session.exit_code, 0) << session.err;
  // Mean 2: max/mean 3; Gini 2(0 + 2 + 3 + 24)/(4·8) − 5/4; exp(entropy of 6/8, 1/8, 1/8).
  EXPECT_EQ(
      session.out,
      "trace: 1 layers, 4 experts, 1 step\n"
      "recorded by load.csv\n"
      "\n"
      "layer  routes  experts used  max/mean   Gini  effective experts  top-8 share  hottest\n"
      "    4       8        3 of 4      3.00  0.562               2.09        100 %        0\n"
      "\n"
      "load of each expert over its layer's mean: ' ' under 0.35, ░ under 0.71, ▒ under "
      "1.41, ▓ under 2.83, █ more\n"
      "    4 │█░░ │\n");
}

TEST(TraceCommand, InspectGivesItsFiguresAsJson) {
  const TemporaryDirectory folder;
  write_file(folder / "load.csv", "step,layer,expert,count\n0,4,0,6\n0,4,1,2\n");
  const Session session = run_program({"trace", "inspect", "load.csv", "--json"}, folder.path());
  ASSERT_EQ(session.exit_code, 0) << session.err;
  const Json json = Json::parse(session.out);
  EXPECT_EQ(json["schema"], "moesim.trace_inspect/1");
  EXPECT_EQ(json["layers"][0]["max_over_mean"], 1.5);
  EXPECT_EQ(json["layers"][0]["gini"], 0.25);
  EXPECT_EQ(json["layers"][0]["counts"], Json({6, 2}));
}

TEST(TraceCommand, GenWritesTheSameFileForTheSameSeed) {
  const TemporaryDirectory folder;
  const auto gen = [&](const std::string& out, const std::string& seed) {
    return run_program(
        {"trace", "gen", "--model", "mixtral-8x7b", "--kind", "zipf", "--set", "trace.exponent=1",
         "--steps", "2", "--gpus", "2", "--tokens-per-gpu", "32", "--seed", seed, "-o", out},
        folder.path());
  };
  const Session session = gen("a.h5", "1");
  ASSERT_EQ(session.exit_code, 0) << session.err;
  gen("b.h5", "1");
  gen("c.h5", "2");
  EXPECT_EQ(file_text(folder / "a.h5"), file_text(folder / "b.h5"));
  EXPECT_NE(file_text(folder / "a.h5"), file_text(folder / "c.h5"));
  const Hdf5Trace trace(folder / "a.h5", "a.h5", {});
  EXPECT_EQ(trace.header().model, "mixtral-8x7b");
  EXPECT_EQ(trace.header().layer_count(), 32);
  EXPECT_EQ(trace.tokens(), 2 * 2 * 32);
  EXPECT_EQ(trace.steps(), 2);
}

TEST(TraceCommand, GenOfCountsIsWhatInspectCounts) {
  const TemporaryDirectory folder;
  ASSERT_EQ(run_program({"trace", "gen", "--model", "mixtral-8x7b", "--kind", "balanced",
                         "--counts", "-o", "a.jsonl"},
                        folder.path())
                .exit_code,
            0);
  const Json json =
      Json::parse(run_program({"trace", "inspect", "a.jsonl", "--json"}, folder.path()).out);
  // 8 GPUs × 256 tokens × top-2 over 8 experts.
  EXPECT_EQ(json["layers"][31]["counts"], Json(std::vector<int>(8, 512)));
}

TEST(TraceCommand, SaysWhatIsWrong) {
  const TemporaryDirectory folder;
  const auto error = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "trace");
    const Session session = run_program(words, folder.path());
    EXPECT_EQ(session.exit_code, 2);
    EXPECT_EQ(session.out, "");
    return session.err;
  };
  write_file(folder / "load.csv", "step,layer,expert,count\n0,0,0,6\n");
  EXPECT_EQ(error({"convert", "load.csv", "-o", "a.csv"}),
            "-o: error: 'a.csv' does not say which form to write\n"
            "  hint: end the name with .h5 (HDF5) or .jsonl (moetrace/1)\n");
  EXPECT_EQ(error({"convert", "none.csv", "-o", "a.h5"}),
            "trace convert: error: no file 'none.csv'\n");
  EXPECT_THAT(error({"gen", "--model", "mixtral-8x7b", "--kind", "zip", "-o", "a.h5"}),
              HasSubstr("no trace is called 'zip'"));
  EXPECT_THAT(error({"gen", "--model", "mixtral-8x7b", "--set", "seed=1", "-o", "a.h5"}),
              HasSubstr("only the sections 'trace' and 'model' matter here"));
  EXPECT_THAT(error({"convert", "load.csv", "-o", "no/such/folder/a.h5"}),
              HasSubstr("cannot write 'no/such/folder/a.h5'"));
  EXPECT_THAT(names_in(folder.path()), ElementsAre("load.csv"));
}

TEST(SmallMoe, IsWhatItsReadmeSays) {
  const Hdf5Trace trace(kSmallMoe, "small_moe.h5", {});
  EXPECT_EQ(trace.header().layer_count(), 8);
  EXPECT_EQ(trace.header().experts, 64);
  EXPECT_EQ(trace.header().top_k, 8);
  EXPECT_EQ(trace.tokens(), 49152);
  EXPECT_EQ(trace.header().order, IdOrder::kScore);
  EXPECT_THAT(trace.header().domains, ElementsAre("changelog", "cpp", "kernel_doc", "man_en",
                                                  "man_fr", "man_zh", "prose", "python"));
  EXPECT_EQ(trace.logit_tokens().size(), 4096u);
  std::vector<int> of_domain(8);
  for (const std::int16_t domain : trace.domains()) ++of_domain[static_cast<std::size_t>(domain)];
  EXPECT_EQ(of_domain, std::vector<int>(8, 24 * 256));
  EXPECT_LT(std::filesystem::file_size(kSmallMoe), 12'000'000u);
}

TEST(SmallMoe, IsTheArchiveItWasMadeFrom) {
  MOESIM_NEEDS_SHARED(path, "routing_trace_small_moe.npz");
  const Hdf5Trace trace(kSmallMoe, "small_moe.h5", {});
  const auto arrays = parse_npz(read_bytes(path, "npz"), {});
  const NpyArray &ids = arrays.at("topk_ids"), &weights = arrays.at("topk_weights");
  for (int layer = 0; layer < 8; ++layer) {
    const std::vector<std::int16_t> own_ids = trace.ids(0, 49152, layer);
    const std::vector<float> own_weights = trace.weights(0, 49152, layer);
    for (std::int64_t token = 0; token < 49152; ++token)
      for (std::int64_t choice = 0; choice < 8; ++choice) {
        const std::size_t own = static_cast<std::size_t>(token * 8 + choice);
        const std::int64_t theirs = (token * 8 + layer) * 8 + choice;
        ASSERT_EQ(own_ids[own], ids.integer(theirs));
        ASSERT_EQ(own_weights[own], static_cast<float>(weights.number(theirs)));
      }
  }
  const NpyArray& logits = arrays.at("logits");
  const std::vector<float> own = trace.logits(0, 4096, -1);
  ASSERT_EQ(std::ssize(own), logits.size());
  for (std::int64_t i = 0; i < logits.size(); ++i)
    ASSERT_EQ(own[static_cast<std::size_t>(i)], static_cast<float>(logits.number(i)));
}

}  // namespace
}  // namespace moesim
