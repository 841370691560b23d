// What is wired to what: builds a Cluster.
#pragma once

#include "sim/base/registry.hpp"
#include "sim/model/cluster.hpp"
#include "sim/topology/overrides.hpp"

namespace moesim {

// Sizes and speeds that every topology is given. Rates are one way.
struct ClusterSpec {
  int nodes = 1;
  int gpus_per_node = 8;
  int nics_per_node = 8;
  GpuSpec gpu;
  BytesPerSecond nvlink_bandwidth;  // of a GPU's port; 0 = no NVLink
  Seconds nvlink_latency;
  BytesPerSecond nic_bandwidth;
  Seconds nic_latency;     // NIC to leaf switch
  Seconds switch_latency;  // of each fabric hop
  HostSpec host;
  bool with_hosts = false;  // wire the hosts: only where something is copied from or to them
  Overrides overrides;
  Spot spot;

  // Of one node, with its overrides.
  int gpus_of(int node) const;
  int nics_of(int node) const;
};

class Topology {
 public:
  static constexpr const char* kRole = "topology";
  virtual ~Topology() = default;
  // Throws InputError where the sizes do not fit each other.
  virtual Cluster build(const ClusterSpec& spec) const = 0;
};

}  // namespace moesim
