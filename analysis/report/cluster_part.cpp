#include "analysis/report/cluster_part.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/report/parts.hpp"

namespace moesim {
namespace {

// Of a list of objects with names, the one with this name; made if it is not there.
Json& named(Json& list, const std::string& name, const Json& fresh) {
  for (Json& each : list)
    if (each.at("name") == name) return each;
  list.push_back({{"name", name}});
  list.back().update(fresh);
  return list.back();
}

std::size_t place_of(const Json& list, const std::string& name) {
  std::size_t place = 0;
  while (list[place].at("name") != name) ++place;
  return place;
}

// "node0.gpu3" → "node0", "gpu3"; a place of no node has no first part.
std::pair<std::string, std::string> node_and_place(const std::string& name) {
  const std::size_t dot = name.find('.');
  if (!name.starts_with("node") || dot == std::string::npos) return {"", name};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

void set_use(Json& place, const char* way, double use, double bytes) {
  place[way] = number_or_null(use);
  if (std::isfinite(bytes)) place["bytes"] = place["bytes"].get<double>() + bytes;
}

const Json kPort = {{"out", nullptr}, {"in", nullptr}, {"bytes", 0.0}};
const Json kLeaf = {{"up", nullptr}, {"down", nullptr}, {"bytes", 0.0}};

// All of them stay where all are idle.
void leave_out_idle(Json& nodes) {
  Json busy = Json::array();
  for (const Json& node : nodes) {
    double bytes = 0;
    for (const char* ports : {"gpus", "nics"})
      for (const Json& port : node.at(ports)) bytes += number_at(port, "bytes");
    if (bytes > 0) busy.push_back(node);
  }
  if (!busy.empty()) nodes = std::move(busy);
}

class Drawing {
 public:
  void add(const std::string& kind, const std::string& from, const std::string& to, double use,
           double bytes) {
    if (kind == "nvlink")
      add_port("gpus", from, to, use, bytes);
    else if (kind == "nic")
      add_nic(from, to, use, bytes);
    else if (kind == "spine")
      add_leaf(from, to, use, bytes);
    else if (kind == "pcie")
      know_gpu(from);
  }
  Json finish(Json part) && {
    for (Json& node : nodes_) {
      const auto by_number = [](const Json& a, const Json& b) {
        const auto key = [](const Json& port) { return port.at("name").get<std::string>(); };
        return std::pair(key(a).size(), key(a)) < std::pair(key(b).size(), key(b));
      };
      std::stable_sort(node["gpus"].begin(), node["gpus"].end(), by_number);
      std::stable_sort(node["nics"].begin(), node["nics"].end(), by_number);
    }
    part["nodes"] = std::move(nodes_);
    part["leaves"] = std::move(leaves_);
    return part;
  }

 private:
  Json& node(const std::string& name) {
    return named(nodes_, name,
                 {{"switch", false}, {"gpus", Json::array()}, {"nics", Json::array()}});
  }
  void know_gpu(const std::string& place) {
    const auto [name, port] = node_and_place(place);
    if (!name.empty() && port.starts_with("gpu")) named(node(name)["gpus"], port, kPort);
  }
  // One end is a GPU.
  void add_port(const char* list, const std::string& from, const std::string& to, double use,
                double bytes) {
    const bool out = node_and_place(from).second.starts_with("gpu");
    const auto [name, port] = node_and_place(out ? from : to);
    if (name.empty()) return;
    Json& own = node(name);
    own["switch"] = true;
    set_use(named(own[list], port, kPort), out ? "out" : "in", use, bytes);
  }
  // One end is a leaf.
  void add_nic(const std::string& from, const std::string& to, double use, double bytes) {
    const bool out = !node_and_place(from).first.empty();
    const auto [name, port] = node_and_place(out ? from : to);
    const std::string& leaf = out ? to : from;
    named(leaves_, leaf, kLeaf);
    Json& nic = named(node(name)["nics"], port, kPort);
    nic["leaf"] = place_of(leaves_, leaf);
    set_use(nic, out ? "out" : "in", use, bytes);
  }
  void add_leaf(const std::string& from, const std::string& to, double use, double bytes) {
    const bool up = to == "spine";
    Json& leaf = named(leaves_, up ? from : to, kLeaf);
    leaf["spine"] = true;
    set_use(leaf, up ? "up" : "down", use, bytes);
  }

  Json nodes_ = Json::array(), leaves_ = Json::array();
};

}  // namespace

Json cluster_part(const CsvColumns& links, const std::string& of) {
  const std::vector<double> use = links.numbers("use"), bytes = links.numbers("bytes_per_step");
  Drawing drawing;
  for (std::size_t i = 0; i < links.rows; ++i)
    drawing.add(links.texts("class")[i], links.texts("from")[i], links.texts("to")[i], use[i],
                bytes[i]);
  const bool pool = links.has("pool");
  Json part = std::move(drawing).finish(
      chart_part("cluster",
                 fmt::format("How busy the links are{}{}, on a drawing of the cluster",
                             of.empty() ? "" : " in steps", of),
                 fmt::format("Share of the time{} in which the link was in use, its busier "
                             "direction. From the top: spine, leaf switches, NICs, GPUs with their "
                             "NVLink ports, NVSwitch. Of a node's NICs on the same leaf, one line "
                             "is the mean. Grey: never in use, or no traffic can fill it.{}",
                             pool ? " of steps" : "",
                             pool ? " Nodes that have no part in them are left out." : "")));
  if (pool) leave_out_idle(part["nodes"]);
  return part;
}

}  // namespace moesim
