// The routes of a sender by what they share: those of one trunk differ in nothing but their last
// link, the receiver's own port.
//
// Up to RouteCache::kLargest GPUs they are kept, 8 bytes a pair; above, each is found anew.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "sim/model/cluster.hpp"

namespace moesim {

struct RouteFan {
  struct Trunk {
    std::vector<int> links;  // none where the port is all there is
    Seconds latency;         // of the whole routes
    bool crosses_spine = false;
    bool operator==(const Trunk&) const = default;
  };
  // Of a route, by target; none for the sender itself.
  struct Branch {
    int port = -1;  // its last link
    int trunk = -1;
  };
  std::vector<Trunk> trunks;
  IdVector<GpuId, Branch> branches;
};

class RouteFans {
 public:
  explicit RouteFans(const Cluster& cluster);
  // Valid until the next call.
  const RouteFan& of(GpuId source, RouteRule rule);

 private:
  RouteFan build(GpuId source, RouteRule rule) const;

  const Cluster& cluster_;
  std::array<IdVector<GpuId, std::unique_ptr<RouteFan>>, 3> fans_;  // [rules]
  RouteFan passing_;  // of a cluster too large to keep all
};

}  // namespace moesim
