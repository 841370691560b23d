#include "sim/model/routing.hpp"

namespace moesim {

std::vector<int> first_tokens(std::span<const int> tokens_per_gpu) {
  std::vector<int> first = {0};
  first.reserve(tokens_per_gpu.size() + 1);
  for (const int tokens : tokens_per_gpu) {
    MOESIM_CHECK(tokens >= 0, "a GPU has no negative number of tokens");
    first.push_back(first.back() + tokens);
  }
  return first;
}

ExpertCounts count_routes(const Routing& routing, int experts) {
  MOESIM_CHECK(!routing.first_token.empty(), "a routing says which GPU its tokens are from");
  ExpertCounts counts(routing.first_token.size() - 1, static_cast<std::size_t>(experts));
  const std::size_t top_k = static_cast<std::size_t>(routing.top_k);
  for (const GpuId gpu : counts.row_ids()) {
    const std::span<int> row = counts.row(gpu);
    const std::size_t begin = static_cast<std::size_t>(routing.first_token[gpu.index()]) * top_k;
    const std::size_t end = static_cast<std::size_t>(routing.first_token[gpu.index() + 1]) * top_k;
    for (std::size_t route = begin; route < end; ++route)
      if (const int expert = routing.ids[route]; expert >= 0)
        ++row[static_cast<std::size_t>(expert)];
  }
  return counts;
}

IdVector<ExpertId, std::int64_t> expert_load(const ExpertCounts& counts) {
  IdVector<ExpertId, std::int64_t> load(counts.columns());
  for (const GpuId gpu : counts.row_ids())
    for (const ExpertId expert : counts.column_ids()) load[expert] += counts(gpu, expert);
  return load;
}

}  // namespace moesim
