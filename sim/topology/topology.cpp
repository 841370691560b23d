#include "sim/topology/topology.hpp"

namespace moesim {

int ClusterSpec::gpus_of(int node) const {
  int gpus = gpus_per_node;
  for (const NodeOverride& override : overrides.nodes)
    if (override.node == node) gpus = override.gpus.value_or(gpus);
  return gpus;
}

int ClusterSpec::nics_of(int node) const {
  int nics = nics_per_node;
  for (const NodeOverride& override : overrides.nodes)
    if (override.node == node) nics = override.nics.value_or(nics);
  return nics;
}

}  // namespace moesim
