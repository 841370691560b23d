#include "sim/topology/graph_builder.hpp"

#include <fmt/format.h>

namespace moesim {

void GraphBuilder::add_gpus() {
  gpus_.resize(static_cast<std::size_t>(spec_.nodes));
  nics_.resize(static_cast<std::size_t>(spec_.nodes));
  int number = 0;
  for (int node = 0; node < spec_.nodes; ++node) {
    for (int index = 0; index < spec_.gpus_of(node); ++index) {
      const Vertex vertex =
          add(VertexKind::kGpu, fmt::format("node{}.gpu{}", node, index), NodeId(node));
      graph_[vertex].gpu = GpuId(number++);
      gpus_[static_cast<std::size_t>(node)].push_back(vertex);
    }
  }
}

Vertex GraphBuilder::gpu(int node, int index) const {
  return gpus_[static_cast<std::size_t>(node)][static_cast<std::size_t>(index)];
}

Vertex GraphBuilder::add(VertexKind kind, const std::string& name, NodeId node) {
  return add_vertex({.kind = kind, .name = name, .node = node}, graph_);
}

void GraphBuilder::connect(Vertex from, Vertex to, const std::string& name, const Link& port,
                           const std::string& there, const std::string& back) {
  Link link = port;
  link.name = name + there;
  add_edge(from, to, link, graph_);
  link.name = name + back;
  add_edge(to, from, link, graph_);
}

void GraphBuilder::add_nic(int node, int index) {
  nics_[static_cast<std::size_t>(node)].push_back(
      add(VertexKind::kNic, fmt::format("node{}.nic{}", node, index), NodeId(node)));
}

Vertex GraphBuilder::nic(int node, int index) const {
  return nics_[static_cast<std::size_t>(node)][static_cast<std::size_t>(index)];
}

void GraphBuilder::add_nics_beside_gpus() {
  for (int node = 0; node < spec_.nodes; ++node) {
    const int gpus = spec_.gpus_of(node), nics = spec_.nics_of(node);
    for (int index = 0; index < nics; ++index) add_nic(node, index);
    for (int wire = 0; nics > 0 && wire < std::max(gpus, nics); ++wire) {
      const int index = gpus >= nics ? wire : wire * gpus / nics;
      const int port = gpus >= nics ? wire * nics / gpus : wire;
      const std::string name = gpus >= nics ? fmt::format("node{}.gpu{}.pcie", node, index)
                                            : fmt::format("node{}.gpu{}.pcie{}", node, index, port);
      connect(gpu(node, index), nic(node, port), name,
              {.kind = LinkKind::kPcie, .bandwidth = spec_.gpu.pcie});
    }
  }
}

void GraphBuilder::connect_nic(int node, int index, Vertex leaf) {
  connect(nic(node, index), leaf, graph_[nic(node, index)].name,
          {.kind = LinkKind::kNic, .bandwidth = spec_.nic_bandwidth, .latency = spec_.nic_latency});
}

void GraphBuilder::add_spine(const std::vector<Vertex>& leaves,
                             const std::vector<std::string>& names, BytesPerSecond ports,
                             const Spine& spine) {
  if (leaves.size() < 2) return;
  const Vertex top = add(VertexKind::kSpine, "spine");
  for (std::size_t leaf = 0; leaf < leaves.size(); ++leaf) {
    connect(leaves[leaf], top, names[leaf],
            {.kind = LinkKind::kSpine,
             .bandwidth = ports / spine.oversubscription * (1 - spine.hash_loss),
             .latency = spec_.switch_latency,
             .hash_loss = spine.hash_loss},
            "_up", "_down");
  }
}

Cluster GraphBuilder::finish() && {
  if (spec_.with_hosts) add_hosts();
  apply_overrides(graph_, spec_.overrides.links);
  // Where two GPUs can no longer reach each other, the missing link is the place to look at.
  Spot spot = spec_.spot;
  for (const LinkOverride& link : spec_.overrides.links)
    if (link.missing) spot = link.spot;
  return Cluster(std::move(graph_), spec_.gpu, spot,
                 spec_.with_hosts ? std::optional(spec_.host) : std::nullopt);
}

std::vector<Parameter> spine_parameters() {
  return {{.name = "oversubscription",
           .type = ParameterType::kNumber,
           .doc = "bandwidth of a leaf towards the nodes / towards the spine; 1 = non-blocking",
           .fallback = "1",
           .minimum = 1},
          {.name = "hash_loss",
           .type = ParameterType::kNumber,
           .doc = "share of the way to the spine that is lost where flows hash to the same path "
                  "(static ECMP); 0 = adaptive routing",
           .fallback = "0",
           .minimum = 0,
           .maximum = 0.99}};
}

Spine spine_of(const Arguments& arguments) {
  return {.oversubscription = arguments.number("oversubscription"),
          .hash_loss = arguments.number("hash_loss")};
}

std::vector<Parameter> leaf_spine_parameters() {
  std::vector<Parameter> parameters = spine_parameters();
  parameters.insert(parameters.begin(),
                    {.name = "nodes_per_leaf",
                     .type = ParameterType::kInteger,
                     .doc = "nodes that hang on one leaf switch, with all their NICs",
                     .fallback = "4",
                     .minimum = 1});
  return parameters;
}

void add_leaf_spine(GraphBuilder& builder, const ClusterSpec& spec, int nodes_per_leaf,
                    const Spine& spine) {
  int nics = 0;
  for (int node = 0; node < spec.nodes; ++node) nics += spec.nics_of(node);
  if (nics == 0) return;
  std::vector<Vertex> leaves;
  std::vector<std::string> names;
  for (int node = 0; node < spec.nodes; ++node) {
    if (node % nodes_per_leaf == 0) {
      names.push_back(fmt::format("leaf{}", node / nodes_per_leaf));
      leaves.push_back(builder.add(VertexKind::kLeaf, names.back()));
    }
    for (int index = 0; index < spec.nics_of(node); ++index)
      builder.connect_nic(node, index, leaves.back());
  }
  builder.add_spine(leaves, names, spec.nic_bandwidth * (nodes_per_leaf * spec.nics_per_node),
                    spine);
}

void add_nvswitch(GraphBuilder& builder, const ClusterSpec& spec, int first, int end) {
  int gpus = 0;
  for (int node = first; node < end; ++node) gpus += spec.gpus_of(node);
  if (gpus < 2) return;
  const auto nvswitch = builder.add(VertexKind::kNvSwitch, fmt::format("node{}.nvswitch", first),
                                    end - first == 1 ? NodeId(first) : NodeId());
  for (int node = first; node < end; ++node) {
    for (int index = 0; index < spec.gpus_of(node); ++index)
      builder.connect(builder.gpu(node, index), nvswitch,
                      fmt::format("node{}.gpu{}.nvlink", node, index),
                      {.kind = LinkKind::kNvLink,
                       .bandwidth = spec.nvlink_bandwidth,
                       .latency = spec.nvlink_latency});
  }
}

void add_nvswitch_per_node(GraphBuilder& builder, const ClusterSpec& spec) {
  for (int node = 0; node < spec.nodes; ++node) add_nvswitch(builder, spec, node, node + 1);
}

}  // namespace moesim
