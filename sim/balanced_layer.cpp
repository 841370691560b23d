// A routed layer at the mean load of its groups.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "sim/counterfactual.hpp"

namespace moesim {
namespace {

double sum_of(const std::vector<int>& counts) {
  return std::accumulate(counts.begin(), counts.end(), 0.0);
}

// Scales counts so that they come to `target`, or fills them evenly; what rounding leaves goes to
// the next.
class Rescale {
 public:
  Rescale(double from, double target, std::size_t slots)
      : factor_(from > 0 ? target / from : 0),
        even_(from > 0 ? 0 : target / static_cast<double>(slots)) {}

  void apply(std::vector<int>& counts) {
    for (int& count : counts) {
      exact_ += count * factor_ + even_;
      const double next = std::round(exact_ - given_);
      count = static_cast<int>(next);
      given_ += next;
    }
  }

 private:
  double factor_, even_;
  double exact_ = 0, given_ = 0;  // so far
};

void even_rows(RoutedLayer& routed, const std::vector<GpuId>& members) {
  double rows = 0, received = 0;
  for (const GpuId gpu : members) {
    rows += routed.rows_on(gpu);
    received += routed.received[gpu];
  }
  const auto count = static_cast<double>(members.size());
  for (const GpuId gpu : members) {
    std::vector<int>& own = routed.rows[gpu];
    std::vector<int>& copies = routed.copy_rows[gpu];
    Rescale rescale(sum_of(own) + sum_of(copies), rows / count, own.size() + copies.size());
    rescale.apply(own);
    rescale.apply(copies);
    routed.received[gpu] = received / count;
  }
}

// Of two GPUs, and whether each of them has experts.
enum PairKind { kSelf, kDomain, kRail, kOther, kPairKinds = 4 * 4 };

PairKind kind_of(GpuId source, GpuId target, const Cluster& cluster) {
  if (source == target) return kSelf;
  if (cluster.same_domain(source, target)) return kDomain;
  return cluster.rail_of(source) == cluster.rail_of(target) ? kRail : kOther;
}

void even_bytes(ByteMatrix& bytes, const std::vector<GpuId>& members, const Grid& grid) {
  std::array<double, kPairKinds> sum{}, pairs{};
  const Parallel& parallel = grid.parallel();
  const auto for_each_pair = [&](const auto& visit) {
    for (const GpuId source : members)
      for (const GpuId target : members) {
        const int roles = parallel.holds_experts(source) * 2 + parallel.holds_experts(target);
        visit(bytes(source, target),
              static_cast<std::size_t>(roles * 4 + kind_of(source, target, grid.cluster())));
      }
  };
  for_each_pair([&](const double& here, std::size_t kind) {
    sum[kind] += here;
    ++pairs[kind];
  });
  for_each_pair([&](double& here, std::size_t kind) { here = sum[kind] / pairs[kind]; });
}

}  // namespace

void balance_loads(RoutedLayer& routed, const Grid& grid, int stage, const Conditions& conditions) {
  for (const ExpertGroup& group : grid.expert_groups(stage)) {
    std::vector<GpuId> members = group.members;
    const auto holds_none = [&](GpuId gpu) {
      return routed.rows[gpu].size() + routed.copy_rows[gpu].size() == 0;
    };
    std::erase_if(members, [&](GpuId gpu) {
      return conditions.is_dead(gpu) || (grid.parallel().holds_experts(gpu) && holds_none(gpu));
    });
    std::vector<GpuId> holders = members;
    std::erase_if(holders, holds_none);
    if (holders.empty()) continue;
    even_rows(routed, holders);
    for (std::optional<Exchange>* exchange : {&routed.dispatch, &routed.combine})
      if (*exchange)
        for (ExchangeLeg& leg : (*exchange)->legs) even_bytes(leg.bytes, members, grid);
  }
}

}  // namespace moesim
