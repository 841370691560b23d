// The rates that efficiencies of exchanges and collectives refer to.
#pragma once

#include "sim/model/cluster.hpp"
#include "sim/model/exchange_cost.hpp"

namespace moesim {

// The fastest NVLink port (PCIe where there is none) and the fastest NIC; 0 = the cluster has none.
PortRates port_rates(const Cluster& cluster);

}  // namespace moesim
