#include "sim/step_cache.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

constexpr double kFirstContext = 256;  // tokens; the node below is 0

// Nodes of an axis rise by 2 (contexts: 4) from one to the next, and by the root of that for every
// time that they are divided.
double node_at(std::size_t axis, int fineness, int index) {
  const double divided = 1 << fineness;
  if (axis == 0) return std::round(std::exp2(index / divided));
  if (axis == 1) return std::exp2(index / divided);
  return index == 0 ? 0 : std::round(kFirstContext * std::exp2(2 * (index - 1) / divided));
}

std::array<double, 4> coordinates(const StepFeatures& features) {
  return {features.tokens, features.unevenness, features.prompt_context, features.answer_context};
}

// The last node that is not above the value. Rounding must not put a value that is a node below it.
int index_below(std::size_t axis, int fineness, double value) {
  int index = 0;
  while (node_at(axis, fineness, index + 1) <= value * (1 + 1e-12)) ++index;
  return index;
}

StepFeatures features_at(const std::array<double, 4>& place, int prompt_eighths) {
  return {.tokens = place[0],
          .unevenness = place[1],
          .prompt_share = prompt_eighths / 8.0,
          .prompt_context = place[2],
          .answer_context = place[3]};
}

// The 1st, 8th, 64th, … step of a cell.
bool is_checked(std::int64_t step) {
  while (step % 8 == 0) step /= 8;
  return step == 1;
}

}  // namespace

StepCache::StepCache(StepCacheOptions options, int ranks, int drafts, Simulate simulate)
    : options_(options), ranks_(ranks), drafts_(drafts), simulate_(std::move(simulate)) {}

StepCache::Values StepCache::values(const StepBatch& batch, int state) {
  ++record_.steps;
  const StepFeatures features = features_of(batch);
  std::optional<Values> exact;
  for (int fineness = 0;; ++fineness) {
    CellId id{.state = state,
              .prompts = static_cast<int>(std::lround(8 * features.prompt_share)),
              .fineness = fineness};
    const auto at = coordinates(features);
    for (std::size_t axis = 0; axis < kAxes; ++axis)
      id.place[axis] = index_below(axis, fineness, at[axis]);
    Cell& cell = cells_[id];
    if (cell.divided) continue;
    const bool finest = fineness == kFinest;
    if (cell.steps == 0 && !finest && !good_in_the_middle(id, features, cell)) {
      cell.divided = true;
      continue;
    }
    Values between = interpolated(features, id, cell);
    if (!is_checked(++cell.steps)) return between;
    if (!exact) exact = simulated(batch);
    const double error = between.front() / exact->front() - 1;
    cell.divided = std::abs(error) > options_.error && !finest;
    record_.errors.push_back(error);
    return *exact;
  }
}

// Of the axes along which the step lies between two corners.
bool StepCache::good_in_the_middle(const CellId& id, const StepFeatures& features, Cell& cell) {
  const auto at = coordinates(features);
  auto middle = at;
  for (std::size_t axis = 0; axis < kAxes; ++axis) {
    const auto [low, high] = ends_of(axis, id);
    if (at[axis] > low && high > low)
      middle[axis] = axis == 1 ? (low + high) / 2 : std::round((low + high) / 2);
  }
  if (middle == at) return true;
  const StepFeatures half = features_at(middle, id.prompts);
  const double error = interpolated(half, id, cell).front() / plain(half, id.state).front() - 1;
  return std::abs(error) <= options_.error;
}

StepCache::Values StepCache::interpolated(const StepFeatures& features, const CellId& id,
                                          Cell& cell) {
  const auto at = coordinates(features);
  std::array<double, kAxes> upper{};  // weights of the upper corners
  for (std::size_t axis = 0; axis < kAxes; ++axis) {
    const auto [low, high] = ends_of(axis, id);
    if (high > low) upper[axis] = std::clamp((at[axis] - low) / (high - low), 0.0, 1.0);
  }
  Values sum;
  for (unsigned corner = 0; corner < cell.corners.size(); ++corner) {
    double weight = 1;
    std::array<double, kAxes> place{};
    for (std::size_t axis = 0; axis < kAxes; ++axis) {
      const bool high = (corner >> axis & 1U) != 0;
      weight *= high ? upper[axis] : 1 - upper[axis];
      place[axis] = high ? ends_of(axis, id).second : ends_of(axis, id).first;
    }
    if (weight == 0) continue;
    if (cell.corners[corner] == nullptr)
      cell.corners[corner] = &plain(features_at(place, id.prompts), id.state);
    const Values& values = *cell.corners[corner];
    sum.resize(values.size());
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += weight * values[i];
  }
  return sum;
}

std::pair<double, double> StepCache::ends_of(std::size_t axis, const CellId& id) const {
  const double low = node_at(axis, id.fineness, id.place[axis]);
  const double high = node_at(axis, id.fineness, id.place[axis] + 1);
  return {low, axis == 1 ? std::min(high, 1.0 * ranks_) : high};
}

const StepCache::Values& StepCache::plain(const StepFeatures& features, int state) {
  const StepBatch batch = plain_batch(features, ranks_, drafts_);
  const int prompts = static_cast<int>(std::lround(8 * features.prompt_share));
  const VertexId id = {state,
                       prompts,
                       static_cast<int>(features.tokens),
                       static_cast<int>(std::lround(new_tokens(batch.ranks.front()))),
                       prompts > 0 ? static_cast<int>(features.prompt_context) : 0,
                       prompts < 8 ? static_cast<int>(features.answer_context) : 0};
  const auto found = vertices_.find(id);
  if (found != vertices_.end()) return found->second;
  return vertices_.emplace(id, simulated(batch)).first->second;
}

StepCache::Values StepCache::simulated(const StepBatch& batch) {
  Values mean;
  for (int draw = 0; draw < options_.draws; ++draw) {
    const Values values = simulate_(batch, draw);
    ++record_.simulated;
    mean.resize(values.size());
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += values[i] / options_.draws;
  }
  return mean;
}

}  // namespace moesim
