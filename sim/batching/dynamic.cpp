// A batching window: a batch begins when it is full, or when its first request has waited long
// enough.
#include <algorithm>

#include "sim/batching/whole_batch.hpp"

namespace moesim {
namespace {

class Dynamic final : public Batching {
 public:
  explicit Dynamic(const Arguments& arguments)
      : requests_(arguments.integer("requests")),
        tokens_(arguments.integer("tokens")),
        window_(arguments.time("window")) {}

  BatchPlan plan(const RankView& rank) const override {
    const Seconds end = rank.oldest + window_;
    const bool begin = rank.waiting >= requests_ || (rank.waiting > 0 && rank.now >= end);
    BatchPlan plan = whole_batch_plan(rank, begin, requests_, tokens_);
    if (rank.waiting > 0) plan.until = end;
    return plan;
  }
  int most_tokens(int answer_tokens) const override {
    return std::max(tokens_, requests_ * answer_tokens);
  }

 private:
  int requests_ = 1, tokens_ = 1;
  Seconds window_;
};

const Register<Batching, Dynamic> kDynamic{
    {.name = "dynamic",
     .summary = "a batch begins when it is full or its oldest request has waited for the window, "
                "and runs until its last answer has ended",
     .source = "policies.md 4.8",
     .parameters = {batch_requests_parameter("32", "of a batch, on each rank; assumed"),
                    batch_tokens_parameter("16384",
                                           "new tokens of its prompts in a step; longer ones are "
                                           "cut"),
                    {.name = "window",
                     .type = ParameterType::kTime,
                     .doc = "for which the oldest request waits at most; assumed",
                     .fallback = "100 ms",
                     .minimum = 0}}}};

}  // namespace
}  // namespace moesim
