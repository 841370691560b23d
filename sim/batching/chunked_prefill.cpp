// Every step has a budget of new tokens: answers come first, and parts of prompts fill the rest
// (Agrawal et al., "Sarathi-Serve", OSDI 2024; vLLM's scheduler).
#include <algorithm>

#include "sim/batching/batching.hpp"

namespace moesim {
namespace {

class ChunkedPrefill final : public Batching {
 public:
  explicit ChunkedPrefill(const Arguments& arguments)
      : requests_(arguments.integer("requests")), tokens_(arguments.integer("tokens")) {}

  BatchPlan plan(const RankView& rank) const override {
    return {.requests = std::min(requests_, std::max(1, tokens_ / rank.answer_tokens)),
            .prompt_tokens = std::max(0, tokens_ - rank.answers * rank.answer_tokens),
            .cut = true};
  }
  int most_tokens(int) const override { return tokens_; }

 private:
  int requests_ = 1, tokens_ = 1;
};

const Register<Batching, ChunkedPrefill> kChunkedPrefill{
    {.name = "chunked_prefill",
     .summary = "a step's budget of tokens goes to answers first, then to parts of prompts",
     .source = "Sarathi-Serve (OSDI 2024); vLLM's scheduler; policies.md 4.8",
     .parameters = {
         batch_requests_parameter("256", "that run on a rank; vLLM's max_num_seqs"),
         batch_tokens_parameter("8192",
                                "new tokens of a rank in a step; vLLM's max_num_batched_tokens "
                                "is 2048 to 8192 and more")}}};

}  // namespace
}  // namespace moesim
