// The graph of a cluster: its vertices and directed links, and searches in it. Apart from
// cluster.hpp, because few need more than routes.
#pragma once

#include <boost/graph/adjacency_list.hpp>
#include <set>
#include <string>
#include <vector>

#include "sim/model/cluster.hpp"

namespace moesim {

// kHost is a PCIe root that GPUs reach each other through, kRoot one that only leads to memory. A
// copy engine is a GPU's end of its traffic with the host.
enum class VertexKind {
  kGpu,
  kNvSwitch,
  kPcieSwitch,
  kHost,
  kNic,
  kLeaf,
  kSpine,
  kCopyEngine,
  kRoot,
  kMemory,
  kDisk
};

struct ClusterVertex {
  VertexKind kind = VertexKind::kGpu;
  std::string name;  // "node0.gpu3", "leaf.rail2", …
  NodeId node;       // none for leaf and spine switches
  GpuId gpu;         // of a GPU
  int number = -1;   // set by Cluster: of a leaf, or of a domain (NVSwitch or host), from 0
};

class ClusterGraph : public boost::adjacency_list<boost::vecS, boost::vecS, boost::bidirectionalS,
                                                  ClusterVertex, Link> {};

using Vertex = boost::graph_traits<ClusterGraph>::vertex_descriptor;
using Edge = boost::graph_traits<ClusterGraph>::edge_descriptor;
using EdgePath = std::vector<Edge>;

// Shortest paths from `start` to every vertex of kind `goal`, through vertices of the kinds
// `through` only; the nearest first, equally near ones in the order of the graph.
std::vector<EdgePath> shortest_paths(const ClusterGraph& graph, Vertex start, VertexKind goal,
                                     const std::set<VertexKind>& through);

// The same ports in the other direction. Throws InputError at `spot` where a link has no way back.
EdgePath way_back(const ClusterGraph& graph, const EdgePath& path, const Spot& spot);

// Whether traffic can fill the link. PCIe in front of a slower NIC, or the uplink of a leaf that is
// not oversubscribed, never limits a flow. Only links beside NIC links are judged, and NIC links
// always count as fillable, so that no two links can excuse each other.
bool can_fill(const ClusterGraph& graph, Edge edge);

// Numbers the vertices of some kinds 0, 1, …, in the order of the graph; how many there are.
int number_vertices(ClusterGraph& graph, const std::set<VertexKind>& kinds);

}  // namespace moesim
