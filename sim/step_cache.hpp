// Times of steps that are not simulated: interpolated between plain batches that were.
//
// The features of a step (sim/step_features.hpp) lie in a cell of a lattice with nodes in geometric
// series, and times between them are interpolated linearly in the simplex of the cell's corners
// around the step (Kuhn's triangulation: of n axes it takes n + 1 corners), which are simulated
// when a step first needs them. Whether that is good enough is seen at the middle of the cell, and
// at the first of the steps that fall into it, the 64th, the 4096th, …, which are simulated, too:
// where one is off by more than the error that is asked for, the cell is divided. All of them see
// the same draws of routes, so that what is compared is the batches.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "sim/model/serving.hpp"
#include "sim/model/serving_result.hpp"
#include "sim/step_features.hpp"

namespace moesim {

class StepCache {
 public:
  // Values of a step: its time first.
  using Values = std::vector<double>;
  // Simulates a batch with a draw of routes.
  using Simulate = std::function<Values(const StepBatch& batch, int draw)>;

  StepCache(StepCacheOptions options, int ranks, int drafts, Simulate simulate);

  // `state`: whatever else decides the time (a map of experts, a mix of requests); steps of
  // different states have nothing in common.
  Values values(const StepBatch& batch, int state);
  const StepCacheRecord& record() const { return record_; }
  // How many steps each of the batches that were simulated stands for, in the order in which they
  // were; their sum is that of all steps. Those of comparisons stand for none.
  const std::vector<double>& stand_for() const { return stand_for_; }

 private:
  // Tokens, unevenness and attended of prompts, then of answers; of a kind that a step has not its
  // three are 0, and are no axes.
  static constexpr std::size_t kAxes = 6;
  static constexpr int kFinest = 2;  // times that a cell is divided
  using Place = std::array<double, kAxes>;
  struct CellId {
    int state = 0, fineness = 0;
    std::array<int, kAxes> lowest{};  // index of the lowest corner; −1: no axis
    auto operator<=>(const CellId&) const = default;
  };
  struct Simulated {
    Values values;
    std::size_t number = 0;  // of the batch
  };
  struct Cell {
    bool divided = false;
    std::int64_t steps = 0;
    std::array<const Simulated*, 1 << kAxes> corners{};  // none: not asked for yet
  };
  struct Mixture {
    Values values;
    std::vector<std::pair<std::size_t, double>> of;  // number of a batch, its weight
  };
  using VertexId = std::array<std::int64_t, kAxes + 1>;  // state, and a place in whole numbers

  CellId cell_at(const Place& place, int state, int fineness) const;
  // Of the cell's lower and its upper corners, along an axis.
  std::pair<double, double> ends_of(std::size_t axis, const CellId& id) const;
  Mixture interpolated(const Place& place, const CellId& id, Cell& cell);
  bool good_in_the_middle(const Place& place, const CellId& id, Cell& cell);
  const Simulated& plain(const Place& place, int state);
  Simulated simulated(const StepBatch& batch);

  StepCacheOptions options_;
  int ranks_ = 0, drafts_ = 0;
  Simulate simulate_;
  std::map<CellId, Cell> cells_;
  std::map<VertexId, Simulated> vertices_;
  StepCacheRecord record_;
  std::vector<double> stand_for_;
};

}  // namespace moesim
