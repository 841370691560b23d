// Safetensors, made here byte by byte, and the routes that come back with an answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/trace/archives.hpp"
#include "tests/trace/convert_fixture.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Safetensors = Convert;

std::string safetensors(const std::string& header, const std::string& data) {
  std::string bytes;
  put(bytes, header.size(), 8);
  return bytes + header + data;
}

std::string int64s(const std::vector<int>& numbers) {
  std::string bytes;
  for (const int number : numbers)
    put(bytes, static_cast<std::uint64_t>(static_cast<std::int64_t>(number)), 8);
  return bytes;
}

TEST_F(Safetensors, ReadsTheStatisticsOfARankOfTensorRtLlm) {
  written(folder_ / "meta_info.json", R"({"num_experts": 4, "num_experts_per_token": 2})");
  const Collected trace = read("rank3.safetensors", safetensors(R"({"__metadata__":{"format":"pt"},
                                   "10_1":{"dtype":"I64","shape":[3],"data_offsets":[0,24]},
                                   "9_1":{"dtype":"I64","shape":[3],"data_offsets":[24,48]}})",
                                                                int64s({7, 0, 1, 1, 2, 3})));
  EXPECT_EQ(trace.header.source, "tensorrt-llm/statistics");
  EXPECT_EQ(trace.header.experts, 4);
  ASSERT_EQ(trace.count_batches.size(), 2u);
  EXPECT_EQ(trace.count_batches[0].step, 9);
  EXPECT_EQ(trace.count_batches[0].rank, 3);
  EXPECT_THAT(trace.count_batches[0].counts, ElementsAre(1, 2, 3, 0));
  EXPECT_THAT(trace.count_batches[1].counts, ElementsAre(7, 0, 1, 0));
}

TEST_F(Safetensors, ReadsTheRawIdsOfARankOfTensorRtLlm) {
  const Collected trace =
      read("rank12_raw.safetensors",
           safetensors(R"({"4_0":{"dtype":"I64","shape":[2,2],"data_offsets":[0,32]}})",
                       int64s({3, 1, 0, 2})));
  ASSERT_EQ(trace.token_batches.size(), 1u);
  EXPECT_EQ(trace.token_batches[0].rank, 12);
  EXPECT_EQ(trace.token_batches[0].step, 4);
  EXPECT_THAT(trace.token_batches[0].ids, ElementsAre(3, 1, 0, 2));
}

TEST_F(Safetensors, MapsThePhysicalCountsOfVllmToLogicalOnes) {
  const std::string window =
      R"({"expert_load_window":{"dtype":"I64","shape":[2,1,3],"data_offsets":[0,48]})";
  const Collected mapped = read(
      "load.safetensors",
      safetensors(
          window +
              R"(,"physical_to_logical_map":{"dtype":"I64","shape":[1,3],"data_offsets":[48,72]}})",
          int64s({5, 1, 2, 0, 4, 0, 1, 0, 1})));
  EXPECT_THAT(mapped.count_batches[0].counts, ElementsAre(1, 7));
  EXPECT_THAT(mapped.count_batches[1].counts, ElementsAre(4, 0));
  EXPECT_EQ(mapped.header.notes, "");
  const Collected bare =
      read("bare.safetensors", safetensors(window + "}", int64s({5, 1, 2, 0, 4, 0})));
  EXPECT_THAT(bare.count_batches[0].counts, ElementsAre(5, 1, 2));
  EXPECT_THAT(bare.header.notes, HasSubstr("physical experts are taken for logical ones"));
}

TEST_F(Safetensors, RefusesWhatIsDamagedOrUnknown) {
  const std::string entry = R"({"1_0":{"dtype":"I64","shape":[2],"data_offsets":[0,16]}})";
  EXPECT_EQ(error("cut.safetensors", safetensors(entry, int64s({1}))),
            "cut.safetensors: error: tensor '1_0' is cut off");
  EXPECT_EQ(error("size.safetensors",
                  safetensors(R"({"1_0":{"dtype":"I64","shape":[3],"data_offsets":[0,16]}})",
                              int64s({1, 2}))),
            "size.safetensors: error: tensor '1_0' is of another size than its shape tells");
  EXPECT_EQ(
      error("type.safetensors",
            safetensors(R"({"1_0":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}})", "ab")),
      "type.safetensors: error: tensor '1_0' is of the type 'F8_E4M3'");
  EXPECT_EQ(error("other.safetensors",
                  safetensors(R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "a")),
            "other.safetensors: error: no tensor is called 'ITERATION_LAYER' or "
            "'expert_load_window'");
}

TEST_F(Convert, ReadsTheRoutesThatComeBackWithAnAnswer) {
  const Collected trace =
      read("answers.jsonl",
           R"({"id":"a","choices":[{"text":"x","routed_experts":[[[0,1],[2,3]],[[1,0],[3,2]]]}]})"
           "\n"
           R"({"routed_experts":[[[4,1],[0,3]]]})"
           "\n");
  EXPECT_EQ(trace.header.top_k, 2);
  EXPECT_THAT(trace.header.layers, ElementsAre(0, 1));
  ASSERT_EQ(trace.token_batches.size(), 2u);
  EXPECT_THAT(trace.token_batches[0].ids, ElementsAre(0, 1, 2, 3, 1, 0, 3, 2));
  EXPECT_THAT(trace.token_batches[0].positions, ElementsAre(0, 1));
  EXPECT_THAT(trace.token_batches[1].requests, ElementsAre(1));
  EXPECT_THAT(error("text.jsonl", "{\"routed_experts\":\"AAAA\"}\n"),
              HasSubstr("text.jsonl:1:1: error: routed_experts is text"));
}

}  // namespace
}  // namespace moesim
