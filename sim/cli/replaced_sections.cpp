#include "sim/cli/replaced_sections.hpp"

#include <fmt/format.h>

#include <set>

#include "sim/base/yaml.hpp"
#include "sim/cli/vary.hpp"

namespace moesim {
namespace {

const YamlNode* node_at(const YamlNode& root, const std::string& key) {
  const YamlNode* node = &root;
  for (std::size_t begin = 0; node != nullptr && begin <= key.size();) {
    const std::size_t end = std::min(key.find('.', begin), key.size());
    node = node->is_map() ? node->find(key.substr(begin, end - begin)) : nullptr;
    begin = end + 1;
  }
  return node;
}

// "redundant 32" of {kind: eplb, redundant: 32}.
std::string further_keys(const YamlNode& section) {
  std::string text;
  for (const NodeEntry& entry : section.entries)
    if (entry.key != "kind" && entry.key != "preset")
      text += fmt::format("{}{}{}", text.empty() ? "" : ", ", entry.key,
                          entry.value.is_scalar() ? " " + entry.value.text : "");
  return text;
}

bool names_one(const Vary& vary) {
  for (const std::string& value : vary.values)
    if (!value.starts_with("{")) return true;
  return false;
}

}  // namespace

std::vector<std::string> replaced_sections(const std::vector<std::string>& paths,
                                           const std::vector<std::string>& varied) {
  std::vector<std::string> warnings;
  std::set<std::string> seen;
  for (const std::string& path : paths) {
    const YamlNode root = parse_yaml(read_source(path, path));
    for (const std::string& text : varied) {
      const Vary vary = parse_vary(text);
      const YamlNode* section = node_at(root, vary.key);
      if (section == nullptr || !section->is_map() || !names_one(vary)) continue;
      const std::string keys = further_keys(*section);
      if (keys.empty()) continue;
      const char* name = section->find("preset") != nullptr ? "preset" : "kind";
      const std::string warning = fmt::format(
          "--vary {0}=… sets the whole section: the file's {1} no longer counts; --vary {0}.{2}=… "
          "keeps it",
          vary.key, keys, name);
      if (seen.insert(warning).second) warnings.push_back(warning);
    }
  }
  return warnings;
}

}  // namespace moesim
