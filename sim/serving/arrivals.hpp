// When the requests of a run are sent: each at its time, or, in a closed loop, when the user's last
// one has ended and he has thought.
#pragma once

#include <queue>
#include <utility>
#include <vector>

#include "sim/base/units.hpp"
#include "sim/model/request.hpp"

namespace moesim {

class Arrivals {
 public:
  explicit Arrivals(const RequestList& list);

  // When the next request is sent, at `now` at the earliest; kForever: never, or not before another
  // has ended.
  double next(double now) const;
  // Sends that one.
  int send();
  // One of those under way ended.
  void end_one(double now);
  bool all_sent() const { return sent_ == static_cast<int>(list_.requests.size()); }
  int under_way() const { return under_way_; }

 private:
  // A user takes the next request of the list, to send it at `ready` or later.
  void take(double ready);

  const RequestList& list_;
  int sent_ = 0, under_way_ = 0;
  // Closed loop: requests that users have and did not send yet, as (time, id).
  std::priority_queue<std::pair<double, int>, std::vector<std::pair<double, int>>, std::greater<>>
      thinking_;
  int taken_ = 0;
};

}  // namespace moesim
