#include "sim/serving/arrivals.hpp"

#include <algorithm>

namespace moesim {

Arrivals::Arrivals(const RequestList& list) : list_(list) {
  for (int user = 0; user < list_.concurrency; ++user) take(0);
}

void Arrivals::take(double ready) {
  if (taken_ == static_cast<int>(list_.requests.size())) return;
  const Request& request = list_.requests[static_cast<std::size_t>(taken_)];
  thinking_.emplace(std::max(ready, request.arrival.value), taken_++);
}

double Arrivals::next(double now) const {
  if (list_.concurrency > 0)
    return thinking_.empty() ? kForever.value : std::max(now, thinking_.top().first);
  if (all_sent()) return kForever.value;
  return std::max(now, list_.requests[static_cast<std::size_t>(sent_)].arrival.value);
}

int Arrivals::send() {
  ++under_way_;
  if (list_.concurrency == 0) return sent_++;
  const int id = thinking_.top().second;
  thinking_.pop();
  ++sent_;
  return id;
}

void Arrivals::end_one(double now) {
  --under_way_;
  if (list_.concurrency == 0 || taken_ == static_cast<int>(list_.requests.size())) return;
  take(now + list_.requests[static_cast<std::size_t>(taken_)].think.value);
}

}  // namespace moesim
