// A YAML (or JSON) document as a tree in which every key and value knows its place.
//
// yaml-cpp does the parsing. We add what it does not do: duplicate keys are mistakes, an empty
// value is placed at its key, and scalars stay text until somebody who knows the expected type
// reads them.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/error.hpp"

namespace moesim {

struct NodeEntry;

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  Spot spot;            // of the value; of the key where the value is empty
  std::string text;     // of a scalar
  bool quoted = false;  // "5" is a text, never a number
  // Of a scalar in a resolved section that names a file and not a preset: where the file is.
  std::filesystem::path file;
  std::vector<YamlNode> items;
  std::vector<NodeEntry> entries;  // in the order of the file

  bool is_map() const { return kind == Kind::kMap; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_scalar() const { return kind == Kind::kScalar; }
  const YamlNode* find(std::string_view key) const;
  YamlNode* find(std::string_view key);
  // Sets or replaces the entry of a map. The key's place is the value's unless it is given.
  YamlNode& set(std::string key, YamlNode value);
  YamlNode& set(std::string key, YamlNode value, Spot key_spot);

  static YamlNode scalar(std::string text, Spot spot = {});
  static YamlNode map(Spot spot = {}) { return {.kind = Kind::kMap, .spot = std::move(spot)}; }
  static YamlNode list() { return {.kind = Kind::kList}; }
};

// A scalar as the section {key: scalar} at its place; anything else as it is.
YamlNode as_section(YamlNode node, const std::string& key);

struct NodeEntry {
  std::string key;
  Spot spot;  // of the key
  YamlNode value;
};

// Parses the document; an empty one is an empty map. Throws InputError with every duplicate key, or
// with the place where the syntax breaks. One text is one document.
YamlNode parse_yaml(std::shared_ptr<const SourceText> source);

// Parses one value, which may be nothing, from the first line of a text after `column` bytes.
YamlNode parse_yaml_value(const std::shared_ptr<const SourceText>& source, int column);

// Reads a file. `shown` is the name in messages (default: the path as given).
// Throws InputError where the file cannot be read.
std::shared_ptr<const SourceText> read_source(const std::filesystem::path& path,
                                              std::string shown = {});

// A source that is a text of ours or the user's, not a file.
std::shared_ptr<const SourceText> text_source(std::string name, std::string_view text,
                                              bool is_flag = false);

// `assignment` is "a.b=value", the value in YAML. Creates what is missing on the way. A scalar on
// the way becomes a map: `cluster: h200` is `cluster: {preset: h200}`; elsewhere the scalar is the
// `kind`.
void apply_override(YamlNode& root, const std::string& assignment);

// Block-style YAML that parses back to the same tree.
std::string write_yaml(const YamlNode& node);

}  // namespace moesim
