#include "sim/solve/max_flow.hpp"

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/push_relabel_max_flow.hpp>

namespace moesim {
namespace {

using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;

struct ArcState {
  std::int64_t capacity = 0, residual = 0;
  Traits::edge_descriptor reverse;
};
using Graph =
    boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, boost::no_property, ArcState>;

Traits::edge_descriptor add_arc(Graph& graph, const CapacityNetwork::Arc& arc) {
  const auto from = static_cast<std::size_t>(arc.from), to = static_cast<std::size_t>(arc.to);
  const auto forward = boost::add_edge(from, to, {.capacity = arc.capacity}, graph).first;
  const auto back = boost::add_edge(to, from, {}, graph).first;
  graph[forward].reverse = back;
  graph[back].reverse = forward;
  return forward;
}

std::vector<bool> reached_from(const Graph& graph, std::size_t start) {
  std::vector<bool> reached(boost::num_vertices(graph));
  std::vector<std::size_t> open{start};
  reached[start] = true;
  while (!open.empty()) {
    const std::size_t node = open.back();
    open.pop_back();
    for (const auto& arc : boost::make_iterator_range(boost::out_edges(node, graph))) {
      const std::size_t next = boost::target(arc, graph);
      if (reached[next] || graph[arc].residual == 0) continue;
      reached[next] = true;
      open.push_back(next);
    }
  }
  return reached;
}

}  // namespace

MaxFlow max_flow(const CapacityNetwork& network) {
  Graph graph(static_cast<std::size_t>(network.nodes));
  std::vector<Traits::edge_descriptor> arcs;
  for (const CapacityNetwork::Arc& arc : network.arcs) arcs.push_back(add_arc(graph, arc));
  MaxFlow result;
  result.value = boost::push_relabel_max_flow(
      graph, static_cast<std::size_t>(network.source), static_cast<std::size_t>(network.sink),
      boost::get(&ArcState::capacity, graph), boost::get(&ArcState::residual, graph),
      boost::get(&ArcState::reverse, graph), boost::get(boost::vertex_index, graph));
  for (const auto& arc : arcs) result.flow.push_back(graph[arc].capacity - graph[arc].residual);
  result.reached = reached_from(graph, static_cast<std::size_t>(network.source));
  return result;
}

}  // namespace moesim
