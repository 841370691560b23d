// Requests that arrive at random moments: what the generators have in common.
#pragma once

#include <functional>
#include <vector>

#include "sim/requests/request_mix.hpp"
#include "sim/requests/requests.hpp"

namespace moesim {

// `rate`, `speedup`, `count`, `duration`, and `own`, then those of a RequestMix.
std::vector<Parameter> generator_parameters(std::vector<Parameter> own = {});

// Requests whose arrivals are a renewal process.
class GeneratedRequests {
 public:
  // Reads generator_parameters(). Throws InputError.
  explicit GeneratedRequests(const Arguments& arguments);

  // `gap` draws the time from one arrival to the next, as a multiple of its mean.
  RequestList requests(Random random, const std::function<double(Rng&)>& gap) const;

  std::vector<RequestClass> classes() const { return mix_.classes(); }

 private:
  RequestMix mix_;
  double rate_ = 0;  // requests/s
  int count_ = 0;    // 0: as many as there are
  double end_ = 0;   // seconds; infinite without a duration
};

}  // namespace moesim
