// A Cluster as a SimGrid platform: hosts, links, and a zone that computes routes instead of storing
// them. Link latencies are 0 in SimGrid: whoever starts a flow delays it by its route's latency,
// which keeps CM02 from sharing links by round-trip time.
#pragma once

#include <simgrid/forward.h>

#include <memory>
#include <string>
#include <vector>

#include "sim/model/cluster.hpp"

namespace moesim {

class Platform {
 public:
  // Sizes and rates are multiplied by this for SimGrid, which counts whole bytes.
  static constexpr double kScale = 1 << 20;

  // One per process at a time. `cluster` must outlive it.
  explicit Platform(const Cluster& cluster);
  ~Platform();
  Platform(const Platform&) = delete;
  Platform& operator=(const Platform&) = delete;

  simgrid::s4u::Engine& engine() { return *engine_; }
  // SimGrid tells models apart by their names.
  std::string new_model_name() { return "moesim_fluid" + std::to_string(models_++); }
  // SimGrid asks for a route by its two ends only, so a GPU has a host for each rule; the host of
  // the source decides. Where copies leave the GPUs, there are hosts for the stores of each GPU's
  // node, too.
  simgrid::s4u::Host* host(GpuId gpu, RouteRule rule, Store store = Store::kGpu) const {
    return store == Store::kGpu ? hosts_[gpu.index() * kRules + static_cast<std::size_t>(rule)]
                                : store_hosts_[gpu.index() * 2 + (store == Store::kDisk)];
  }

 private:
  static constexpr std::size_t kRules = 3;
  std::unique_ptr<simgrid::s4u::Engine> engine_;
  int models_ = 0;
  std::vector<simgrid::s4u::Host*> hosts_;        // [gpus × rules]
  std::vector<simgrid::s4u::Host*> store_hosts_;  // [gpus × (memory, disk)], if any
};

}  // namespace moesim
