// Splitting a weighted graph into parts of given sizes so that little weight lies between them, by
// METIS (Karypis and Kumar, "A fast and high quality multilevel scheme for partitioning irregular
// graphs", 1998).
#pragma once

#include <span>
#include <vector>

#include "sim/solve/matrix.hpp"

namespace moesim {

// The part of each vertex, [vertices]. `weight` [vertices × vertices] is symmetric and ≥ 0; the
// diagonal is not looked at. Part p gets exactly sizes[p] vertices; sizes sum to the vertices.
// METIS balances parts only roughly, so vertices that are too many in a part are moved to where
// they cost least. Always the same answer for the same graph.
std::vector<int> partition_graph(const Matrix& weight, std::span<const int> sizes);

// Swaps pairs of vertices of different parts while that raises the weight inside parts, the best
// pair first (Kernighan and Lin, "An efficient heuristic procedure for partitioning graphs", 1970,
// without their look-ahead). Sizes of parts stay. `weight` as above.
void swap_pairs(const Matrix& weight, std::vector<int>& part);

// Weight of pairs of vertices of the same part, each pair once.
double weight_inside(const Matrix& weight, std::span<const int> part);

}  // namespace moesim
