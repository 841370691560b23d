// The transportation problem of one unit a row: every row gets a column, no column gets more rows
// than it has room for, and the sum of scores is largest.
#pragma once

#include <span>
#include <vector>

#include "sim/solve/matrix.hpp"

namespace moesim {

// The column of each row, [rows]. `score` [rows × columns], any finite ones; `room` [columns] ≥ 0
// sums to at least the number of rows. One row after another is placed along the shortest
// augmenting path (as in least_cost_matching), but paths lead over columns only: of the rows of a
// column, the one that loses least moves on. O(rows · columns²) and what it takes to find the next
// best row where one moves. Of equal sums lower columns are tried first.
std::vector<int> balanced_assignment(const Matrix& score, std::span<const int> room);

}  // namespace moesim
