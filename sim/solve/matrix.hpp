// A dense matrix of plain numbers, for solvers that know no ids.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace moesim {

// Row-major, [rows × columns].
class Matrix {
 public:
  Matrix() = default;
  Matrix(std::size_t rows, std::size_t columns, double value = 0)
      : rows_(rows), columns_(columns), values_(rows * columns, value) {}

  double& operator()(std::size_t row, std::size_t column) {
    return values_[row * columns_ + column];
  }
  double operator()(std::size_t row, std::size_t column) const {
    return values_[row * columns_ + column];
  }
  std::span<const double> row(std::size_t row) const {
    return {values_.data() + row * columns_, columns_};
  }
  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }

 private:
  std::size_t rows_ = 0, columns_ = 0;
  std::vector<double> values_;
};

}  // namespace moesim
