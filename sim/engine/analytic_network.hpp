// The network as a bound: a leg ends, for everybody, when its busiest link has carried its bytes.
//
// A leg begins when its last GPU sends. It takes the largest latency of its routes plus the longest
// of bytes / bandwidth over the links. A link that still has bytes of other legs or copies to carry
// carries those first, so that no link ever carries more than its bandwidth. Right for the end of
// an all-to-all by itself (simgrid.md §4), wrong for when each GPU has its tokens.
#pragma once

#include <vector>

#include "sim/engine/network.hpp"
#include "sim/engine/route_cache.hpp"

namespace moesim {

class AnalyticNetwork final : public Network, public EventHandler {
 public:
  AnalyticNetwork(const Cluster& cluster, Clock& clock);

  int open(const LegRequest& request) final;
  void send(int handle, GpuId source) final;
  void close(int handle) final;
  void copy(const Transfer& transfer, EventHandler& handler, const Event& event) final;
  void handle(const Event& event) final;  // a leg has ended

 private:
  struct Leg {
    LegRequest request;
    int senders = 0;
    bool open = false;
  };
  void add_load(const RouteCache::Path& path, Phase phase, double bytes, double inflation);
  Seconds carry_load();

  std::vector<Leg> legs_;
  RouteCache routes_;
  IdVector<LinkId, double> load_;   // wire bytes of what is being added up
  IdVector<LinkId, Seconds> free_;  // when each link has carried everything so far
  std::vector<LinkId> loaded_;
  Seconds latency_;  // the largest of what is being added up
};

}  // namespace moesim
