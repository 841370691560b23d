// When the requests of a run are sent: each at its time, or, in a closed loop, when one before has
// ended.
#pragma once

#include "sim/base/units.hpp"
#include "sim/model/request.hpp"

namespace moesim {

class Arrivals {
 public:
  explicit Arrivals(const RequestList& list) : list_(list) {}

  // When the next request is sent; kForever: never, or not before another has ended.
  double next(double now) const;
  int send() {
    ++under_way_;
    return sent_++;
  }
  void end_one() { --under_way_; }
  bool all_sent() const { return sent_ == static_cast<int>(list_.requests.size()); }
  int under_way() const { return under_way_; }

 private:
  const RequestList& list_;
  int sent_ = 0, under_way_ = 0;
};

}  // namespace moesim
