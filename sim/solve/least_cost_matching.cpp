#include "sim/solve/least_cost_matching.hpp"

#include <limits>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

constexpr int kUnmatched = -1;

// One more row is matched at a time, along the cheapest path of reduced costs
// cost − row_price − column_price ≥ 0, where matched pairs have 0.
class Matcher {
 public:
  explicit Matcher(const Matrix& cost)
      : cost_(cost),
        row_price_(cost.rows()),
        column_price_(cost.columns()),
        row_of_(cost.columns(), kUnmatched) {}

  void match(int row) {
    distance_.assign(cost_.columns(), std::numeric_limits<double>::infinity());
    reached_from_.assign(cost_.columns(), kUnmatched);
    done_.assign(cost_.columns(), false);
    int last = kUnmatched, current = row;
    double travelled = 0;
    do {
      look_from(current, last, travelled);
      last = nearest();
      travelled = distance_[at(last)];
      done_[at(last)] = true;
      current = row_of_[at(last)];
    } while (current != kUnmatched);
    update_prices(row, travelled);
    augment(row, last);
  }

  std::vector<int> columns() const {
    std::vector<int> column(cost_.rows());
    for (std::size_t c = 0; c < row_of_.size(); ++c)
      if (row_of_[c] != kUnmatched) column[at(row_of_[c])] = static_cast<int>(c);
    return column;
  }

 private:
  static std::size_t at(int index) { return static_cast<std::size_t>(index); }

  void look_from(int row, int through, double travelled) {
    for (std::size_t c = 0; c < cost_.columns(); ++c) {
      if (done_[c]) continue;
      const double length = travelled + cost_(at(row), c) - row_price_[at(row)] - column_price_[c];
      if (length < distance_[c]) distance_[c] = length, reached_from_[c] = through;
    }
  }

  int nearest() const {
    int best = kUnmatched;
    for (std::size_t c = 0; c < distance_.size(); ++c)
      if (!done_[c] && (best == kUnmatched || distance_[c] < distance_[at(best)]))
        best = static_cast<int>(c);
    return best;
  }

  void update_prices(int row, double travelled) {
    row_price_[at(row)] += travelled;
    for (std::size_t c = 0; c < done_.size(); ++c) {
      if (!done_[c]) continue;
      column_price_[c] += distance_[c] - travelled;
      if (row_of_[c] != kUnmatched) row_price_[at(row_of_[c])] += travelled - distance_[c];
    }
  }

  void augment(int row, int column) {
    while (reached_from_[at(column)] != kUnmatched) {
      row_of_[at(column)] = row_of_[at(reached_from_[at(column)])];
      column = reached_from_[at(column)];
    }
    row_of_[at(column)] = row;
  }

  const Matrix& cost_;
  std::vector<double> row_price_, column_price_;
  std::vector<int> row_of_;  // [columns]
  // Of the search for one row, [columns]:
  std::vector<double> distance_;
  std::vector<int> reached_from_;  // the column before it on the path; none: the row itself
  std::vector<bool> done_;
};

}  // namespace

std::vector<int> least_cost_matching(const Matrix& cost) {
  MOESIM_CHECK(cost.rows() <= cost.columns(), "every row finds a column");
  Matcher matcher(cost);
  for (std::size_t row = 0; row < cost.rows(); ++row) matcher.match(static_cast<int>(row));
  return matcher.columns();
}

}  // namespace moesim
