#include "sim/solve/integer_program.hpp"

#include <algorithm>
#include <cmath>
#include <coin/CbcHeuristic.hpp>
#include <coin/CbcModel.hpp>
#include <coin/CglKnapsackCover.hpp>
#include <coin/CglMixedIntegerRounding2.hpp>
#include <coin/CglProbing.hpp>
#include <coin/OsiClpSolverInterface.hpp>
#include <cstdint>
#include <span>

#include "sim/solve/coin_problem.hpp"

namespace moesim {
namespace {

constexpr int kSolverSeed = 1;
constexpr int kAtRootOnly = -99;
// Of the simplex method over the whole search: a stop for programs whose nodes are hard, too.
constexpr std::int64_t kIterationsPerNode = 2000, kLeastIterations = 200'000,
                       kMostIterations = 2'000'000'000;

void load(OsiClpSolverInterface& solver, const LinearProgram& program) {
  const CoinProblem problem = coin_problem(program);
  solver.messageHandler()->setLogLevel(0);
  solver.setHintParam(OsiDoReducePrint, true, OsiHintTry);
  solver.loadProblem(problem.matrix, problem.column_least.data(), problem.column_most.data(),
                     problem.cost.data(), problem.row_least.data(), problem.row_most.data());
  for (std::size_t i = 0; i < program.variables.size(); ++i)
    if (program.variables[i].whole) solver.setInteger(static_cast<int>(i));
}

void add_methods(CbcModel& model) {
  CglProbing probing;
  probing.setMaxPass(1);
  probing.setMaxProbe(10);
  probing.setRowCuts(3);
  CglKnapsackCover covers;
  CglMixedIntegerRounding2 rounding_cuts;
  model.addCutGenerator(&probing, kAtRootOnly, "probing");
  model.addCutGenerator(&covers, kAtRootOnly, "covers");
  model.addCutGenerator(&rounding_cuts, kAtRootOnly, "rounding");
  CbcRounding rounding(model);
  rounding.setSeed(kSolverSeed);
  model.addHeuristic(&rounding);
}

void set_limits(CbcModel& model, int nodes) {
  model.setLogLevel(0);
  model.setRandomSeed(kSolverSeed);
  model.setNumberThreads(0);
  model.setMaximumNodes(nodes);
  model.setMaximumNumberIterations(
      static_cast<int>(std::clamp(nodes * kIterationsPerNode, kLeastIterations, kMostIterations)));
}

double cost_of(const LinearProgram& program, std::span<const double> value) {
  double cost = 0;
  for (std::size_t i = 0; i < value.size(); ++i) cost += program.variables[i].cost * value[i];
  return cost;
}

// The best values found, with whole variables exactly whole.
std::vector<double> best_values(const CbcModel& model, const LinearProgram& program) {
  const double* best = model.bestSolution();
  std::vector<double> value(best, best + program.variables.size());
  for (std::size_t i = 0; i < value.size(); ++i)
    if (program.variables[i].whole) value[i] = std::round(value[i]);
  return value;
}

}  // namespace

IntegerSolution solve_integer(const LinearProgram& program, const IntegerSearch& search) {
  OsiClpSolverInterface solver;
  load(solver, program);
  CbcModel model(solver);
  set_limits(model, search.nodes);
  add_methods(model);
  if (!search.start.empty())
    model.setBestSolution(search.start.data(), static_cast<int>(search.start.size()),
                          cost_of(program, search.start));
  model.branchAndBound();
  if (model.bestSolution() == nullptr) return {};
  IntegerSolution solution{.value = best_values(model, program)};
  solution.objective = cost_of(program, solution.value);
  const bool proved = model.isProvenOptimal();
  solution.status = proved ? SolveStatus::kOptimal : SolveStatus::kStopped;
  solution.bound =
      proved ? solution.objective : std::min(model.getBestPossibleObjValue(), solution.objective);
  return solution;
}

}  // namespace moesim
