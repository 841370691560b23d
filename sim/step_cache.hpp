// Times of steps that are not simulated: interpolated between plain batches that were.
//
// The features of a step (sim/step_features.hpp) lie in a cell of a lattice with nodes in geometric
// series; the cell's corners are simulated when a step first falls into it, and values between them
// are linear along each axis. Whether that is good enough is seen at the middle of the cell, and at
// the first of the steps that fall into it, the 8th, the 64th, …, which are simulated, too: where
// one is off by more than the error that is asked for, the cell is divided. All of them see the
// same draws of routes, so that what is compared is the batches.
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

 private:
  static constexpr int kAxes = 4;
  static constexpr int kFinest = 3;  // times that a cell is divided
  using Place = std::array<int, kAxes>;
  // state, share of prompts in eighths, fineness, and the lowest corner
  struct CellId {
    int state = 0, prompts = 0, fineness = 0;
    Place place{};
    auto operator<=>(const CellId&) const = default;
  };
  struct Cell {
    bool divided = false;
    std::int64_t steps = 0;
    std::array<const Values*, 1 << kAxes> corners{};  // none: not asked for yet
  };
  // State, share of prompts in eighths, and a plain batch's other features as whole numbers.
  using VertexId = std::array<int, kAxes + 2>;

  Values interpolated(const StepFeatures& features, const CellId& id, Cell& cell);
  bool good_in_the_middle(const CellId& id, const StepFeatures& features, Cell& cell);
  // Of the cell's lower and its upper corners, along an axis.
  std::pair<double, double> ends_of(std::size_t axis, const CellId& id) const;
  const Values& plain(const StepFeatures& features, int state);
  Values simulated(const StepBatch& batch);

  StepCacheOptions options_;
  int ranks_ = 0, drafts_ = 0;
  Simulate simulate_;
  std::map<CellId, Cell> cells_;
  std::map<VertexId, Values> vertices_;
  StepCacheRecord record_;
};

}  // namespace moesim
