// Integer linear programs, solved by COIN-OR CBC (branch and cut).
//
// Search stops after so many nodes, never by a clock, so the same program gives the same answer on
// every machine.
#pragma once

#include <vector>

#include "sim/solve/linear_program.hpp"

namespace moesim {

struct IntegerSolution {
  SolveStatus status = SolveStatus::kInfeasible;
  double objective = 0;
  double bound = 0;           // no solution has a lower objective
  std::vector<double> value;  // [variables]; exact integers where `whole`
};

struct IntegerSearch {
  int nodes = 1000;  // of the tree that are solved at most
  // A feasible solution to start from, [variables]; the answer is never worse.
  std::vector<double> start = {};
};

IntegerSolution solve_integer(const LinearProgram& program, const IntegerSearch& search);

}  // namespace moesim
