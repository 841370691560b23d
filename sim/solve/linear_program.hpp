// Linear programs, solved by COIN-OR CLP (simplex).
#pragma once

#include <limits>
#include <vector>

namespace moesim {

inline constexpr double kNoLimit = std::numeric_limits<double>::infinity();

// Minimise Σ cost · x with least ≤ x ≤ most, and least ≤ Σ factor · x ≤ most for every row.
struct LinearProgram {
  struct Variable {
    double cost = 0;
    double least = 0, most = kNoLimit;
    bool whole = false;  // an integer; solve_linear() does not look at this
  };
  struct Term {
    int variable = 0;
    double factor = 1;
  };
  struct Row {
    std::vector<Term> terms;
    double least = -kNoLimit, most = kNoLimit;
  };
  std::vector<Variable> variables;
  std::vector<Row> rows;

  int add(Variable variable) {
    variables.push_back(variable);
    return static_cast<int>(variables.size()) - 1;
  }
};

enum class SolveStatus {
  kOptimal,
  kStopped,     // at a limit: `value` is feasible, not proved to be the best
  kInfeasible,  // or stopped before anything feasible was found: no values
};

struct LinearSolution {
  SolveStatus status = SolveStatus::kInfeasible;
  double objective = 0;
  std::vector<double> value;  // [variables]
};

// By the dual simplex method, at most `iterations` of it. An unbounded program is a bug.
LinearSolution solve_linear(const LinearProgram& program, int iterations = 1'000'000);

}  // namespace moesim
