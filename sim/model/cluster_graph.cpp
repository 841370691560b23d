#include "sim/model/cluster_graph.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

template <class Edges>
BytesPerSecond nic_rate(const ClusterGraph& graph, const Edges& edges) {
  BytesPerSecond sum;
  for (const Edge edge : boost::make_iterator_range(edges))
    if (graph[edge].kind == LinkKind::kNic) sum += graph[edge].bandwidth;
  return sum;
}

}  // namespace

std::vector<EdgePath> shortest_paths(const ClusterGraph& graph, Vertex start, VertexKind goal,
                                     const std::set<VertexKind>& through) {
  std::map<Vertex, EdgePath> reached = {{start, {}}};
  std::vector<Vertex> queue = {start};
  std::vector<EdgePath> found;
  for (std::size_t head = 0; head < queue.size(); ++head) {
    const EdgePath path = reached[queue[head]];
    for (const Edge edge : boost::make_iterator_range(out_edges(queue[head], graph))) {
      const Vertex next = target(edge, graph);
      const VertexKind kind = graph[next].kind;
      if (reached.contains(next) || (kind != goal && !through.contains(kind))) continue;
      EdgePath extended = path;
      extended.push_back(edge);
      if (kind == goal) found.push_back(extended);
      reached[next] = std::move(extended);
      if (through.contains(kind)) queue.push_back(next);
    }
  }
  return found;
}

EdgePath way_back(const ClusterGraph& graph, const EdgePath& path, const Spot& spot) {
  EdgePath back;
  for (auto edge = path.rbegin(); edge != path.rend(); ++edge) {
    const auto [reverse, exists] = boost::edge(target(*edge, graph), source(*edge, graph), graph);
    if (!exists)
      throw InputError(spot, fmt::format("link '{}' has no way back", graph[*edge].name));
    back.push_back(reverse);
  }
  return back;
}

bool can_fill(const ClusterGraph& graph, Edge edge) {
  const auto beside_nics = [&](Vertex vertex) {
    return graph[vertex].kind == VertexKind::kLeaf || graph[vertex].kind == VertexKind::kNic;
  };
  const Link& link = graph[edge];
  if (link.kind != LinkKind::kPcie && link.kind != LinkKind::kSpine) return true;
  const Vertex tail = source(edge, graph);
  const Vertex head = target(edge, graph);
  if (beside_nics(tail) && nic_rate(graph, in_edges(tail, graph)) <= link.bandwidth) return false;
  return !beside_nics(head) || nic_rate(graph, out_edges(head, graph)) > link.bandwidth;
}

int number_vertices(ClusterGraph& graph, const std::set<VertexKind>& kinds) {
  int count = 0;
  for (const Vertex vertex : boost::make_iterator_range(vertices(graph)))
    if (kinds.contains(graph[vertex].kind)) graph[vertex].number = count++;
  return count;
}

}  // namespace moesim
