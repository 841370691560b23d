// Host memory and disks of the nodes, after everything else, so that other links keep their
// numbers.
//
// A GPU's copy engine has a link of its own, as fast as copies get. Where GPUs hang on PCIe
// switches (topology pcie), what it carries goes on over the ports that GPUs use among themselves.
// Where a GPU and its NIC share a PCIe port, that is left out: they are taken to have a port each.
#include <fmt/format.h>

#include "sim/topology/graph_builder.hpp"

namespace moesim {

void GraphBuilder::add_hosts() {
  const HostSpec& host = spec_.host;
  std::vector<std::optional<Vertex>> roots(gpus_.size());
  for (const Vertex vertex : boost::make_iterator_range(vertices(graph_)))
    if (graph_[vertex].kind == VertexKind::kHost) roots[graph_[vertex].node.index()] = vertex;
  for (std::size_t node = 0; node < gpus_.size(); ++node) {
    const std::string name = fmt::format("node{}", node);
    const NodeId id(node);
    const bool switched = roots[node].has_value();
    const Vertex root = switched ? *roots[node] : add(VertexKind::kRoot, name + ".root", id);
    for (const Vertex gpu : gpus_[node]) {
      const Vertex engine = add(VertexKind::kCopyEngine, graph_[gpu].name + ".copy", id);
      graph_[engine].gpu = graph_[gpu].gpu;
      connect(engine, switched ? gpu : root, graph_[gpu].name + ".host",
              {.kind = LinkKind::kHost, .bandwidth = host.bandwidth, .latency = host.latency});
    }
    const Vertex memory = add(VertexKind::kMemory, name + ".memory", id);
    connect(root, memory, name + ".memory",
            {.kind = LinkKind::kHost, .bandwidth = host.memory_bandwidth}, "_in", "_out");
    connect(memory, add(VertexKind::kDisk, name + ".disk", id), name + ".disk",
            {.kind = LinkKind::kDisk, .bandwidth = host.disk, .latency = host.disk_latency}, "_in",
            "_out");
  }
}

}  // namespace moesim
