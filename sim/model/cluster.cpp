// Attachments, fabric paths and routes of a cluster, derived from its graph by breadth-first
// search.
//
// A GPU's up path ends at its NVSwitch, or without one at the PCIe root of its host; two GPUs of
// one domain meet where their up paths join. Its out path leads over PCIe to the nearest NIC and on
// to that NIC's leaf switch.
#include "sim/model/cluster.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "sim/base/check.hpp"
#include "sim/model/cluster_graph.hpp"

namespace moesim {
namespace {

std::vector<LinkId> link_ids(const ClusterGraph& graph, const EdgePath& path) {
  std::vector<LinkId> links;
  for (const Edge edge : path) links.push_back(graph[edge].id);
  return links;
}

}  // namespace

DType GpuSpec::runs_as(DType dtype) const {
  std::vector<DType> wider = {dtype};
  if (dtype == DType::kFp8Block) wider.push_back(DType::kFp8);
  if (dtype != DType::kFloat32) wider.push_back(DType::kBf16);
  wider.push_back(DType::kFloat32);
  for (const DType candidate : wider)
    if (peak.contains(candidate)) return candidate;
  MOESIM_CHECK(false, "a GPU has a bf16 peak");
  return dtype;
}

FlopsPerSecond GpuSpec::peak_of(DType dtype) const { return peak.at(runs_as(dtype)); }

std::string to_string(LinkKind kind) {
  switch (kind) {
    case LinkKind::kNvLink:
      return "nvlink";
    case LinkKind::kPcie:
      return "pcie";
    case LinkKind::kNic:
      return "nic";
    case LinkKind::kSpine:
      return "spine";
    case LinkKind::kHost:
      return "host";
    case LinkKind::kDisk:
      return "disk";
  }
  return "";
}

std::string shown_name(LinkKind kind) {
  switch (kind) {
    case LinkKind::kNvLink:
      return "NVLink";
    case LinkKind::kPcie:
      return "PCIe";
    case LinkKind::kNic:
      return "NIC";
    case LinkKind::kSpine:
      return "spine";
    case LinkKind::kHost:
      return "host";
    case LinkKind::kDisk:
      return "disk";
  }
  return "";
}

void Route::append(LinkId link, Seconds link_latency) {
  MOESIM_CHECK(count < kMaximumLinks, "a route is short");
  links[static_cast<std::size_t>(count++)] = link;
  latency += link_latency;
}

void Cluster::Path::append(const Link& link) {
  if (link.can_fill) links.push_back(link.id);
  latency += link.latency;
}

Cluster::Cluster(ClusterGraph graph, GpuSpec gpu, Spot spot, std::optional<HostSpec> host)
    : gpu_(std::move(gpu)), host_(std::move(host)) {
  number_links(graph, spot);
  number_vertices(graph, {VertexKind::kNvSwitch, VertexKind::kHost});
  find_leaf_paths(graph);
  graph_ = std::make_shared<const ClusterGraph>(std::move(graph));
  number_gpus();
  for (const Vertex vertex : boost::make_iterator_range(vertices(*graph_))) {
    const ClusterVertex& at = (*graph_)[vertex];
    if (at.kind != VertexKind::kGpu) continue;
    attach_domain(at.gpu, vertex, spot);
    attach_nic(attachments_[at.gpu], vertex, spot);
  }
  check_reachable(spot);
  if (host_) find_host_paths(spot);
}

void Cluster::number_links(ClusterGraph& graph, const Spot& spot) {
  std::set<std::string> names;
  for (const Edge edge : boost::make_iterator_range(edges(graph))) {
    Link& link = graph[edge];
    if (!(link.bandwidth.value > 0) || !std::isfinite(link.bandwidth.value))
      throw InputError(spot, fmt::format("link '{}' must have a bandwidth above 0", link.name));
    MOESIM_CHECK(link.latency.value >= 0, "latencies are read with a range");
    MOESIM_CHECK(names.insert(link.name).second, "link names are unique");
    link.id = LinkId(names.size() - 1);
  }
  for (const Edge edge : boost::make_iterator_range(edges(graph))) {
    graph[edge].can_fill = can_fill(graph, edge);
    links_.push_back(graph[edge]);
  }
}

void Cluster::number_gpus() {
  const ClusterGraph& graph = *graph_;
  std::map<GpuId, NodeId> nodes;
  for (const Vertex vertex : boost::make_iterator_range(vertices(graph)))
    if (graph[vertex].kind == VertexKind::kGpu) nodes[graph[vertex].gpu] = graph[vertex].node;
  attachments_ = IdVector<GpuId, Attachment>(nodes.size());
  domains_ = IdVector<GpuId, int>(nodes.size(), -1);
  for (const auto& [gpu, node] : nodes) {
    MOESIM_CHECK(gpu.valid() && gpu.value < gpus(), "GPUs are numbered from 0");
    MOESIM_CHECK(node.value == nodes_ || node.value == nodes_ - 1, "GPUs come node by node");
    if (node.value == nodes_) gpus_of_node_.raw().emplace_back();
    nodes_ = node.value + 1;
    attachments_[gpu].node = node;
    attachments_[gpu].rail = static_cast<int>(gpus_of_node_[node].size());
    gpus_of_node_[node].push_back(gpu);
  }
}

void Cluster::find_leaf_paths(ClusterGraph& graph) {
  const int leaves = number_vertices(graph, {VertexKind::kLeaf});
  const auto count = static_cast<std::size_t>(leaves);
  leaf_paths_.assign(count, std::vector<std::optional<Path>>(count));
  for (const Vertex vertex : boost::make_iterator_range(vertices(graph))) {
    if (graph[vertex].kind != VertexKind::kLeaf) continue;
    auto& row = leaf_paths_[static_cast<std::size_t>(graph[vertex].number)];
    row[static_cast<std::size_t>(graph[vertex].number)] = Path{};
    for (const EdgePath& edges : shortest_paths(graph, vertex, VertexKind::kLeaf,
                                                {VertexKind::kLeaf, VertexKind::kSpine})) {
      Path path;
      for (const Edge edge : edges) path.append(graph[edge]);
      row[static_cast<std::size_t>(graph[target(edges.back(), graph)].number)] = path;
    }
  }
}

void Cluster::attach_domain(GpuId gpu, std::size_t vertex, const Spot& spot) {
  const ClusterGraph& graph = *graph_;
  auto up = shortest_paths(graph, vertex, VertexKind::kNvSwitch, {});
  if (up.empty()) up = shortest_paths(graph, vertex, VertexKind::kHost, {VertexKind::kPcieSwitch});
  if (up.empty()) return;
  domains_[gpu] = graph[target(up.front().back(), graph)].number;
  attachments_[gpu].up = link_ids(graph, up.front());
  attachments_[gpu].down = link_ids(graph, way_back(graph, up.front(), spot));
}

// The nearest NIC that is wired to a leaf, over PCIe; without one, a NIC of another GPU of the
// domain, over NVLink. GPUs that have several equally near take turns.
void Cluster::attach_nic(Attachment& attachment, std::size_t vertex, const Spot& spot) const {
  const ClusterGraph& graph = *graph_;
  const std::set<VertexKind> pcie = {VertexKind::kPcieSwitch, VertexKind::kHost};
  std::set<VertexKind> any = pcie;
  any.insert({VertexKind::kGpu, VertexKind::kNvSwitch});
  std::vector<EdgePath> to_leaf;  // through a NIC, the nearest first
  for (const auto& through : {pcie, any}) {
    for (EdgePath& path : shortest_paths(graph, vertex, VertexKind::kNic, through)) {
      const auto beyond = shortest_paths(graph, target(path.back(), graph), VertexKind::kLeaf, {});
      if (beyond.empty()) continue;
      path.push_back(beyond.front().front());
      to_leaf.push_back(std::move(path));
    }
    if (!to_leaf.empty()) break;
  }
  if (to_leaf.empty()) return;
  std::erase_if(to_leaf, [nearest = to_leaf.front().size()](const EdgePath& path) {
    return path.size() > nearest;
  });
  const EdgePath& out = to_leaf[static_cast<std::size_t>(attachment.rail) % to_leaf.size()];
  attachment.leaf = graph[target(out.back(), graph)].number;
  for (const Edge edge : out) attachment.out.append(graph[edge]);
  for (const Edge edge : way_back(graph, out, spot)) attachment.in.append(graph[edge]);
}

// Two GPUs of one domain reach each other. Otherwise both need a NIC, and their leaves a way.
void Cluster::check_reachable(const Spot& spot) const {
  const auto refuse = [&](GpuId a, GpuId b) {
    const auto name = [](const Attachment& at) {
      return fmt::format("node{}.gpu{}", at.node.value, at.rail);
    };
    throw InputError(spot,
                     fmt::format("{} and {} cannot reach each other", name(attachments_[a]),
                                 name(attachments_[b])),
                     "GPUs outside one NVLink domain need NICs (nics_per_node) and a fabric that "
                     "joins them");
  };
  // Two GPUs of each leaf (−1 = no NIC), of different domains where there are such.
  std::map<int, std::vector<GpuId>> samples;
  for (const GpuId gpu : attachments_.ids()) {
    std::vector<GpuId>& sample = samples[attachments_[gpu].leaf];
    if (sample.empty() || (sample.size() == 1 && !same_domain(sample.front(), gpu)))
      sample.push_back(gpu);
  }
  for (const auto& [from, sources] : samples) {
    for (const auto& [to, targets] : samples) {
      if (from >= 0 && to >= 0 && leaf_path(from, to)) continue;
      for (const GpuId a : sources)
        for (const GpuId b : targets)
          if (a != b && !same_domain(a, b)) refuse(std::min(a, b), std::max(a, b));
    }
  }
}

GpuId Cluster::rail_peer(NodeId node, GpuId gpu) const {
  const std::vector<GpuId>& members = gpus_of(node);
  return members[static_cast<std::size_t>(rail_of(gpu)) % members.size()];
}

// Up to where the two up paths join, and down again.
void Cluster::append_local(Route& route, GpuId source, GpuId target) const {
  const std::vector<LinkId>& up = attachments_[source].up;
  const std::vector<LinkId>& other = attachments_[target].up;
  const std::vector<LinkId>& down = attachments_[target].down;
  std::size_t shared = 0;
  while (shared < std::min(up.size(), other.size()) &&
         up[up.size() - 1 - shared] == other[other.size() - 1 - shared])
    ++shared;
  for (std::size_t i = 0; i + shared < up.size(); ++i) route.append(up[i], link(up[i]).latency);
  for (std::size_t i = shared; i < down.size(); ++i) route.append(down[i], link(down[i]).latency);
}

void Cluster::append_fabric(Route& route, GpuId source, GpuId target) const {
  const Attachment& from = attachments_[source];
  const Attachment& to = attachments_[target];
  route.crosses_spine = from.leaf != to.leaf;
  for (const Path* path : {&from.out, &*leaf_path(from.leaf, to.leaf), &to.in}) {
    for (const LinkId id : path->links) route.append(id, Seconds(0));
    route.latency += path->latency;
  }
}

Route Cluster::route(GpuId source, GpuId target, RouteRule rule) const {
  MOESIM_CHECK(source != target, "a GPU sends nothing to itself over a wire");
  Route route;
  if (same_domain(source, target)) {
    append_local(route, source, target);
    return route;
  }
  const GpuId before = rail_peer(node_of(source), target);
  const GpuId after = rail_peer(node_of(target), source);
  if (rule == RouteRule::kPxn && before != source && same_domain(source, before)) {
    append_local(route, source, before);
    route.relay = before;
    route.relay_after = route.count;
    append_fabric(route, before, target);
  } else if (rule == RouteRule::kSourceRail && after != target && same_domain(after, target)) {
    append_fabric(route, source, after);
    route.relay = after;
    route.relay_after = route.count;
    append_local(route, after, target);
  } else {
    append_fabric(route, source, target);
  }
  return route;
}

}  // namespace moesim
