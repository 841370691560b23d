#include "sim/solve/coin_problem.hpp"

#include <algorithm>
#include <coin/CoinFinite.hpp>

namespace moesim {
namespace {

double finite(double value) { return std::clamp(value, -COIN_DBL_MAX, COIN_DBL_MAX); }

}  // namespace

CoinProblem coin_problem(const LinearProgram& program) {
  std::vector<int> row_of, column_of;
  std::vector<double> factor;
  CoinProblem problem;
  for (std::size_t row = 0; row < program.rows.size(); ++row) {
    for (const LinearProgram::Term& term : program.rows[row].terms) {
      row_of.push_back(static_cast<int>(row));
      column_of.push_back(term.variable);
      factor.push_back(term.factor);
    }
    problem.row_least.push_back(finite(program.rows[row].least));
    problem.row_most.push_back(finite(program.rows[row].most));
  }
  for (const LinearProgram::Variable& variable : program.variables) {
    problem.cost.push_back(variable.cost);
    problem.column_least.push_back(finite(variable.least));
    problem.column_most.push_back(finite(variable.most));
  }
  problem.matrix = CoinPackedMatrix(true, row_of.data(), column_of.data(), factor.data(),
                                    static_cast<CoinBigIndex>(factor.size()));
  // Variables that no row names have a column, too.
  problem.matrix.setDimensions(static_cast<int>(program.rows.size()),
                               static_cast<int>(program.variables.size()));
  return problem;
}

}  // namespace moesim
