// The requests that wait at a rank, in the order in which they are admitted.
#pragma once

#include <set>
#include <utility>

#include "sim/serving/life.hpp"

namespace moesim {

class WaitingLine {
 public:
  WaitingLine(ServingState& state, const QueueOrder& order) : state_(state), order_(order) {}

  // `cache`: of the rank.
  void add(int id, double now, const KvCache& cache);
  void remove(int id);
  void clear();
  // Orders them anew where the order follows the cache.
  void refresh(const KvCache& cache);

  bool empty() const { return by_key_.empty(); }
  int size() const { return static_cast<int>(by_key_.size()); }
  int first() const { return by_key_.begin()->second.second; }
  double oldest() const { return by_time_.begin()->first; }  // when it was queued

 private:
  double key_of(int id, const KvCache& cache) const;

  ServingState& state_;
  const QueueOrder& order_;
  std::set<std::pair<double, SentAt>> by_key_;  // equal keys: in the order of arrival
  std::set<std::pair<double, int>> by_time_;    // since when
  bool too_many_ = false;                       // for an order that follows the cache
};

}  // namespace moesim
