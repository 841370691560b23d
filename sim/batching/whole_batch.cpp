#include "sim/batching/whole_batch.hpp"

namespace moesim {

BatchPlan whole_batch_plan(const RankView& rank, bool begin, int size, int tokens) {
  const bool under_way = rank.prompts + rank.answers > 0;
  return {.requests = begin && !under_way ? size : 0,
          .prompt_tokens = tokens,
          .cut = true,
          .ahead = true,
          .answers = false};
}

}  // namespace moesim
