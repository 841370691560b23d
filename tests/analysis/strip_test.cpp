#include "analysis/strip.hpp"

#include <gtest/gtest.h>

namespace moesim {
namespace {

Span span(int gpu, int stream, Phase phase, double begin, double end, int step = 1) {
  return {.gpu = GpuId(gpu),
          .stream = stream,
          .phase = phase,
          .begin = Seconds(begin),
          .end = Seconds(end),
          .step = step};
}

TEST(StripRecorder, JoinsSpansThatFollowEachOtherAndCountsFromTheStepsBegin) {
  StripRecorder strip(1);
  strip.add(span(0, 0, Phase::kAttention, 1, 2, 0));  // another step
  strip.add(span(0, -1, Phase::kDispatch, 5, 6));
  strip.add(span(0, 0, Phase::kAttention, 4, 4.5));
  strip.add(span(0, 0, Phase::kAttention, 4.5, 5));
  strip.add(span(0, 0, Phase::kExperts, 6, 7));
  const RunResult result{.gpu_records = {{.gpu = 0}}};
  EXPECT_EQ(strip.csv(result),
            "gpu,track,phase,begin_s,end_s\n"
            "0,compute,attention,0,1\n"
            "0,compute,experts,2,3\n"
            "0,network,dispatch,1,2\n");
}

TEST(StripRecorder, ShowsTheMostAndTheLeastLoadedGpuAndSomeBetween) {
  StripRecorder strip(0);
  RunResult result;
  for (int gpu = 0; gpu < 7; ++gpu) {
    strip.add(span(gpu, 0, Phase::kExperts, 0, 1, 0));
    result.gpu_records.push_back({.gpu = gpu, .routes = 10.0 * gpu});
  }
  EXPECT_EQ(strip.csv(result),
            "gpu,track,phase,begin_s,end_s\n"
            "6,compute,experts,0,1\n"
            "4,compute,experts,0,1\n"
            "2,compute,experts,0,1\n"
            "0,compute,experts,0,1\n");
}

}  // namespace
}  // namespace moesim
