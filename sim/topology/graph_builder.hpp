// Puts the graph of a cluster together, for the topologies: vertices, two-way ports, and the parts
// that several topologies share.
#pragma once

#include <string>
#include <vector>

#include "sim/model/cluster_graph.hpp"
#include "sim/topology/topology.hpp"

namespace moesim {

// How the way up from a leaf is narrower than its ports.
struct Spine {
  double oversubscription = 1;
  double hash_loss = 0;  // share of its bandwidth
};
std::vector<Parameter> spine_parameters();
Spine spine_of(const Arguments& arguments);

class GraphBuilder {
 public:
  explicit GraphBuilder(const ClusterSpec& spec) : spec_(spec) {}

  // GPUs node by node, not yet wired. Call once.
  void add_gpus();
  Vertex gpu(int node, int index) const;

  Vertex add(VertexKind kind, const std::string& name, NodeId node = {});
  // Two directed links between two vertices: `from` → `to` is NAME + `there`, the other way is
  // NAME + `back`.
  void connect(Vertex from, Vertex to, const std::string& name, const Link& port,
               const std::string& there = "_out", const std::string& back = "_in");

  // NICs of every node, each on the PCIe port of the GPUs that use it: one of their own where there
  // are as many as GPUs, else shared by neighbours.
  void add_nics_beside_gpus();
  // A NIC that is not wired to its GPUs yet.
  void add_nic(int node, int index);
  Vertex nic(int node, int index) const;

  void connect_nic(int node, int index, Vertex leaf);
  // Joins leaves by a spine that does not block itself. `ports` is what faces the nodes of each
  // leaf. One leaf needs no spine.
  void add_spine(const std::vector<Vertex>& leaves, const std::vector<std::string>& names,
                 BytesPerSecond ports, const Spine& spine);

  // Adds the hosts if they are wanted, and applies the spec's overrides of links.
  Cluster finish() &&;

 private:
  void add_hosts();

  const ClusterSpec& spec_;
  ClusterGraph graph_;
  std::vector<std::vector<Vertex>> gpus_;  // [node][index]
  std::vector<std::vector<Vertex>> nics_;  // [node][index]
};

// Leaf switches of `nodes_per_leaf` nodes with all their NICs, joined by a spine: the fabric of the
// topologies fat_tree and pcie.
std::vector<Parameter> leaf_spine_parameters();
void add_leaf_spine(GraphBuilder& builder, const ClusterSpec& spec, int nodes_per_leaf,
                    const Spine& spine);

// An NVSwitch for the nodes first … end − 1, and every GPU's port to it; none for a GPU alone.
void add_nvswitch(GraphBuilder& builder, const ClusterSpec& spec, int first, int end);
void add_nvswitch_per_node(GraphBuilder& builder, const ClusterSpec& spec);

}  // namespace moesim
