// Rail-optimised fabric (NVIDIA DGX SuperPOD): NIC r of every node of a pod is on leaf switch r, so
// that GPUs of the same rail are one hop apart; a spine joins the leaves of all rails and pods. The
// uplinks of a leaf are one fat link (adaptive routing). NVSwitch inside the nodes.
#include <fmt/format.h>

#include <map>

#include "sim/topology/graph_builder.hpp"

namespace moesim {
namespace {

class RailOptimized final : public Topology {
 public:
  explicit RailOptimized(const Arguments& arguments)
      : nodes_per_pod_(arguments.integer("nodes_per_pod")), spine_(spine_of(arguments)) {}

  Cluster build(const ClusterSpec& spec) const final {
    GraphBuilder builder(spec);
    builder.add_gpus();
    add_nvswitch_per_node(builder, spec);
    builder.add_nics_beside_gpus();
    std::vector<Vertex> leaves;
    std::vector<std::string> names;
    std::map<std::pair<int, int>, Vertex> leaf_of;  // (pod, rail)
    for (int node = 0; node < spec.nodes; ++node) {
      const int pod = node / nodes_per_pod_;
      for (int rail = 0; rail < spec.nics_of(node); ++rail) {
        const auto [leaf, is_new] = leaf_of.try_emplace({pod, rail});
        if (is_new) {
          names.push_back(fmt::format("pod{}.leaf{}", pod, rail));
          leaves.push_back(builder.add(VertexKind::kLeaf, names.back()));
          leaf->second = leaves.back();
        }
        builder.connect_nic(node, rail, leaf->second);
      }
    }
    builder.add_spine(leaves, names, spec.nic_bandwidth * nodes_per_pod_, spine_);
    return std::move(builder).finish();
  }

 private:
  int nodes_per_pod_ = 0;
  Spine spine_;
};

const Register<Topology, RailOptimized> kRailOptimized{
    {.name = "rail_optimized",
     .summary = "NVSwitch nodes with a leaf switch per rail and pod, and a spine",
     .source = "NVIDIA DGX SuperPOD reference architecture, compute fabric",
     .parameters = {{.name = "nodes_per_pod",
                     .type = ParameterType::kInteger,
                     .doc = "nodes whose NICs of one rail share a leaf switch",
                     .fallback = "32",
                     .minimum = 1},
                    spine_parameters()[0],
                    spine_parameters()[1]}}};

}  // namespace
}  // namespace moesim
