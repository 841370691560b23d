// The routing of one GPU's tokens that gives each of its experts the rows a point asks for.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace moesim::kernels {

// Local expert ids, [input_tokens × top_k], −1 = an expert elsewhere. The pairs of an expert go to
// consecutive tokens, those of the next expert follow, round and round: so no token has an expert
// twice, and tokens have as many of them as the mean, rounded down or up. Throws
// std::invalid_argument where an expert has more rows than there are tokens, or the tokens have no
// room for all pairs.
std::vector<std::int32_t> routes_of(std::span<const int> rows, int input_tokens, int top_k);

}  // namespace moesim::kernels
