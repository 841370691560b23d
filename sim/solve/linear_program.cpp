#include "sim/solve/linear_program.hpp"

#include <coin/ClpSimplex.hpp>

#include "sim/base/check.hpp"
#include "sim/solve/coin_problem.hpp"

namespace moesim {

LinearSolution solve_linear(const LinearProgram& program, int iterations) {
  ClpSimplex simplex;
  simplex.setLogLevel(0);
  const CoinProblem problem = coin_problem(program);
  simplex.loadProblem(problem.matrix, problem.column_least.data(), problem.column_most.data(),
                      problem.cost.data(), problem.row_least.data(), problem.row_most.data());
  simplex.setMaximumIterations(iterations);
  simplex.dual();
  MOESIM_CHECK(!simplex.isProvenDualInfeasible() || simplex.isProvenPrimalInfeasible(),
               "the objective is bounded");
  if (!simplex.isProvenOptimal()) return {};
  const double* value = simplex.getColSolution();
  return {.status = SolveStatus::kOptimal,
          .objective = simplex.getObjValue(),
          .value = {value, value + program.variables.size()}};
}

}  // namespace moesim
