// The routes of a sender by what they share: those of one trunk differ in nothing but their last
// link, the receiver's own port.
//
// Where they are kept (per_sender.hpp), they take 8 bytes a pair.
#pragma once

#include <vector>

#include "sim/engine/per_sender.hpp"

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
  explicit RouteFans(const Cluster& cluster) : cluster_(cluster), fans_(cluster.gpus()) {}
  // Valid until the next call.
  const RouteFan& of(GpuId source, RouteRule rule) {
    return fans_.get(source, rule, [&] { return build(source, rule); });
  }

 private:
  RouteFan build(GpuId source, RouteRule rule) const;

  const Cluster& cluster_;
  PerSender<RouteFan> fans_;
};

}  // namespace moesim
