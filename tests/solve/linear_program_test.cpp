// Linear and integer programs with answers worked out by hand.
#include "sim/solve/linear_program.hpp"

#include <gmock/gmock.h>

#include "sim/base/random.hpp"
#include "sim/solve/integer_program.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;

// Hillier and Lieberman's example: the corner where 3x + 2y ≤ 18 meets 2y ≤ 12.
TEST(LinearProgram, FindsTheCornerOfWyndorGlass) {
  LinearProgram program;
  const int x = program.add({.cost = -3, .most = 4});
  const int y = program.add({.cost = -5});
  program.rows.push_back({.terms = {{y, 2}}, .most = 12});
  program.rows.push_back({.terms = {{x, 3}, {y, 2}}, .most = 18});
  const LinearSolution solution = solve_linear(program);
  EXPECT_EQ(solution.status, SolveStatus::kOptimal);
  EXPECT_DOUBLE_EQ(solution.objective, -36);
  EXPECT_THAT(solution.value, ElementsAre(2, 6));
}

TEST(LinearProgram, SaysWhereNothingIsFeasible) {
  LinearProgram program;
  const int x = program.add({.cost = 1, .most = 1});
  program.rows.push_back({.terms = {{x, 1}}, .least = 2});
  EXPECT_EQ(solve_linear(program).status, SolveStatus::kInfeasible);
  program.variables[0].whole = true;
  EXPECT_EQ(solve_integer(program, {}).status, SolveStatus::kInfeasible);
}

// Values 8, 11, 6, 4 of weights 5, 7, 4, 3 in a knapsack of 14. By value per weight: all of the
// first two and half of the third, 22. In whole things: all but the first, 21.
LinearProgram knapsack() {
  LinearProgram program;
  for (const double value : {8, 11, 6, 4}) program.add({.cost = -value, .most = 1, .whole = true});
  program.rows.push_back({.terms = {{0, 5}, {1, 7}, {2, 4}, {3, 3}}, .most = 14});
  return program;
}

TEST(IntegerProgram, FillsAKnapsackWithWholeThings) {
  EXPECT_DOUBLE_EQ(solve_linear(knapsack()).objective, -22);
  const IntegerSolution solution = solve_integer(knapsack(), {});
  EXPECT_EQ(solution.status, SolveStatus::kOptimal);
  EXPECT_THAT(solution.value, ElementsAre(0, 1, 1, 1));
  EXPECT_DOUBLE_EQ(solution.objective, -21);
  EXPECT_DOUBLE_EQ(solution.bound, -21);
}

// 40 jobs on 4 machines, loads without a common divisor: not provable in two nodes.
LinearProgram hard_program(std::vector<double>& start) {
  constexpr int kJobs = 40, kMachines = 4;
  LinearProgram program;
  const int most = program.add({.cost = 1});
  program.rows.resize(kJobs + kMachines);
  Rng rng(3, Purpose::kPopularity);
  double sum = 0;
  start.assign(1 + kJobs * kMachines, 0);
  for (int job = 0; job < kJobs; ++job) {
    const double load = rng.uniform();
    auto& once = program.rows[static_cast<std::size_t>(job)];
    once.least = once.most = 1;
    for (int machine = 0; machine < kMachines; ++machine) {
      const int here = program.add({.most = 1, .whole = true});
      once.terms.push_back({here, 1});
      program.rows[static_cast<std::size_t>(kJobs + machine)].terms.push_back({here, load});
      if (machine == 0) start[static_cast<std::size_t>(here)] = 1;
    }
    sum += load;
  }
  start[0] = sum;  // all jobs on the first machine
  for (int machine = 0; machine < kMachines; ++machine) {
    auto& row = program.rows[static_cast<std::size_t>(kJobs + machine)];
    row.terms.push_back({most, -1});
    row.most = 0;
  }
  return program;
}

TEST(IntegerProgram, StopsAtItsNodesWithSomethingBetterThanItsStartAndAlwaysTheSame) {
  std::vector<double> start;
  const LinearProgram program = hard_program(start);
  const IntegerSolution solution = solve_integer(program, {.nodes = 2, .start = start});
  EXPECT_EQ(solution.status, SolveStatus::kStopped);
  EXPECT_LE(solution.objective, start[0]);
  EXPECT_NEAR(solution.bound, start[0] / 4, 1e-6);  // the mean: what the relaxation reaches
  EXPECT_EQ(solution.value, solve_integer(program, {.nodes = 2, .start = start}).value);
  const IntegerSolution longer = solve_integer(program, {.nodes = 200, .start = start});
  EXPECT_LE(longer.objective, solution.objective);
  EXPECT_LT(longer.objective, 1.05 * start[0] / 4);
}

}  // namespace
}  // namespace moesim
