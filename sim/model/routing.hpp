// Routing: which experts the tokens of one (step, layer) ask for.
//
// Either per token (expert ids [tokens × k], with weights where known) or only counted
// (routes [source gpu × expert]). Counts are there in both forms.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/base/ids.hpp"
#include "sim/model/token_range.hpp"

namespace moesim {

enum class RoutingDetail { kCounts, kIds, kLogits };  // each includes the ones before it

using ExpertCounts = IdMatrix<GpuId, ExpertId, int>;

struct Routing {
  int top_k = 0;
  std::vector<int> first_token;  // [gpus + 1]: GPU g is the source of rows first_token[g] .. [g+1]
  std::vector<std::int16_t> ids;  // [tokens × top_k], by falling score, −1 = none; empty: not known
  std::vector<float> weights;     // [tokens × top_k]; empty: not known
  std::vector<float> logits;      // [tokens × experts]; empty: not known
  ExpertCounts counts;            // routes, [source gpu × expert]

  int gpus() const { return static_cast<int>(counts.rows()); }
  int experts() const { return static_cast<int>(counts.columns()); }
  int tokens() const { return first_token.empty() ? 0 : first_token.back(); }
  int tokens_of(GpuId gpu) const { return first_token[gpu.index() + 1] - first_token[gpu.index()]; }
  bool has_ids() const { return !ids.empty(); }
  std::span<const std::int16_t> ids_of(int token) const {
    return {ids.data() + static_cast<std::size_t>(token) * static_cast<std::size_t>(top_k),
            static_cast<std::size_t>(top_k)};
  }
};

// first_token for so many tokens on each source.
std::vector<int> first_tokens(std::span<const int> tokens_per_gpu);

// Counts from the ids of `routing`; ids below 0 count nowhere.
ExpertCounts count_routes(const Routing& routing, int experts);

// Rows `first` .. `end` − 1 of a matrix of `width` columns, appended; none of an empty one.
template <class T>
void append_rows(const std::vector<T>& from, int first, int end, std::size_t width,
                 std::vector<T>& to) {
  const auto at = [&](int row) {
    return from.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(row) * width);
  };
  if (!from.empty()) to.insert(to.end(), at(first), at(end));
}

// Some tokens of every source [sources]. Where only counts are known, each count is divided in
// proportion, rounded up or down so that consecutive parts add up to it.
Routing tokens_between(const Routing& routing, const TokenRanges& ranges);

// Routes per expert over all sources.
IdVector<ExpertId, std::int64_t> expert_load(const ExpertCounts& counts);

}  // namespace moesim
