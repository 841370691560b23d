#include "sim/base/preset_section.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/presets.hpp"

namespace moesim {
namespace {

constexpr int kDepth = 8;  // presets on presets; more is a circle

const std::string& kind_of(const YamlNode& node) {
  static const std::string none;
  if (node.is_scalar()) return node.text;
  const YamlNode* kind = node.find("kind");
  return kind != nullptr ? kind->text : none;
}

YamlNode merged(const YamlNode& base, const YamlNode& override) {
  if (!override.is_map() || base.kind == YamlNode::Kind::kNull || base.is_list()) return override;
  if (override.find("kind") != nullptr && kind_of(override) != kind_of(base)) return override;
  YamlNode result = base;
  if (base.is_scalar()) {  // a bare name is a kind
    result = YamlNode::map();
    result.spot = base.spot;
    result.set("kind", base);
  }
  for (const NodeEntry& entry : override.entries) {
    const YamlNode* known = result.find(entry.key);
    YamlNode value = known != nullptr ? merged(*known, entry.value) : entry.value;
    result.set(entry.key, std::move(value));
    auto& stored = *std::find_if(result.entries.begin(), result.entries.end(),
                                 [&](const NodeEntry& other) { return other.key == entry.key; });
    stored.spot = entry.spot;
  }
  result.spot = override.spot;
  return result;
}

class PresetReader {
 public:
  PresetReader(const std::string& folder, const std::function<YamlNode(YamlNode)>& convert)
      : folder_(folder), convert_(convert) {}

  YamlNode read(const YamlNode& section, int depth) {
    if (section.is_scalar()) return load(section, depth);
    const YamlNode* preset = section.find("preset");
    if (preset == nullptr) return section;
    if (!preset->is_scalar())
      throw InputError(preset->spot, "preset takes the name of a preset, or a path");
    YamlNode overrides = section;
    std::erase_if(overrides.entries, [](const NodeEntry& e) { return e.key == "preset"; });
    return merged(load(*preset, depth), overrides);
  }

  std::vector<std::string> inputs;

 private:
  YamlNode load(const YamlNode& name, int depth) {
    if (depth == kDepth)
      throw InputError(name.spot, fmt::format("preset '{}' builds on itself", name.text));
    const auto path = find_preset(folder_, name.text, name.spot);
    inputs.push_back(shown_path(path));
    YamlNode content = parse_yaml(read_source(path, inputs.back()));
    if (!content.is_map())
      throw InputError(content.spot, "the file must be a section of keys and values");
    if (convert_) content = convert_(std::move(content));
    return read(content, depth + 1);
  }

  const std::string& folder_;
  const std::function<YamlNode(YamlNode)>& convert_;
};

}  // namespace

PresetSection merge_presets(const YamlNode& section, const std::string& folder,
                            const std::function<YamlNode(YamlNode)>& convert) {
  if (!section.is_map() && !section.is_scalar())
    throw InputError(section.spot, "takes the name of a preset, a path, or a section",
                     hint_for("", preset_names(folder)));
  PresetReader reader(folder, convert);
  YamlNode merged_section = reader.read(section, 0);
  return {std::move(merged_section), std::move(reader.inputs)};
}

YamlNode relocated(YamlNode resolved, const std::filesystem::path& directory) {
  for (YamlNode& item : resolved.items) item = relocated(std::move(item), directory);
  for (NodeEntry& entry : resolved.entries)
    entry.value = relocated(std::move(entry.value), directory);
  if (!resolved.file.empty() && resolved.file.is_relative())
    resolved.text = std::filesystem::proximate(resolved.file, directory).string();
  return resolved;
}

}  // namespace moesim
