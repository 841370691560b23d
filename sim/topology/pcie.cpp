// Nodes without NVLink: GPUs and NICs on PCIe switches, the switches on the host's root complex.
// Two GPUs of a switch talk through it; others cross the host. A switch's port to the host is as
// wide as a GPU's. The fabric is leaf and spine.
#include <fmt/format.h>

#include "sim/topology/graph_builder.hpp"

namespace moesim {
namespace {

class Pcie final : public Topology {
 public:
  explicit Pcie(const Arguments& arguments)
      : gpus_per_switch_(arguments.integer("gpus_per_switch")),
        nodes_per_leaf_(arguments.integer("nodes_per_leaf")),
        spine_(spine_of(arguments)) {}

  Cluster build(const ClusterSpec& spec) const final {
    if (spec.nvlink_bandwidth.value > 0)
      throw InputError(spec.spot, "topology 'pcie' has no NVLink",
                       "write nvlink_bandwidth: 0 GB/s, or choose another topology");
    GraphBuilder builder(spec);
    builder.add_gpus();
    for (int node = 0; node < spec.nodes; ++node) add_node(builder, spec, node);
    add_leaf_spine(builder, spec, nodes_per_leaf_, spine_);
    return std::move(builder).finish();
  }

 private:
  void add_node(GraphBuilder& builder, const ClusterSpec& spec, int node) const {
    const Link port = {.kind = LinkKind::kPcie, .bandwidth = spec.gpu.pcie};
    const NodeId id(node);
    const auto host = builder.add(VertexKind::kHost, fmt::format("node{}.host", node), id);
    const int gpus = spec.gpus_of(node), nics = spec.nics_of(node);
    const int switches = (gpus + gpus_per_switch_ - 1) / gpus_per_switch_;
    std::vector<Vertex> pcie;
    for (int index = 0; index < switches; ++index) {
      const std::string name = fmt::format("node{}.pcie{}", node, index);
      pcie.push_back(builder.add(VertexKind::kPcieSwitch, name, id));
      builder.connect(pcie.back(), host, name, port, "_up", "_down");
    }
    for (int index = 0; index < gpus; ++index)
      builder.connect(builder.gpu(node, index),
                      pcie[static_cast<std::size_t>(index / gpus_per_switch_)],
                      fmt::format("node{}.gpu{}.pcie", node, index), port);
    // NICs are dealt over the switches; a switch without one uses the nearest, over the host.
    for (int index = 0; index < nics; ++index) {
      builder.add_nic(node, index);
      builder.connect(pcie[static_cast<std::size_t>(index * switches / nics)],
                      builder.nic(node, index), fmt::format("node{}.nic{}.pcie", node, index),
                      port);
    }
  }

  int gpus_per_switch_ = 0;
  int nodes_per_leaf_ = 0;
  Spine spine_;
};

std::vector<Parameter> parameters() {
  std::vector<Parameter> all = {{.name = "gpus_per_switch",
                                 .type = ParameterType::kInteger,
                                 .doc = "GPUs on one PCIe switch, which share its NICs",
                                 .fallback = "2",
                                 .minimum = 1}};
  for (Parameter& parameter : leaf_spine_parameters()) all.push_back(std::move(parameter));
  return all;
}

const Register<Topology, Pcie> kPcie{
    {.name = "pcie",
     .summary = "GPUs and NICs on PCIe switches, no NVLink; leaf and spine between nodes",
     .parameters = parameters()}};

}  // namespace
}  // namespace moesim
