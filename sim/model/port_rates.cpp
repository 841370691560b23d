#include "sim/model/port_rates.hpp"

#include <algorithm>

namespace moesim {

PortRates port_rates(const Cluster& cluster) {
  BytesPerSecond nvlink, pcie, nic;
  for (const Link& link : cluster.links()) {
    if (link.kind == LinkKind::kNvLink) nvlink = std::max(nvlink, link.bandwidth);
    if (link.kind == LinkKind::kPcie) pcie = std::max(pcie, link.bandwidth);
    if (link.kind == LinkKind::kNic) nic = std::max(nic, link.bandwidth);
  }
  return {.nvlink = nvlink.value > 0 ? nvlink : pcie, .nic = nic};
}

}  // namespace moesim
