// The assignment problem: each row gets a column of its own so that the sum of costs is smallest.
#pragma once

#include <vector>

#include "sim/solve/matrix.hpp"

namespace moesim {

// The column of each row, [rows]. `cost` [rows × columns], rows ≤ columns; any finite costs.
// Kuhn's Hungarian method in the form of shortest augmenting paths (Jonker and Volgenant, "A
// shortest augmenting path algorithm for dense and sparse linear assignment problems", 1987),
// O(rows² · columns). Of equal costs lower columns are tried first.
std::vector<int> least_cost_matching(const Matrix& cost);

}  // namespace moesim
