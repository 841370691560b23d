#include "sim/engine/platform.hpp"

#include <fmt/format.h>
#include <xbt/log.h>

#include <simgrid/kernel/routing/NetPoint.hpp>
#include <simgrid/kernel/routing/NetZoneImpl.hpp>
#include <simgrid/s4u.hpp>

namespace moesim {

namespace s4u = simgrid::s4u;
namespace routing = simgrid::kernel::routing;

namespace {

struct HostPlace {
  GpuId gpu;
  RouteRule rule = RouteRule::kDirect;
  Store store = Store::kGpu;
};

// SimGrid owns the zones of its engine, and deletes them with it.
class ComputedZone final : public routing::NetZoneImpl {
 public:
  explicit ComputedZone(const Cluster& cluster) : NetZoneImpl("cluster"), cluster_(cluster) {}

  void add_link(s4u::Link* link) { links_.push_back(link->get_impl()); }
  void add_host(s4u::Host* host, HostPlace place) {
    const std::size_t point = host->get_netpoint()->id();
    if (places_.size() <= point) places_.resize(point + 1);
    places_[point] = place;
  }

  void get_local_route(const routing::NetPoint* source, const routing::NetPoint* target,
                       routing::Route* into, double*) override {
    const HostPlace &from = places_[source->id()], &to = places_[target->id()];
    const Route route = from.store == to.store
                            ? cluster_.route(from.gpu, to.gpu, from.rule)
                            : cluster_.store_route(from.gpu, from.store, to.store);
    for (int hop = 0; hop < route.count; ++hop)
      into->link_list_.push_back(links_[route.links[static_cast<std::size_t>(hop)].index()]);
  }

 private:
  const Cluster& cluster_;
  std::vector<simgrid::kernel::resource::StandardLinkImpl*> links_;  // by LinkId
  std::vector<HostPlace> places_;                                    // by netpoint
};

// What `simgrid.md` §2 found to make CM02 exactly max-min fair.
void configure() {
  xbt_log_control_set("xbt_cfg.thres:warning");
  xbt_log_control_set("root.thres:critical");
  for (const char* option : {"network/model:CM02", "network/crosstraffic:no",
                             "network/TCP-gamma:1e30", "surf/precision:1e-12"})
    s4u::Engine::set_config(std::string(option));
}

}  // namespace

Platform::Platform(const Cluster& cluster) : engine_(std::make_unique<s4u::Engine>("moesim")) {
  configure();
  auto* zone = new ComputedZone(cluster);
  s4u::NetZone* face = zone->get_iface();
  for (const GpuId gpu : IdRange<GpuId>(cluster.gpus())) {
    for (const RouteRule rule : {RouteRule::kDirect, RouteRule::kPxn, RouteRule::kSourceRail}) {
      const std::string name = fmt::format("gpu{}.rule{}", gpu.value, static_cast<int>(rule));
      hosts_.push_back(face->create_host(name, 1));
      zone->add_host(hosts_.back(), {.gpu = gpu, .rule = rule});
    }
    if (!cluster.host()) continue;
    for (const Store store : {Store::kHost, Store::kDisk}) {
      const std::string name = fmt::format("gpu{}.store{}", gpu.value, static_cast<int>(store));
      store_hosts_.push_back(face->create_host(name, 1));
      zone->add_host(store_hosts_.back(), {.gpu = gpu, .store = store});
    }
  }
  for (const Link& link : cluster.links())
    zone->add_link(face->create_link(link.name, link.bandwidth.value * kScale));
  face->seal();
}

Platform::~Platform() = default;

}  // namespace moesim
