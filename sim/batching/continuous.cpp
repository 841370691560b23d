// Iteration-level scheduling (Yu et al., "Orca", OSDI 2022): requests join and leave the batch
// between any two steps; the prompts of those that join are computed whole, beside the answers.
#include <algorithm>

#include "sim/batching/batching.hpp"

namespace moesim {
namespace {

class Continuous final : public Batching {
 public:
  explicit Continuous(const Arguments& arguments)
      : requests_(arguments.integer("requests")), tokens_(arguments.integer("tokens")) {}

  BatchPlan plan(const RankView& rank) const override {
    return {.requests = std::min(requests_, std::max(1, tokens_ / rank.answer_tokens)),
            .prompt_tokens = std::max(0, tokens_ - rank.answers * rank.answer_tokens),
            .longest = tokens_};
  }
  int most_tokens(int) const override { return tokens_; }

 private:
  int requests_ = 1, tokens_ = 1;
};

const Register<Batching, Continuous> kContinuous{
    {.name = "continuous",
     .summary = "requests join and leave between steps; whole prompts beside the answers",
     .source = "Orca (OSDI 2022); policies.md 4.8",
     .parameters = {
         batch_requests_parameter("256", "that run on a rank; vLLM's max_num_seqs"),
         batch_tokens_parameter("16384",
                                "new tokens of a rank in a step; a longer prompt is computed in a "
                                "step that has no other")}}};

}  // namespace
}  // namespace moesim
