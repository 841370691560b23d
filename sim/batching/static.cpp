// A batch begins when it is full, and its last answer ends it.
#include <algorithm>

#include "sim/batching/whole_batch.hpp"

namespace moesim {
namespace {

class Static final : public Batching {
 public:
  explicit Static(const Arguments& arguments)
      : requests_(arguments.integer("requests")), tokens_(arguments.integer("tokens")) {}

  BatchPlan plan(const RankView& rank) const override {
    return whole_batch_plan(rank, rank.waiting >= requests_ || rank.no_more, requests_, tokens_);
  }
  int most_tokens(int answer_tokens) const override {
    return std::max(tokens_, requests_ * answer_tokens);
  }

 private:
  int requests_ = 1, tokens_ = 1;
};

const Register<Batching, Static> kStatic{
    {.name = "static",
     .summary = "a batch begins when it is full and runs until its last answer has ended",
     .source = "policies.md 4.8",
     .parameters = {batch_requests_parameter("32", "of a batch, on each rank; assumed"),
                    batch_tokens_parameter("16384",
                                           "new tokens of its prompts in a step; longer ones are "
                                           "cut")}}};

}  // namespace
}  // namespace moesim
