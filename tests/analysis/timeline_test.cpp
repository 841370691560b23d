#include "analysis/timeline.hpp"

#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Span span(int gpu, int stream, Phase phase, double begin_us, double end_us, int step = 0) {
  return {.gpu = GpuId(gpu),
          .stream = stream,
          .phase = phase,
          .begin = Seconds(begin_us * 1e-6),
          .end = Seconds(end_us * 1e-6),
          .step = step,
          .layer = 3};
}

// The file as a map from a track's name to its spans in the order of time: "experts 10.000+5.000".
class Timeline {
 public:
  Timeline(int gpus, const std::vector<Span>& spans, double end_us) {
    IdVector<GpuId, NodeId> node_of(gpus);
    for (const GpuId gpu : node_of.ids()) node_of[gpu] = NodeId(gpu.value / 2);
    std::ostringstream out;
    TimelineWriter writer(out, node_of);
    for (const Span& one : spans) writer.add(one);
    writer.finish(Seconds(end_us * 1e-6));
    text = out.str();
    read(nlohmann::json::parse(text));
  }

  std::vector<std::string> track(const std::string& name) const {
    std::vector<std::string> spans;
    for (const auto& event : events.at(name))
      spans.push_back(event["name"].get<std::string>() + " " + event["ts"].dump() + "+" +
                      event["dur"].dump());
    return spans;
  }

  std::string text;
  std::map<std::string, std::vector<nlohmann::json>> events;  // by track
  std::map<int, std::string> processes;

 private:
  void read(const nlohmann::json& document) {
    std::map<int, std::string> names;
    for (const auto& event : document["traceEvents"]) {
      if (event["name"] == "process_name") processes[event["pid"]] = event["args"]["name"];
      if (event["name"] == "thread_name") names[event["tid"]] = event["args"]["name"];
    }
    for (const auto& [id, name] : names) events[name];
    for (const auto& event : document["traceEvents"])
      if (event["ph"] == "X") events[names.at(event["tid"])].push_back(event);
    for (auto& [name, list] : events)
      std::sort(list.begin(), list.end(),
                [](const auto& a, const auto& b) { return a["ts"] < b["ts"]; });
  }
};

TEST(Timeline, HasAProcessPerNodeAndTracksPerGpu) {
  const Timeline timeline(4,
                          {span(3, 0, Phase::kExperts, 0, 10), span(3, 1, Phase::kShared, 0, 11),
                           span(3, -1, Phase::kCombine, 10, 12)},
                          12);
  EXPECT_EQ(timeline.processes, (std::map<int, std::string>{{0, "node 0"}, {1, "node 1"}}));
  EXPECT_THAT(timeline.track("GPU 3 compute"), ElementsAre("experts 0.0+10.0"));
  EXPECT_THAT(timeline.track("GPU 3 stream 1"), ElementsAre("shared 0.0+11.0"));
  EXPECT_THAT(timeline.track("GPU 3 network"), ElementsAre("combine 10.0+2.0"));
  EXPECT_THAT(timeline.track("GPU 0 compute"), IsEmpty());
  EXPECT_EQ(timeline.events.at("GPU 3 compute")[0]["pid"], 1);
  EXPECT_EQ(timeline.events.at("GPU 3 compute")[0]["args"].dump(), R"({"layer":3,"step":0})");
}

// Between 10 and 30 the GPU computes nothing: a flow covers 12 … 20, another stream 25 … 27.
TEST(Timeline, ShowsAWaitWhereNeitherAKernelNorAFlowIsUnderWay) {
  const Timeline timeline(
      1,
      {span(0, 0, Phase::kAttention, 0, 10), span(0, -1, Phase::kDispatch, 12, 20),
       span(0, 1, Phase::kShared, 25, 27), span(0, 0, Phase::kExperts, 30, 40)},
      43);
  EXPECT_THAT(timeline.track("GPU 0 compute"),
              ElementsAre("attention 0.0+10.0", "wait 10.0+2.0", "wait 20.0+5.0", "wait 27.0+3.0",
                          "experts 30.0+10.0", "wait 40.0+3.0"));
}

// The flow that covers the gap 10 … 30 is heard of only after the kernel that ends the gap.
TEST(Timeline, AFlowThatEndsLaterStillCutsTheWait) {
  const Timeline timeline(
      1,
      {span(0, 0, Phase::kAttention, 0, 10), span(0, 0, Phase::kExperts, 30, 40),
       span(0, -1, Phase::kMigration, 15, 45, 1)},
      50);
  EXPECT_THAT(timeline.track("GPU 0 compute"), ElementsAre("attention 0.0+10.0", "wait 10.0+5.0",
                                                           "experts 30.0+10.0", "wait 45.0+5.0"));
}

TEST(Timeline, ActivitiesThatOverlapGetTracksOfTheirOwn) {
  const Timeline timeline(
      1,
      {span(0, -1, Phase::kDispatch, 0, 10), span(0, -1, Phase::kMigration, 5, 20),
       span(0, -1, Phase::kCombine, 12, 22)},
      22);
  EXPECT_THAT(timeline.track("GPU 0 network"),
              ElementsAre("dispatch 0.0+10.0", "combine 12.0+10.0"));
  EXPECT_THAT(timeline.track("GPU 0 network 2"), ElementsAre("migration 5.0+15.0"));
}

TEST(Timeline, NoTwoSpansOfATrackOverlap) {
  std::vector<Span> spans;
  double now = 1;
  for (int i = 0; i < 300; ++i) {  // lengths that do not fall on whole nanoseconds
    const double next = now + 1.0 / 3 + 0.1 * (i % 7);
    spans.push_back(span(0, -1, Phase::kDispatch, now - 0.2, next - 0.25, i / 50));
    spans.push_back(span(0, 0, Phase::kExperts, now, next - 1e-5 * (i % 3), i / 50));
    now = next;
  }
  const Timeline timeline(1, spans, now);
  EXPECT_GT(timeline.events.size(), 1u);
  for (const auto& [name, events] : timeline.events) {
    double end = -1;
    for (const auto& event : events) {
      EXPECT_GE(event["ts"].get<double>(), end - 1e-9) << name;
      end = event["ts"].get<double>() + event["dur"].get<double>();
    }
  }
}

TEST(Timeline, WritesTimesInMicrosecondsToThreeDigitsAndEscapesLabels) {
  const std::string label = "expert \"7\"";
  Span labelled = span(0, 0, Phase::kExperts, 1.5, 4);
  labelled.label = &label;
  const Timeline timeline(1, {labelled}, 4);
  EXPECT_THAT(timeline.text,
              ::testing::HasSubstr(R"("ts":1.500,"dur":2.500,"name":"expert \"7\"")"));
}

}  // namespace
}  // namespace moesim
