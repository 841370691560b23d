#include "sim/solve/balanced_assignment.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

constexpr double kFar = std::numeric_limits<double>::infinity();
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

// A column's price is what a row must be better there to have a place; columns with room are free.
class Assigner {
 public:
  Assigner(const Matrix& score, std::span<const int> room)
      : score_(score),
        room_(room.begin(), room.end()),
        rows_of_(score.columns()),
        price_(score.columns()),
        leaver_(score.columns(), std::vector<std::size_t>(score.columns(), kNone)) {}

  void place(std::size_t row) {
    const std::size_t columns = score_.columns();
    distance_.assign(columns, kFar);
    from_.assign(columns, kNone);
    done_.assign(columns, false);
    for (std::size_t c = 0; c < columns; ++c) distance_[c] = price_[c] - score_(row, c);
    std::size_t last = nearest();
    while (room_[last] == 0) {
      done_[last] = true;
      look_from(last);
      last = nearest();
    }
    for (std::size_t c = 0; c < columns; ++c)
      if (done_[c]) price_[c] += distance_[last] - distance_[c];
    --room_[last];
    for (std::size_t to = last; from_[to] != kNone; to = from_[to]) {
      const std::size_t moved = leaver_[from_[to]][to];
      leave(from_[to], moved);
      join(to, moved);
      last = from_[to];
    }
    join(last, row);
  }

  std::vector<int> columns_of_rows() const {
    std::vector<int> column(score_.rows(), -1);
    for (std::size_t c = 0; c < rows_of_.size(); ++c)
      for (const std::size_t row : rows_of_[c]) column[row] = static_cast<int>(c);
    return column;
  }

 private:
  double loss(std::size_t row, std::size_t here, std::size_t there) const {
    return score_(row, here) - score_(row, there);
  }

  // Columns without any room are never reached.
  std::size_t nearest() const {
    std::size_t best = kNone;
    for (std::size_t c = 0; c < distance_.size(); ++c) {
      if (done_[c] || (room_[c] == 0 && rows_of_[c].empty())) continue;
      if (best == kNone || distance_[c] < distance_[best]) best = c;
    }
    MOESIM_CHECK(best != kNone, "there is room for every row");
    return best;
  }

  void look_from(std::size_t here) {
    for (std::size_t there = 0; there < distance_.size(); ++there) {
      if (done_[there]) continue;
      const double step = loss(leaver_[here][there], here, there) + price_[there] - price_[here];
      if (distance_[here] + step >= distance_[there]) continue;
      distance_[there] = distance_[here] + step;
      from_[there] = here;
    }
  }

  void join(std::size_t column, std::size_t row) {
    rows_of_[column].push_back(row);
    for (std::size_t there = 0; there < price_.size(); ++there) {
      std::size_t& best = leaver_[column][there];
      if (best == kNone || loss(row, column, there) < loss(best, column, there)) best = row;
    }
  }

  void leave(std::size_t column, std::size_t row) {
    std::vector<std::size_t>& rows = rows_of_[column];
    rows.erase(std::find(rows.begin(), rows.end(), row));
    for (std::size_t there = 0; there < price_.size(); ++there) {
      std::size_t& best = leaver_[column][there];
      if (best != row) continue;
      best = kNone;
      for (const std::size_t other : rows)
        if (best == kNone || loss(other, column, there) < loss(best, column, there)) best = other;
    }
  }

  const Matrix& score_;
  std::vector<int> room_;                          // left, [columns]
  std::vector<std::vector<std::size_t>> rows_of_;  // [columns]
  std::vector<double> price_;                      // [columns] ≥ 0
  // Of a column's rows, the one that loses least elsewhere, [columns][columns].
  std::vector<std::vector<std::size_t>> leaver_;
  std::vector<double> distance_;   // of the path that is looked for, [columns]
  std::vector<std::size_t> from_;  // [columns]
  std::vector<bool> done_;         // [columns]
};

}  // namespace

std::vector<int> balanced_assignment(const Matrix& score, std::span<const int> room) {
  MOESIM_CHECK(room.size() == score.columns(), "every column says how much room it has");
  MOESIM_CHECK(std::accumulate(room.begin(), room.end(), std::size_t{0}) >= score.rows(),
               "there is room for every row");
  Assigner assigner(score, room);
  for (std::size_t row = 0; row < score.rows(); ++row) assigner.place(row);
  return assigner.columns_of_rows();
}

}  // namespace moesim
