// --set a.b=c: changes a tree of YAML before anybody reads it.
#include "sim/base/override.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

struct KeyPart {
  std::string name;
  Spot spot;
};

// "a.b", which begins at `start`, with the places of its parts.
std::vector<KeyPart> split_key(const std::string& key, const Spot& start) {
  std::vector<KeyPart> parts;
  for (std::size_t begin = 0; begin <= key.size();) {
    const std::size_t end = std::min(key.find('.', begin), key.size());
    const Spot spot{start.source, start.line, start.column + static_cast<int>(begin)};
    if (end == begin)
      throw InputError(spot, "there is an empty key",
                       "write the keys with one dot between them, as in placement.kind");
    parts.push_back({key.substr(begin, end - begin), spot});
    begin = end + 1;
  }
  return parts;
}

// The map that an override walks into: what is missing or scalar on the way becomes a map.
YamlNode& step_into(YamlNode& node, const KeyPart& part) {
  YamlNode* child = node.find(part.name);
  if (child != nullptr && child->is_map()) return *child;
  if (child != nullptr && child->is_list())
    throw InputError(part.spot, fmt::format("'{}' is a list", part.name),
                     fmt::format("set it as a whole: --set '{}=[…]'", part.name));
  if (child == nullptr) return node.set(part.name, YamlNode::map(part.spot), part.spot);
  const bool preset = part.name == "model" || part.name == "cluster" || part.name == "calibration";
  return *child = child->is_scalar() ? as_section(*child, preset ? "preset" : "kind")
                                     : YamlNode::map(child->spot);
}

}  // namespace

void apply_override(YamlNode& root, const std::string& assignment) {
  const auto source = text_source("--set", assignment, true);
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0)
    throw InputError({source, 1, 1}, "--set needs KEY=VALUE",
                     "for example --set network.tolerance=0.01");
  apply_override(root, assignment.substr(0, equals), {source, 1, 1},
                 parse_yaml_value(source, static_cast<int>(equals) + 1));
}

void apply_overrides(YamlNode& root, const std::vector<std::string>& assignments,
                     Mistakes& mistakes) {
  for (const std::string& assignment : assignments) {
    try {
      apply_override(root, assignment);
    } catch (const InputError& error) {
      mistakes.add(error);
    }
  }
}

void apply_override(YamlNode& root, const std::string& path, const Spot& path_spot,
                    YamlNode value) {
  if (!root.is_map()) throw InputError(root.spot, "there is no section here to set a key of");
  const std::vector<KeyPart> key = split_key(path, path_spot);
  if (value.kind == YamlNode::Kind::kNull) value.spot = key.back().spot;
  YamlNode* node = &root;
  for (std::size_t i = 0; i + 1 < key.size(); ++i) node = &step_into(*node, key[i]);
  node->set(key.back().name, std::move(value), key.back().spot);
}

}  // namespace moesim
