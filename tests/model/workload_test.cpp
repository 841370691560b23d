#include "sim/model/workload.hpp"

#include <gtest/gtest.h>

namespace moesim {
namespace {

TEST(Workload, OfADecodeStepHasAnAnswerForEachTokenAndItsDrafts) {
  const Workload work{.phase = WorkloadPhase::kDecode,
                      .tokens_per_gpu = 96,
                      .draft_tokens = 2,
                      .draft_acceptance = 0.5};
  EXPECT_EQ(work.answers(), 32);
  EXPECT_EQ(work.prompt_tokens(), 0);
  // 1 token, half of the time a second, a quarter of the time a third: of three that were computed.
  EXPECT_DOUBLE_EQ(work.output_per_token(), 1.75 / 3);
}

TEST(Workload, OfAMixedStepHasAnswersInWhatPromptsLeave) {
  const Workload work{.phase = WorkloadPhase::kMixed,
                      .tokens_per_gpu = 2048,
                      .context = 4096,
                      .mixed_prompt_tokens = 1984,
                      .mixed_prompt = 8192};
  EXPECT_EQ(work.answers(), 64);
  EXPECT_EQ(work.prompt_tokens(), 1984);
  EXPECT_EQ(work.prompt(), 8192);
  EXPECT_EQ(work.output_per_token(), 1);
}

TEST(Workload, OfAPrefillIsPromptsOnly) {
  const Workload work{.tokens_per_gpu = 2048, .context = 512};
  EXPECT_EQ(work.answers(), 0);
  EXPECT_EQ(work.prompt_tokens(), 2048);
  EXPECT_EQ(work.prompt(), 512);
}

}  // namespace
}  // namespace moesim
