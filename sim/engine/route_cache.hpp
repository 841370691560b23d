// Routes in the form that flows need them: links by number, and one of a few latencies.
//
// A run asks for the same routes again in every exchange. Up to kMostSendersKept GPUs they are
// kept, about 20 bytes a pair; above, each is computed anew, so that memory does not grow with
// GPUs².
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/engine/latency_numbers.hpp"
#include "sim/engine/per_sender.hpp"

namespace moesim {

class RouteCache {
 public:
  struct Path {
    std::span<const int> links;  // valid until the next call
    int latency = 0;             // into latencies()
    bool crosses_spine = false;
  };

  explicit RouteCache(const Cluster& cluster);

  // source ≠ target.
  Path path(GpuId source, GpuId target, RouteRule rule) {
    if (cluster_.gpus() > kMostSendersKept) return compute(source, target, rule);
    Row& row = rows_[static_cast<std::size_t>(rule)][source];
    if (row.begin.empty()) build(row, source, rule);
    const std::size_t at = target.index();
    return {.links = {row.links.data() + row.begin[at], row.begin[at + 1] - row.begin[at]},
            .latency = row.latency[at],
            .crosses_spine = row.crosses_spine[at]};
  }
  // Of a route that is not one of these.
  Path path(const Route& route);
  const std::vector<Seconds>& latencies() const { return latencies_.all(); }

 private:
  struct Row {
    std::vector<std::uint32_t> begin;  // [targets + 1] into links
    std::vector<int> links;
    std::vector<std::uint16_t> latency;  // [targets]
    std::vector<bool> crosses_spine;     // [targets]
  };
  void build(Row& row, GpuId source, RouteRule rule);
  Path compute(GpuId source, GpuId target, RouteRule rule);

  const Cluster& cluster_;
  std::array<IdVector<GpuId, Row>, 3> rows_;  // [rules]
  LatencyNumbers latencies_;
  std::vector<int> computed_;
};

}  // namespace moesim
