#include "sim/serving/waiting_line.hpp"

namespace moesim {

double WaitingLine::key_of(int id, const KvCache& cache) const {
  const Life& life = state_.life(id);
  const bool follows = order_.follows_cache() > 0;
  if (too_many_) return 0;
  const auto kind = static_cast<std::size_t>(life.request->kind);
  return order_.key({.request = *life.request,
                     .priority = state_.list.classes[kind].priority,
                     .cached = follows ? cache.cached(*life.request, life.target()) : 0,
                     .random = state_.setup.random});
}

void WaitingLine::add(int id, double now, const KvCache& cache) {
  Life& life = state_.life(id);
  life.since = now;
  life.key = key_of(id, cache);
  by_key_.emplace(life.key, state_.sent_at(id));
  by_time_.emplace(life.since, id);
}

void WaitingLine::remove(int id) {
  const Life& life = state_.life(id);
  by_key_.erase({life.key, state_.sent_at(id)});
  by_time_.erase({life.since, id});
}

void WaitingLine::clear() {
  by_key_.clear();
  by_time_.clear();
}

void WaitingLine::refresh(const KvCache& cache) {
  if (order_.follows_cache() == 0) return;
  const bool were_too_many = std::exchange(too_many_, size() > order_.follows_cache());
  if (were_too_many && too_many_) return;
  std::set<std::pair<double, SentAt>> anew;
  for (const auto& [time, id] : by_time_) {
    Life& life = state_.life(id);
    life.key = key_of(id, cache);
    anew.emplace(life.key, state_.sent_at(id));
  }
  by_key_ = std::move(anew);
}

}  // namespace moesim
