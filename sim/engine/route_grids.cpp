#include "sim/engine/route_grids.hpp"

#include <boost/pending/disjoint_sets.hpp>
#include <map>

namespace moesim {
namespace {

constexpr int kNobody = -1, kSeveral = -2;
constexpr std::size_t kFewest = 2;  // senders, and receivers, of a grid

// The one GPU of each side that uses a link.
struct Users {
  int sender = kNobody, receiver = kNobody;
  bool is_sending_port() const { return sender >= 0 && receiver == kNobody; }
  bool is_receiving_port() const { return receiver >= 0 && sender == kNobody; }
};

void add_user(int& user, GpuId gpu) {
  user = user == kNobody || user == gpu.value ? gpu.value : kSeveral;
}

struct Pair {
  GpuId source, target;
  RouteCache::Path path;
  // Of two links:
  LinkId out, in;
};

// Tells all pairs; whether their routes have two links.
template <class Tell>
void for_pairs(const Cluster& cluster, RouteCache& routes, const Tell& tell) {
  const IdRange<GpuId> gpus(cluster.gpus());
  for (const GpuId source : gpus) {
    for (const GpuId target : gpus) {
      if (source == target) continue;
      Pair pair{.source = source,
                .target = target,
                .path = routes.path(source, target, RouteRule::kDirect)};
      const std::span<const int> links = pair.path.links;
      if (links.size() == 2) {
        pair.out = LinkId(links[0]);
        pair.in = LinkId(links[1]);
      }
      tell(pair, links.size() == 2);
    }
  }
}

// A port's place among those of its side.
int add_port(FlowGrid::Ports& ports, IdVector<LinkId, int>& places, LinkId link, int gpu) {
  if (places[link] < 0) {
    places[link] = static_cast<int>(ports.links.size());
    ports.links.push_back(link.value);
    ports.gpus.push_back(gpu);
  }
  return places[link];
}

RouteGrids::Bundle& bundle_for(std::vector<RouteGrids::Bundle>& bundles,
                               const RouteGrids::Bundle& wanted) {
  for (RouteGrids::Bundle& bundle : bundles)
    if (bundle.grid == wanted.grid && bundle.row == wanted.row &&
        bundle.latency == wanted.latency && bundle.is_local == wanted.is_local &&
        bundle.crosses_spine == wanted.crosses_spine)
      return bundle;
  return bundles.emplace_back(wanted);
}

}  // namespace

RouteGrids::RouteGrids(const Cluster& cluster, RouteCache& routes)
    : fans_(static_cast<std::size_t>(cluster.gpus())) {
  IdVector<LinkId, Users> users(cluster.links().size());
  for_pairs(cluster, routes, [&](const Pair& pair, bool has_two_links) {
    if (!has_two_links) return;
    add_user(users[pair.out].sender, pair.source);
    add_user(users[pair.in].receiver, pair.target);
  });
  boost::disjoint_sets_with_storage<> connected(cluster.links().size());
  const auto are_ports = [&](const Pair& pair) {
    return users[pair.out].is_sending_port() && users[pair.in].is_receiving_port();
  };
  for_pairs(cluster, routes, [&](const Pair& pair, bool has_two_links) {
    if (has_two_links && are_ports(pair)) connected.union_set(pair.out.index(), pair.in.index());
  });
  std::map<std::size_t, int> numbers;
  IdVector<LinkId, int> ports(cluster.links().size(), -1);
  for_pairs(cluster, routes, [&](const Pair& pair, bool has_two_links) {
    Fan& fan = fans_[pair.source];
    if (!has_two_links || !are_ports(pair)) return fan.others.push_back(pair.target);
    const int next = static_cast<int>(numbers.size());
    const int number =
        numbers.try_emplace(connected.find_set(pair.out.index()), next).first->second;
    if (number == next) grids_.emplace_back();
    Grid& grid = grids_[static_cast<std::size_t>(number)];
    const int row = add_port(grid.senders, ports, pair.out, pair.source.value);
    const int column = add_port(grid.receivers, ports, pair.in, pair.target.value);
    bundle_for(fan.bundles, {.grid = number,
                             .row = row,
                             .latency = pair.path.latency,
                             .is_local = cluster.same_domain(pair.source, pair.target),
                             .crosses_spine = pair.path.crosses_spine})
        .lanes.push_back({.target = static_cast<std::uint16_t>(pair.target.value),
                          .column = static_cast<std::uint16_t>(column)});
  });
}

}  // namespace moesim
