// Each form with a small literal input.
#include "sim/trace/convert.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "sim/trace/hdf5_writer.hpp"
#include "sim/trace/jsonl_writer.hpp"
#include "tests/trace/convert_fixture.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(Convert, ReadsMegatronRouterTraces) {
  const Collected trace = read(
      "router_trace_rank3.jsonl",
      R"({"step":0,"stage":"pre_dispatch","block":"decoder","layer":1,"rank":3,"num_tokens":2,"topk":2,"top_indices":[[0,5],[2,3]]})"
      "\n"
      R"({"step":0,"stage":"pre_dispatch","block":"decoder","layer":2,"rank":3,"num_tokens":2,"topk":2,"top_indices":[[1,4],[0,2]]})"
      "\n"
      R"({"step":0,"stage":"pre_dispatch","block":"mtp","layer":0,"rank":3,"num_tokens":1,"topk":2,"top_indices":[[6,7]]})"
      "\n"
      R"({"step":0,"stage":"pre_dispatch","block":"decoder","layer":1,"rank":3,"num_tokens":1,"topk":2,"top_indices":[[4,5]]})"
      "\n");
  EXPECT_EQ(trace.header.experts, 6);
  EXPECT_EQ(trace.header.top_k, 2);
  EXPECT_EQ(trace.header.order, IdOrder::kId);
  EXPECT_THAT(trace.header.layers, ElementsAre(1, 2));
  ASSERT_EQ(trace.token_batches.size(), 1u);
  EXPECT_EQ(trace.token_batches[0].rank, 3);
  // The second call of layer 1 is another micro-batch; layer 2 has not recorded it.
  EXPECT_THAT(trace.token_batches[0].ids, ElementsAre(0, 5, 1, 4, 2, 3, 0, 2, 4, 5, -1, -1));
}

TEST_F(Convert, ReadsOlmoeSequences) {
  const Collected trace =
      read("olmoe.jsonl", R"({"input_ids":[9,9],"exp_ids":[[[1,2],[3,0]],[[0,1],[2,3]]]})"
                          "\n"
                          R"({"input_ids":[9],"exp_ids":[[[3,3],[1,1]]]})"
                          "\n");
  ASSERT_EQ(trace.token_batches.size(), 2u);
  EXPECT_THAT(trace.token_batches[0].ids, ElementsAre(1, 3, 2, 0, 0, 2, 1, 3));
  EXPECT_THAT(trace.token_batches[0].positions, ElementsAre(0, 1));
  EXPECT_EQ(trace.token_batches[1].step, 1);
  EXPECT_THAT(trace.token_batches[1].ids, ElementsAre(3, 1, 3, 1));
}

TEST_F(Convert, ReadsMoeBalanceLines) {
  const Collected trace = read(
      "b.jsonl",
      R"({"layer":0,"batch_id":4,"topk_experts":[[1,0],[2,1]],"topk_weights":[[0.75,0.25],[0.5,0.5]],"request_id":12})"
      "\n");
  EXPECT_EQ(trace.token_batches[0].step, 4);
  EXPECT_THAT(trace.token_batches[0].weights, ElementsAre(0.75f, 0.25f, 0.5f, 0.5f));
  EXPECT_THAT(trace.token_batches[0].requests, ElementsAre(12, 12));
}

TEST_F(Convert, ReadsSglangStatistics) {
  const Collected trace =
      read("stat.json", R"({"rank":0,"logical_count":[[[0,0],[3,1]],[[0,0],[2,2]]]})");
  EXPECT_THAT(trace.header.layers, ElementsAre(1)) << "layer 0 has no experts";
  ASSERT_EQ(trace.count_batches.size(), 2u);
  EXPECT_THAT(trace.count_batches[0].counts, ElementsAre(3, 1));
  EXPECT_THAT(trace.count_batches[1].counts, ElementsAre(2, 2));
}

TEST_F(Convert, MapsPhysicalExpertsOfSglangToLogicalOnes) {
  const Collected counts = read("pass.json",
                                R"({"records":[{"forward_pass_id":7,"rank":1,
                                    "global_physical_count":[[5,1,2]]}],
                                    "last_physical_to_logical_map":[[1,0,1]]})");
  EXPECT_THAT(counts.count_batches[0].counts, ElementsAre(1, 7));
  EXPECT_EQ(counts.count_batches[0].step, 7);
  const Collected tokens = read("token.json",
                                R"({"records":[{"forward_pass_id":7,"rank":1,"positions":[4,5],
                                    "topk_ids_of_layer":[[[-1,-1,-1],[-1,-1,-1]],
                                                         [[2,1,-1],[0,3,-1]]]}],
                                    "last_physical_to_logical_map":[[0,0,0,0],[1,0,1,2]]})");
  EXPECT_THAT(tokens.header.layers, ElementsAre(1));
  EXPECT_EQ(tokens.header.top_k, 2) << "the padding falls off";
  EXPECT_THAT(tokens.token_batches[0].ids, ElementsAre(1, 0, 1, 2));
  EXPECT_THAT(tokens.token_batches[0].positions, ElementsAre(4, 5));
}

