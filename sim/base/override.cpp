// --set a.b=c: changes a tree of YAML before anybody reads it.
#include <fmt/format.h>

#include <algorithm>

#include "sim/base/yaml.hpp"

namespace moesim {
namespace {

struct KeyPart {
  std::string name;
  Spot spot;
};

// "a.b" with the places of its parts.
std::vector<KeyPart> split_key(const std::string& key,
                               const std::shared_ptr<const SourceText>& source) {
  std::vector<KeyPart> parts;
  for (std::size_t begin = 0; begin <= key.size();) {
    const std::size_t end = std::min(key.find('.', begin), key.size());
    const Spot spot{source, 1, static_cast<int>(begin) + 1};
    if (end == begin)
      throw InputError(spot, "--set has an empty key",
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
  if (!root.is_map()) throw InputError(root.spot, "there is no section here to --set a key of");
  const auto source = text_source("--set", assignment, true);
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0)
    throw InputError({source, 1, 1}, "--set needs KEY=VALUE",
                     "for example --set network.tolerance=0.01");
  const std::vector<KeyPart> key = split_key(assignment.substr(0, equals), source);
  YamlNode value = parse_yaml_value(source, static_cast<int>(equals) + 1);
  if (value.kind == YamlNode::Kind::kNull) value.spot = key.back().spot;
  YamlNode* node = &root;
  for (std::size_t i = 0; i + 1 < key.size(); ++i) node = &step_into(*node, key[i]);
  node->set(key.back().name, std::move(value), key.back().spot);
}

}  // namespace moesim
