// The ways between a GPU, its node's memory and its node's disks.
//
// They are in the graph only where somebody uses them (topology/host_links.cpp), and no route
// between GPUs leads over them.
#include "sim/base/check.hpp"
#include "sim/model/cluster.hpp"
#include "sim/model/cluster_graph.hpp"

namespace moesim {

void Cluster::find_host_paths(const Spot& spot) {
  const ClusterGraph& graph = *graph_;
  const auto ids = [&](const EdgePath& path) {
    std::vector<LinkId> links;
    for (const Edge edge : path) links.push_back(graph[edge].id);
    return links;
  };
  host_paths_ = IdVector<GpuId, HostPaths>(attachments_.size());
  for (const Vertex vertex : boost::make_iterator_range(vertices(graph))) {
    if (graph[vertex].kind != VertexKind::kCopyEngine) continue;
    HostPaths& paths = host_paths_[graph[vertex].gpu];
    const auto to_memory = shortest_paths(
        graph, vertex, VertexKind::kMemory,
        {VertexKind::kGpu, VertexKind::kPcieSwitch, VertexKind::kHost, VertexKind::kRoot});
    if (to_memory.empty())
      throw InputError(spot, graph[vertex].name + " cannot reach the memory of its node");
    paths.out = ids(to_memory.front());
    paths.in = ids(way_back(graph, to_memory.front(), spot));
    const Vertex memory = target(to_memory.front().back(), graph);
    const auto to_disk = shortest_paths(graph, memory, VertexKind::kDisk, {});
    if (to_disk.empty()) continue;
    paths.write = ids(to_disk.front());
    paths.read = ids(way_back(graph, to_disk.front(), spot));
  }
}

Route Cluster::store_route(GpuId gpu, Store from, Store to) const {
  MOESIM_CHECK(host_ && from != to, "a copy between stores has two ends");
  const HostPaths& paths = host_paths_[gpu];
  Route route;
  const auto append = [&](const std::vector<LinkId>& links) {
    for (const LinkId id : links) route.append(id, link(id).latency);
  };
  if (from == Store::kDisk) append(paths.read);
  if (from == Store::kGpu) append(paths.out);
  if (to == Store::kGpu) append(paths.in);
  if (to == Store::kDisk) append(paths.write);
  return route;
}

}  // namespace moesim