TEST_F(Convert, ReadsVllmWindowsAndLines) {
  const Collected window = read("window.json",
                                "{\"expert_load_window\": [[[4, 1, 1]], [[0, 2, 2]]],\n"
                                " \"physical_to_logical_map\": [[0, 1, 0]]}");
  ASSERT_EQ(window.count_batches.size(), 2u);
  EXPECT_THAT(window.count_batches[0].counts, ElementsAre(5, 1));
  EXPECT_THAT(window.count_batches[1].counts, ElementsAre(2, 2));
  const Collected lines = read("lines.jsonl",
                               "{\"step\":10,\"expert_load_pass\":[[1,2]]}\n"
                               "{\"step\":20,\"expert_load_pass\":[[3,4]]}\n");
  EXPECT_EQ(lines.count_batches[1].step, 20);
  EXPECT_THAT(lines.count_batches[1].counts, ElementsAre(3, 4));
}

TEST_F(Convert, ReadsTensorRtLlmStatisticsInTheOrderOfIterations) {
  const Collected counts =
      read("rank0.json", R"({"num_experts":3,"10_5":[0,0,7],"9_5":[1,2,3],"9_4":[4,0,0]})");
  EXPECT_EQ(counts.header.experts, 3);
  EXPECT_THAT(counts.header.layers, ElementsAre(4, 5));
  EXPECT_EQ(counts.count_batches[0].step, 9);
  EXPECT_THAT(counts.count_batches[0].counts, ElementsAre(4, 0, 0, 1, 2, 3));
  const Collected raw = read("raw.json", R"({"num_experts":4,"0_5":[[0,3],[1,2]]})");
  EXPECT_THAT(raw.token_batches[0].ids, ElementsAre(0, 3, 1, 2));
}

TEST_F(Convert, ReadsTapeHistories) {
  const Collected trace =
      read("tape.json", R"({"load_history":[{"logical_expert_load":[[1,2],[3,4]]}]})");
  EXPECT_THAT(trace.count_batches[0].counts, ElementsAre(1, 2, 3, 4));
}

TEST_F(Convert, ReadsTheCsvShortForms) {
  const Collected load = read("load.csv", "step,layer,expert,count\n0,3,0,5\n0,3,2,1\n1,3,1,9\n");
  EXPECT_THAT(load.count_batches[0].counts, ElementsAre(5, 0, 1));
  EXPECT_THAT(load.count_batches[1].counts, ElementsAre(0, 9, 0));
  const Collected old = read("old.csv", "layer_id,expert_id,count\n0,0,5\n0,1,6\n");
  EXPECT_EQ(old.header.source, "sglang/csv");
  EXPECT_THAT(old.count_batches[0].counts, ElementsAre(5, 6));
  const Collected routes = read("routes.csv",
                                "step,rank,token,layer,e0,e1,w0,w1\n"
                                "0,2,0,0,3,1,0.5,0.25\n0,2,1,0,0,-1,1,0\n");
  EXPECT_EQ(routes.token_batches[0].rank, 2);
  EXPECT_THAT(routes.token_batches[0].ids, ElementsAre(3, 1, 0, -1));
  EXPECT_THAT(routes.token_batches[0].weights, ElementsAre(0.5f, 0.25f, 1.f, 0.f));
}

