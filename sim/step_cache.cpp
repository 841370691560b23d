#include "sim/step_cache.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

enum Quantity : std::size_t { kTokens, kUnevenness, kAttended, kQuantities };

constexpr double kFirstAttended = 1024;  // tokens; the node below is 0

// Nodes of an axis rise by 2 (attended tokens: 4, which times are as good as linear in) from one to
// the next, and by the root of that for every time that they are divided.
double node_at(std::size_t axis, int fineness, int index) {
  const double divided = 1 << fineness;
  switch (axis % kQuantities) {
    case kTokens:
      return std::round(std::exp2(index / divided));
    case kUnevenness:
      return std::exp2(index / divided);
    default:
      return index == 0 ? 0 : std::round(kFirstAttended * std::exp2(2 * (index - 1) / divided));
  }
}

// The last node that is not above the value. Rounding must not put a value that is a node below it.
int index_below(std::size_t axis, int fineness, double value) {
  int index = 0;
  while (node_at(axis, fineness, index + 1) <= value * (1 + 1e-12)) ++index;
  return index;
}

std::array<double, 6> place_of(const StepFeatures& features) {
  std::array<double, 6> place{};
  std::size_t axis = 0;
  for (const KindFeatures& kind : {features.prompts, features.answers}) {
    const bool has = kind.tokens > 0;
    for (const double value : {kind.tokens, kind.unevenness, kind.attended})
      place[axis++] = has ? value : 0;
  }
  return place;
}

StepFeatures features_at(const std::array<double, 6>& place) {
  return {.prompts = {.tokens = place[0], .unevenness = place[1], .attended = place[2]},
          .answers = {.tokens = place[3], .unevenness = place[4], .attended = place[5]}};
}

// The 1st, 64th, 4096th, … step of a cell.
bool is_checked(std::int64_t step) {
  while (step % 64 == 0) step /= 64;
  return step == 1;
}

void add(StepCache::Values& sum, const StepCache::Values& values, double weight) {
  sum.resize(values.size());
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += weight * values[i];
}

}  // namespace

StepCache::StepCache(StepCacheOptions options, int ranks, int drafts, Simulate simulate)
    : options_(options), ranks_(ranks), drafts_(drafts), simulate_(std::move(simulate)) {}

StepCache::Values StepCache::values(const StepBatch& batch, int state) {
  ++record_.steps;
  const Place place = place_of(features_of(batch));
  for (int fineness = 0;; ++fineness) {
    const CellId id = cell_at(place, state, fineness);
    Cell& cell = cells_[id];
    if (cell.divided) continue;
    const bool finest = fineness == kFinest;
    if (cell.steps == 0 && !finest && !good_in_the_middle(place, id, cell)) {
      cell.divided = true;
      continue;
    }
    const Mixture between = interpolated(place, id, cell);
    if (!is_checked(++cell.steps)) {
      for (const auto& [number, weight] : between.of) stand_for_[number] += weight;
      return between.values;
    }
    const Simulated exact = simulated(batch);
    const double error = between.values.front() / exact.values.front() - 1;
    cell.divided = std::abs(error) > options_.error && !finest;
    record_.errors.push_back(error);
    stand_for_[exact.number] += 1;
    return exact.values;
  }
}

StepCache::CellId StepCache::cell_at(const Place& place, int state, int fineness) const {
  CellId id{.state = state, .fineness = fineness};
  for (std::size_t axis = 0; axis < kAxes; ++axis) {
    const bool has = place[axis / kQuantities * kQuantities + kTokens] > 0;
    id.lowest[axis] = has ? index_below(axis, fineness, place[axis]) : -1;
  }
  return id;
}

std::pair<double, double> StepCache::ends_of(std::size_t axis, const CellId& id) const {
  if (id.lowest[axis] < 0) return {0, 0};
  const double low = node_at(axis, id.fineness, id.lowest[axis]);
  const double high = node_at(axis, id.fineness, id.lowest[axis] + 1);
  return {low, axis % kQuantities == kUnevenness ? std::min(high, 1.0 * ranks_) : high};
}

// Along the axes on which the step lies between two corners.
bool StepCache::good_in_the_middle(const Place& place, const CellId& id, Cell& cell) {
  Place middle = place;
  for (std::size_t axis = 0; axis < kAxes; ++axis) {
    const auto [low, high] = ends_of(axis, id);
    if (!(place[axis] > low) || !(high > low)) continue;
    middle[axis] = (low + high) / 2;
    if (axis % kQuantities != kUnevenness) middle[axis] = std::round(middle[axis]);
  }
  if (middle == place) return true;
  const double error =
      interpolated(middle, id, cell).values.front() / plain(middle, id.state).values.front() - 1;
  return std::abs(error) <= options_.error;
}

// From the lowest corner, upwards along one axis after the other, those on which the place is the
// highest first: the weights of the corners on that way are the differences in between.
StepCache::Mixture StepCache::interpolated(const Place& place, const CellId& id, Cell& cell) {
  std::array<double, kAxes + 1> height{};  // 0 = at the lower corners, 1 = at the upper ones
  for (std::size_t axis = 0; axis < kAxes; ++axis) {
    const auto [low, high] = ends_of(axis, id);
    if (high > low) height[axis] = std::clamp((place[axis] - low) / (high - low), 0.0, 1.0);
  }
  std::array<std::size_t, kAxes> order{};
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return height[a] > height[b]; });
  Mixture sum;
  Place corner{};
  for (std::size_t axis = 0; axis < kAxes; ++axis) corner[axis] = ends_of(axis, id).first;
  std::size_t upper = 0;  // axes along which the corner is an upper one, as bits
  for (std::size_t step = 0; step <= kAxes; ++step) {
    const double above = step == 0 ? 1 : height[order[step - 1]];
    const double weight = above - (step == kAxes ? 0 : height[order[step]]);
    if (step > 0) {
      upper |= std::size_t{1} << order[step - 1];
      corner[order[step - 1]] = ends_of(order[step - 1], id).second;
    }
    if (weight == 0) continue;
    if (cell.corners[upper] == nullptr) cell.corners[upper] = &plain(corner, id.state);
    add(sum.values, cell.corners[upper]->values, weight);
    sum.of.emplace_back(cell.corners[upper]->number, weight);
  }
  return sum;
}

const StepCache::Simulated& StepCache::plain(const Place& place, int state) {
  VertexId id{state};
  for (std::size_t axis = 0; axis < kAxes; ++axis) {
    const double mean = place[axis / kQuantities * kQuantities + kTokens] / ranks_;
    // The tokens of the fullest rank are whole.
    const double value = axis % kQuantities == kUnevenness
                             ? std::max(place[axis] * mean, std::ceil(mean))
                             : place[axis];
    id[axis + 1] = std::llround(value);
  }
  const auto found = vertices_.find(id);
  if (found != vertices_.end()) return found->second;
  return vertices_.emplace(id, simulated(plain_batch(features_at(place), ranks_, drafts_)))
      .first->second;
}

StepCache::Simulated StepCache::simulated(const StepBatch& batch) {
  Simulated mean{.values = {}, .number = stand_for_.size()};
  stand_for_.push_back(0);
  for (int draw = 0; draw < options_.draws; ++draw) {
    ++record_.simulated;
    add(mean.values, simulate_(batch, draw), 1.0 / options_.draws);
  }
  return mean;
}

}  // namespace moesim
