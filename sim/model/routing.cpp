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

namespace {

// Rounded down, exactly where `dividend` is below 2^53; quicker than a division of integers.
std::int64_t whole_part(std::int64_t dividend, int divisor) {
  return static_cast<std::int64_t>(static_cast<double>(dividend) / divisor);
}

// Of `count` routes, those of the tokens before `end` of `tokens`. Experts round at different
// places, so that their sum is not off in one direction.
int routes_before(int count, int end, int tokens, ExpertId expert, int experts) {
  if (end == 0 || tokens == 0) return 0;
  if (end == tokens) return count;
  const std::int64_t offset =
      whole_part(std::int64_t{tokens} * (2 * expert.value + 1), 2 * experts);
  return static_cast<int>(whole_part(std::int64_t{count} * end + offset, tokens));
}

}  // namespace

Routing tokens_between(const Routing& routing, const TokenRanges& ranges) {
  const int experts = routing.experts();
  Routing part{.top_k = routing.top_k,
               .first_token = {0},
               .counts = ExpertCounts(routing.counts.rows(), routing.counts.columns())};
  for (const GpuId source : routing.counts.row_ids()) {
    const TokenRange& range = ranges[source];
    const int tokens = routing.tokens_of(source);
    part.first_token.push_back(part.first_token.back() + range.tokens);
    const int first = routing.first_token[source.index()];
    const auto copy = [&](const auto& from, int width, auto& to) {
      append_rows(from, first + range.first, first + range.end(), static_cast<std::size_t>(width),
                  to);
    };
    copy(routing.ids, routing.top_k, part.ids);
    copy(routing.weights, routing.top_k, part.weights);
    copy(routing.logits, experts, part.logits);
    for (const ExpertId expert : routing.counts.column_ids()) {
      const int count = routing.counts(source, expert);
      part.counts(source, expert) = routes_before(count, range.end(), tokens, expert, experts) -
                                    routes_before(count, range.first, tokens, expert, experts);
    }
  }
  if (part.has_ids()) part.counts = count_routes(part, experts);
  return part;
}

IdVector<ExpertId, std::int64_t> expert_load(const ExpertCounts& counts) {
  IdVector<ExpertId, std::int64_t> load(counts.columns());
  for (const GpuId gpu : counts.row_ids())
    for (const ExpertId expert : counts.column_ids()) load[expert] += counts(gpu, expert);
  return load;
}

}  // namespace moesim
