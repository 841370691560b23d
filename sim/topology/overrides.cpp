#include "sim/topology/overrides.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "sim/model/cluster_graph.hpp"

namespace moesim {
namespace {

// '*' stands for any text.
bool matches(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern.front() != '*')
    return !name.empty() && pattern.front() == name.front() &&
           matches(pattern.substr(1), name.substr(1));
  for (std::size_t skip = 0; skip <= name.size(); ++skip)
    if (matches(pattern.substr(1), name.substr(skip))) return true;
  return false;
}

// "node0.nic3" of "node0.nic3_out": links are named after their port and direction.
std::string_view port_of(std::string_view link) { return link.substr(0, link.rfind('_')); }

std::vector<Edge> find_links(const ClusterGraph& graph, const LinkOverride& wanted) {
  std::vector<Edge> found;
  std::vector<std::string> names;
  for (const Edge edge : boost::make_iterator_range(edges(graph))) {
    const std::string& name = graph[edge].name;
    const std::string port(port_of(name));
    if (matches(wanted.pattern, port) || (!wanted.missing && matches(wanted.pattern, name)) ||
        (wanted.missing && matches(port_of(wanted.pattern), port)))
      found.push_back(edge);
    names.push_back(port);
  }
  if (found.empty())
    throw InputError(wanted.spot, fmt::format("no link is called '{}'", wanted.pattern),
                     hint_for(wanted.pattern, names));
  return found;
}

void change(Link& link, const LinkOverride& override) {
  if (override.bandwidth) link.bandwidth = *override.bandwidth;
  if (override.latency) link.latency = *override.latency;
  link.bandwidth = link.bandwidth * (1 - override.background);
  link.background = 1 - (1 - link.background) * (1 - override.background);
}

void read_node(const Arguments& arguments, int nodes, Overrides& overrides, Mistakes& mistakes) {
  NodeOverride node{.node = arguments.integer("node")};
  if (node.node >= nodes)
    mistakes.add(arguments.spot("node"), fmt::format("there is no node {}", node.node),
                 fmt::format("the cluster's nodes are 0 to {}", nodes - 1));
  if (arguments.has("gpus")) node.gpus = arguments.integer("gpus");
  if (arguments.has("nics")) node.nics = arguments.integer("nics");
  overrides.nodes.push_back(node);
}

void read_link(const Arguments& arguments, Overrides& overrides) {
  LinkOverride link{.pattern = arguments.text("link"),
                    .background = arguments.number("background"),
                    .missing = arguments.flag("missing"),
                    .spot = arguments.spot("link")};
  if (arguments.has("bandwidth")) link.bandwidth = arguments.rate("bandwidth");
  if (arguments.has("latency")) link.latency = arguments.time("latency");
  overrides.links.push_back(std::move(link));
}

void read_one(const YamlNode& item, int nodes, Overrides& overrides, Mistakes& mistakes,
              YamlNode& resolved) {
  Mistakes own;
  const Arguments arguments = read_arguments(item, override_parameters(), own, "an override");
  if (own.empty() && arguments.has("node") == arguments.has("link"))
    own.add(item.spot, "an override names either a node or a link",
            "for example {link: node0.nic3, bandwidth: 100 Gb/s}");
  if (own.empty()) {
    const bool of_node = arguments.has("node");
    for (const NodeEntry& entry : item.entries)
      if (entry.key != "node" && entry.key != "link" &&
          of_node != (entry.key == "gpus" || entry.key == "nics"))
        own.add(entry.spot, fmt::format("{} is not a key of a {}", entry.key,
                                        of_node ? "node's override" : "link's override"));
    if (of_node) {
      read_node(arguments, nodes, overrides, own);
    } else {
      read_link(arguments, overrides);
    }
    resolved.items.push_back(item);
  }
  mistakes.add(own);
}

}  // namespace

std::vector<Parameter> override_parameters() {
  return {{.name = "node",
           .type = ParameterType::kInteger,
           .doc = "a node, from 0, that has other counts",
           .minimum = 0},
          {.name = "gpus",
           .type = ParameterType::kInteger,
           .doc = "its GPUs",
           .minimum = 1,
           .maximum = 1024},
          {.name = "nics",
           .type = ParameterType::kInteger,
           .doc = "its NICs",
           .minimum = 0,
           .maximum = 1024},
          {.name = "link",
           .doc = "links as the link report names them (node0.nic3_out), or both directions of a "
                  "port (node0.nic3); * is any text"},
          {.name = "bandwidth",
           .type = ParameterType::kRate,
           .doc = "one way",
           .minimum = 0,
           .above_minimum = true},
          {.name = "latency", .type = ParameterType::kTime, .doc = "one way", .minimum = 0},
          {.name = "background",
           .type = ParameterType::kNumber,
           .doc = "share of the bandwidth that other traffic takes all the time",
           .fallback = "0",
           .minimum = 0,
           .maximum = 0.99},
          {.name = "missing",
           .type = ParameterType::kFlag,
           .doc = "take the port out, both directions; traffic takes another way if there is one",
           .fallback = "false"}};
}

Overrides read_overrides(const YamlNode& list, int nodes, Mistakes& mistakes, YamlNode& resolved) {
  Overrides overrides;
  resolved = YamlNode::list();
  if (!list.is_list()) {
    mistakes.add(list.spot, "overrides must be a list",
                 "for example [{link: node0.nic3, bandwidth: 100 Gb/s}]");
    return overrides;
  }
  for (const YamlNode& item : list.items) read_one(item, nodes, overrides, mistakes, resolved);
  return overrides;
}

void apply_overrides(ClusterGraph& graph, const std::vector<LinkOverride>& overrides) {
  for (const LinkOverride& override : overrides) {
    for (const Edge edge : find_links(graph, override)) {
      if (override.missing) {
        remove_edge(edge, graph);
      } else {
        change(graph[edge], override);
      }
    }
  }
}

}  // namespace moesim
