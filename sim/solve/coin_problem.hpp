// A linear program in the arrays that COIN-OR takes.
#pragma once

#include <coin/CoinPackedMatrix.hpp>
#include <vector>

#include "sim/solve/linear_program.hpp"

namespace moesim {

struct CoinProblem {
  CoinPackedMatrix matrix;
  std::vector<double> cost, column_least, column_most;  // [variables]
  std::vector<double> row_least, row_most;              // [rows]
};

CoinProblem coin_problem(const LinearProgram& program);

}  // namespace moesim
