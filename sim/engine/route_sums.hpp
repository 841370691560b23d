// What the rows of a matrix put on the links, without a look at the route of each pair.
//
// A sender's routes to neighbouring targets share most of their links. For each (source, rule), a
// link is kept once with every range of targets whose routes take it, so that its bytes are a
// difference of two prefix sums of the row. Where the ranges are kept (per_sender.hpp), they take
// about 30 bytes a pair.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/engine/latency_numbers.hpp"
#include "sim/engine/per_sender.hpp"

namespace moesim {

class RouteSums {
 public:
  // Payload bytes on each link by pairs inside NVLink domains (which may inflate otherwise than
  // others) and between them; bytes between leaves; and the largest latency.
  struct Totals {
    explicit Totals(std::size_t links) : local(links), network(links) {}
    IdVector<LinkId, double> local, network;
    double spine = 0;
    Seconds latency;
  };

  explicit RouteSums(const Cluster& cluster);

  // bytes [targets] ≥ 0; that of `source` itself does not count.
  void add(GpuId source, RouteRule rule, std::span<const double> bytes, Totals& totals);

 private:
  // Targets begin … end − 1; the source itself may be among them.
  struct Range {
    int what = 0;  // a link, or a number of a latency; of no meaning for the spine
    std::uint16_t begin = 0, end = 0;
    int count() const { return end - begin; }
  };
  struct Row {
    std::vector<Range> local, network;  // of links
    std::vector<Range> spine;
    std::vector<Range> latencies;  // the largest first
  };
  Row build(GpuId source, RouteRule rule);
  double bytes_of(const Range& range) const { return prefix_[range.end] - prefix_[range.begin]; }

  const Cluster& cluster_;
  PerSender<Row> rows_;
  LatencyNumbers latencies_;
  std::vector<double> prefix_;  // [targets + 1]
};

}  // namespace moesim
