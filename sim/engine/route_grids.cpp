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

// Tells the links of each pair with two.
template <class Tell>
void for_pairs(const Cluster& cluster, RouteCache& routes, const Tell& tell) {
  const IdRange<GpuId> gpus(cluster.gpus());
  for (const GpuId source : gpus) {
    for (const GpuId target : gpus) {
      if (source == target) continue;
      const RouteCache::Path path = routes.path(source, target, RouteRule::kDirect);
      if (path.links.size() != 2) continue;
      const LinkId out(path.links[0]), in(path.links[1]);
      tell(source, target, out, in, path);
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

}  // namespace

RouteGrids::RouteGrids(const Cluster& cluster, RouteCache& routes)
    : places_(cluster.gpus(), cluster.gpus()) {
  IdVector<LinkId, Users> users(cluster.links().size());
  for_pairs(cluster, routes, [&](GpuId source, GpuId target, LinkId out, LinkId in, const auto&) {
    add_user(users[out].sender, source);
    add_user(users[in].receiver, target);
  });
  boost::disjoint_sets_with_storage<> connected(cluster.links().size());
  const auto are_ports = [&](LinkId out, LinkId in) {
    return users[out].is_sending_port() && users[in].is_receiving_port();
  };
  for_pairs(cluster, routes, [&](GpuId, GpuId, LinkId out, LinkId in, const auto&) {
    if (are_ports(out, in)) connected.union_set(out.index(), in.index());
  });
  std::map<std::size_t, std::int16_t> numbers;
  IdVector<LinkId, int> ports(cluster.links().size(), -1);
  for_pairs(
      cluster, routes,
      [&](GpuId source, GpuId target, LinkId out, LinkId in, const RouteCache::Path& path) {
        if (!are_ports(out, in)) return;
        const auto next = static_cast<std::int16_t>(numbers.size());
        const std::int16_t number =
            numbers.try_emplace(connected.find_set(out.index()), next).first->second;
        if (number == next) grids_.emplace_back();
        Grid& grid = grids_[static_cast<std::size_t>(number)];
        places_(source, target) = {
            .grid = number,
            .row = static_cast<std::int16_t>(add_port(grid.senders, ports, out, source.value)),
            .column = static_cast<std::int16_t>(add_port(grid.receivers, ports, in, target.value)),
            .latency = static_cast<std::uint16_t>(path.latency),
            .crosses_spine = path.crosses_spine};
      });
}

}  // namespace moesim