TEST_F(Convert, ReadsGzippedInput) {
  const std::string text = "step,layer,expert,count\n0,0,0,5\n0,0,1,6\n";
  const gzFile file = gzopen((folder_ / "load.csv.gz").c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  Collected sink;
  convert_trace({{folder_ / "load.csv.gz", "load.csv.gz"}}, {}, sink);
  EXPECT_THAT(sink.count_batches[0].counts, ElementsAre(5, 6));
  const std::string packed = file_text(folder_ / "load.csv.gz");
  EXPECT_THAT(error("cut.csv.gz", packed.substr(0, packed.size() - 12)),
              HasSubstr("cut.csv.gz: error: the compressed data is damaged or cut off"));
}

TEST_F(Convert, GivesJsonlAndHdf5OfTheSameTrace) {
  for (const Collected& trace : {full_trace(), bare_trace(), count_trace()}) {
    trace.replay(*make_hdf5_writer(folder_ / "a.h5", {}));
    const auto again = [&](const std::string& from, const std::string& to) {
      const auto sink = to.ends_with(".h5") ? make_hdf5_writer(folder_ / to, {})
                                            : make_jsonl_writer(folder_ / to, {});
      convert_trace({{folder_ / from, from}}, {}, *sink);
    };
    again("a.h5", "b.jsonl");
    again("b.jsonl", "c.h5");
    again("c.h5", "d.jsonl");
    EXPECT_EQ(file_text(folder_ / "c.h5"), file_text(folder_ / "a.h5"));
    EXPECT_EQ(file_text(folder_ / "d.jsonl"), file_text(folder_ / "b.jsonl"));
  }
}

TEST_F(Convert, ReadsMoetraceOfOthers) {
  const Collected trace = read(
      "t.jsonl",
      R"({"t":"meta","schema":"moetrace/1","model":"m","experts":4,"topk":2,"source":"s"})"
      "\n"
      R"({"t":"placement","version":0,"step":0,"layers":[3],"phy2log":[[2,0,1,3,2]]})"
      "\n"
      R"({"t":"step","step":17,"rank":0,"mode":"decode"})"
      "\n"
      R"({"t":"routes","step":17,"rank":0,"layer":3,"space":"physical","ids":[[4,1],[3,0]],"order":"score","row0":0})"
      "\n"
      R"({"t":"routes","step":17,"rank":0,"layer":3,"space":"logical","ids":[[1,0]],"row0":2})"
      "\n"
      R"({"t":"comm","step":17,"rank":0,"layer":3,"per_rank":[1,2]})"
      "\n");
  EXPECT_EQ(trace.header.model, "m");
  EXPECT_EQ(trace.header.order, IdOrder::kScore);
  ASSERT_EQ(trace.token_batches.size(), 1u);
  EXPECT_THAT(trace.token_batches[0].ids, ElementsAre(2, 0, 3, 2, 1, 0));
  EXPECT_THAT(trace.records,
              ElementsAre(HasSubstr("placement"), HasSubstr("\"step_info\""), HasSubstr("comm")));
}

TEST_F(Convert, JoinsTheFilesOfSeveralRanks) {
  const auto line = [](int step, int rank, int id) {
    return "{\"step\":" + std::to_string(step) + ",\"layer\":0,\"rank\":" + std::to_string(rank) +
           ",\"top_indices\":[[" + std::to_string(id) + "]]}\n";
  };
  std::string first, second;
  for (int step = 0; step < 20; ++step) {
    first += line(step, 0, 0);
    second += line(step, 1, 5);
  }
  Collected sink;
  convert_trace({{written(folder_ / "a.jsonl", first), "a.jsonl"},
                 {written(folder_ / "b.jsonl", second), "b.jsonl"}},
                {}, sink);
  EXPECT_EQ(sink.token_batches.size(), 40u);
  EXPECT_EQ(sink.header.experts, 6);
}

TEST_F(Convert, SaysWhatItSawWhereItKnowsNoForm) {
  EXPECT_THAT(error("a.txt", "hello world\n"),
              HasSubstr("a.txt: error: cannot tell what form this has: it starts with 'hello "
                        "world'\n  hint: known: hdf5, load-csv, megatron, "));
  EXPECT_THAT(error("a.json", R"({"foo": 1, "bar": 2})"),
              HasSubstr("it is JSON with the keys 'bar', 'foo'"));
  EXPECT_THAT(error("a.bin", std::string("\x01\x02\x03\x04", 4)),
              HasSubstr("it starts with the bytes 01 02 03 04"));
  EXPECT_THAT(error("a.csv", ""), HasSubstr("it is empty"));
  EXPECT_EQ(error("a.txt", "hello", {.form = "olmo"}),
            "--from: error: no form is called 'olmo'\n  hint: did you mean 'olmoe'?");
}

TEST_F(Convert, PlacesMistakesAtTheirLine) {
  EXPECT_EQ(error("a.jsonl",
                  "{\"t\":\"meta\",\"schema\":\"moetrace/1\",\"experts\":4,\"topk\":1}\n"
                  "{\"t\":\"routes\",\"step\":0,\"layer\":0,\"ids\":[[0],[40000]]}\n"),
            "a.jsonl:2:1: error: 40000 is not the id of an expert\n"
            "  {\"t\":\"routes\",\"step\":0,\"layer\":0,\"ids\":[[0],[40000]]}\n"
            "  ^");
  EXPECT_EQ(error("b.jsonl", "{\"t\":\"routes\",\"step\":0,\"layer\":0,\"ids\":[[0]]}\n"),
            "b.jsonl:1:1: error: the first record must be the meta record\n"
            "  {\"t\":\"routes\",\"step\":0,\"layer\":0,\"ids\":[[0]]}\n"
            "  ^");
  EXPECT_THAT(error("c.jsonl", "{\"step\":0,\"layer\":0,\"top_indices\":[[0]]}\n{\"step\":\n"),
              HasSubstr("c.jsonl:2:1: error: this line is not JSON"));
  EXPECT_EQ(error("d.csv", "step,layer,expert,count\n0,0,x,5\n"),
            "d.csv:2:5: error: expert 'x' is not a whole number\n  0,0,x,5\n      ^");
  EXPECT_EQ(error("e.csv", "step,layer,expert,count\n0,0,9,5\n", {.experts = 8}),
            "e.csv: error: there is an expert 9, but 8 experts");
}

TEST_F(Convert, RefusesStepsThatComeBackTooLate) {
  std::string text = "step,rank,token,layer,e0\n";
  for (int step = 0; step < 10; ++step) text += std::to_string(step) + ",0,0,0,1\n";
  EXPECT_EQ(error("r.csv", text + "0,0,1,0,1\n"),
            "r.csv: error: step 0 comes back after 8 others\n  hint: sort the lines by step");
  EXPECT_EQ(read("ok.csv", text + "9,0,1,0,1\n").token_batches.back().tokens, 2);
}

}  // namespace
}  // namespace moesim
