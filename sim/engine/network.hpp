// What carries the traffic of exchanges and transfers: one implementation for each fidelity.
//
// A leg of an exchange is opened, then each GPU sends its row of the matrix when its time has come.
// The network tells when a GPU's row has left and when a GPU's column has arrived. The diagonal,
// and entries of 0 bytes, are never sent.
#pragma once

#include <memory>
#include <span>

#include "sim/engine/clock.hpp"
#include "sim/engine/engine.hpp"
#include "sim/engine/route_cache.hpp"
#include "sim/model/network.hpp"

namespace moesim {

class Platform;

// Hears about the legs of one exchange, from events of the clock. Every GPU is told `sent` once
// after it sends, and `received` once after the leg was opened, also where there is nothing to
// carry. At one instant all `sent` come before all `received`.
class LegListener {
 public:
  virtual ~LegListener() = default;
  virtual void sent(int leg, GpuId source) = 0;
  virtual void received(int leg, GpuId target) = 0;
  // A flow to each target begins on both GPUs at `date`, or it ends; that may be ahead of the
  // clock. They are the same GPU where the network does not tell flows apart.
  virtual void flows_began(GpuId source, std::span<const GpuId> targets, Seconds date) = 0;
  virtual void flow_ended(GpuId source, GpuId target, Seconds date) = 0;
};

struct LegRequest {
  const ExchangeLeg* leg = nullptr;  // must live until the leg is closed
  int index = 0;                     // of the leg, as told to the listener
  Phase phase = Phase::kDispatch;
  Schedule schedule;
  LegListener* listener = nullptr;
  int senders = 0;  // GPUs that will send: those of the exchange's groups
};

class Network {
 public:
  Network(const Cluster& cluster, Clock& clock);
  virtual ~Network() = default;

  // Nobody sends yet. The handle is valid until close(), which may be called when every GPU has
  // been told everything.
  virtual int open(const LegRequest& request) = 0;
  virtual void send(int handle, GpuId source) = 0;
  virtual void close(int handle) = 0;

  // One copy of size > 0; `event` comes when it has arrived.
  virtual void copy(const Transfer& transfer, EventHandler& handler, const Event& event) = 0;

  // Of the first byte, on the way from one GPU to another.
  virtual Seconds latency(GpuId source, GpuId target, RouteRule rule) {
    return cluster_.route(source, target, rule).latency;
  }

  const LinkUses& link_uses() const { return uses_; }

 protected:
  // Adds a message to the use of its links; its bytes on the wire.
  double account(const RouteCache::Path& path, Phase phase, double bytes, double inflation) {
    const double wire = bytes * inflation;
    LinkUse& use = uses_[static_cast<std::size_t>(phase)];
    for (const int link : path.links) {
      use.bytes[LinkId(link)] += bytes;
      use.wire_bytes[LinkId(link)] += wire;
    }
    if (path.crosses_spine) use.spine_bytes += bytes;
    return wire;
  }
  Route route_of(const Transfer& transfer) const;
  LinkUse& use_of(Phase phase) { return uses_[static_cast<std::size_t>(phase)]; }
  double inflation(const ExchangeLeg& leg, GpuId source, GpuId target) const {
    return inflation(leg, cluster_.same_domain(source, target));
  }
  static double inflation(const ExchangeLeg& leg, bool is_local) {
    return is_local ? leg.local_inflation : leg.network_inflation;
  }

  const Cluster& cluster_;
  Clock& clock_;

 private:
  LinkUses uses_;
};

std::unique_ptr<Network> make_network(const NetworkOptions& options, const Cluster& cluster,
                                      Clock& clock, Platform& platform);

}  // namespace moesim
