// While there are prompts that can be computed, answers wait: SGLang's default, which does not mix
// prompts and answers in a step.
#include <algorithm>

#include "sim/batching/batching.hpp"

namespace moesim {
namespace {

class PrefillFirst final : public Batching {
 public:
  explicit PrefillFirst(const Arguments& arguments)
      : requests_(arguments.integer("requests")),
        tokens_(arguments.integer("tokens")),
        chunk_(arguments.integer("chunk")) {}

  BatchPlan plan(const RankView&) const override {
    return {.requests = requests_,
            .prompt_tokens = chunk_ > 0 ? std::min(chunk_, tokens_) : tokens_,
            .cut = chunk_ > 0,
            .longest = tokens_,
            .answers = false};
  }
  int most_tokens(int answer_tokens) const override {
    return std::max(chunk_ > 0 ? std::min(chunk_, tokens_) : tokens_, requests_ * answer_tokens);
  }

 private:
  int requests_ = 1, tokens_ = 1, chunk_ = 0;
};

const Register<Batching, PrefillFirst> kPrefillFirst{
    {.name = "prefill_first",
     .summary = "steps of prompts come before steps of answers (SGLang's default)",
     .source = "SGLang's PrefillAdder; policies.md 4.8",
     .parameters = {
         batch_requests_parameter("256", "that run on a rank; SGLang's max_running_requests"),
         batch_tokens_parameter("16384",
                                "new tokens in a step of prompts; SGLang's max_prefill_tokens"),
         {.name = "chunk",
          .type = ParameterType::kInteger,
          .doc = "prompts are cut to so many tokens a step, all together; SGLang's "
                 "chunked_prefill_size, 2048 to 16384 by GPU memory; 0: they are not cut",
          .fallback = "8192",
          .minimum = 0}}}};

}  // namespace
}  // namespace moesim
