// Routes have few latencies: a number for each.
#pragma once

#include <algorithm>
#include <vector>

#include "sim/base/check.hpp"
#include "sim/base/units.hpp"

namespace moesim {

class LatencyNumbers {
 public:
  static constexpr std::size_t kMost = 65536;

  int of(Seconds latency) {
    const auto number = std::find(all_.begin(), all_.end(), latency) - all_.begin();
    if (static_cast<std::size_t>(number) == all_.size()) all_.push_back(latency);
    MOESIM_CHECK(all_.size() <= kMost, "routes differ in latency by the kinds of their links");
    return static_cast<int>(number);
  }
  const std::vector<Seconds>& all() const { return all_; }  // by number

 private:
  std::vector<Seconds> all_;
};

}  // namespace moesim
