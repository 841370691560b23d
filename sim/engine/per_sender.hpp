// What is made once for each sender and rule from its routes.
//
// Up to kMostSendersKept GPUs all of it is kept; above, each is made anew, so that memory does not
// grow with GPUs².
#pragma once

#include <array>
#include <memory>

#include "sim/model/cluster.hpp"

namespace moesim {

inline constexpr int kMostSendersKept = 1024;

template <class T>
class PerSender {
 public:
  explicit PerSender(int gpus) {
    for (auto& kept : kept_) kept.raw().resize(static_cast<std::size_t>(gpus));
  }
  // Valid until the next call. `make` gives a T.
  template <class Make>
  const T& get(GpuId source, RouteRule rule, const Make& make) {
    auto& of_rule = kept_[static_cast<std::size_t>(rule)];
    if (std::ssize(of_rule.raw()) > kMostSendersKept) return passing_ = make();
    std::unique_ptr<T>& kept = of_rule[source];
    if (!kept) kept = std::make_unique<T>(make());
    return *kept;
  }

 private:
  std::array<IdVector<GpuId, std::unique_ptr<T>>, 3> kept_;  // [rules]
  T passing_;
};

}  // namespace moesim
