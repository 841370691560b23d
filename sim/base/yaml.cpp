#include "sim/base/yaml.hpp"

#include <fmt/format.h>
#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <map>
#include <sstream>
#include <utility>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

// Builds the tree from yaml-cpp's events; the stack holds the containers that are open.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::shared_ptr<const SourceText> source) : source_(std::move(source)) {}

  YamlNode take(Mistakes& mistakes) {
    for (const auto& [spot, key] : duplicates_) mistakes.add(spot, key);
    return std::move(root_);
  }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add({.kind = YamlNode::Kind::kNull, .spot = spot(mark)}, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode copy = anchors_[anchor];
    copy.spot = spot(mark);
    add(std::move(copy), 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const bool quoted = tag == "!";
    const bool null = !quoted && (value.empty() || value == "~" || value == "null");
    add({.kind = null ? YamlNode::Kind::kNull : YamlNode::Kind::kScalar,
         .spot = spot(mark),
         .text = value,
         .quoted = quoted},
        anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open_.push_back({{.kind = YamlNode::Kind::kList, .spot = spot(mark)}, anchor, {}, {}});
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open_.push_back({{.kind = YamlNode::Kind::kMap, .spot = spot(mark)}, anchor, {}, {}});
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    std::optional<std::string> key;  // read, waiting for its value
    Spot key_spot;
  };

  Spot spot(const YAML::Mark& mark) const { return {source_, mark.line + 1, mark.column + 1}; }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    add(std::move(done.node), done.anchor);
  }

  void add(YamlNode node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.is_list()) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      if (parent.node.find(node.text) != nullptr)
        duplicates_.emplace_back(node.spot, fmt::format("key '{}' is written twice", node.text));
      parent.key = node.text;
      parent.key_spot = node.spot;
    } else {
      if (node.kind == YamlNode::Kind::kNull) node.spot = parent.key_spot;
      parent.node.entries.push_back({*parent.key, parent.key_spot, std::move(node)});
      parent.key.reset();
    }
  }

  std::shared_ptr<const SourceText> source_;
  YamlNode root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  std::vector<std::pair<Spot, std::string>> duplicates_;
};

std::string joined(const SourceText& source) {
  std::string text;
  for (const std::string& line : source.lines) text += line + "\n";
  return text;
}

bool needs_quotes(const YamlNode& node) {
  const std::string& text = node.text;
  if (node.quoted || text.empty() || text == "~" || text == "null") return true;
  if (std::isspace(static_cast<unsigned char>(text.front())) ||
      std::isspace(static_cast<unsigned char>(text.back())))
    return true;
  if (std::string_view("-?:,[]{}#&*!|>'\"%@`").find(text.front()) != std::string_view::npos &&
      !(text.front() == '-' && text.size() > 1 && (std::isdigit(text[1]) || text[1] == '.')))
    return true;
  return text.find(": ") != std::string::npos || text.find(" #") != std::string::npos ||
         text.find_first_of("\n,[]{}\"") != std::string::npos || text.back() == ':';
}

std::string scalar_text(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kNull) return "~";
  if (!needs_quotes(node)) return node.text;
  std::string quoted = "\"";
  for (char c : node.text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == '\n') {
      quoted += "\\n";
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

bool is_flat(const YamlNode& node) {
  return std::all_of(node.items.begin(), node.items.end(),
                     [](const YamlNode& item) { return !item.is_map() && !item.is_list(); });
}

void write_node(const YamlNode& node, std::size_t indent, std::string& out);

void write_list(const YamlNode& node, std::size_t indent, std::string& out) {
  if (is_flat(node)) {
    out += " [";
    for (std::size_t i = 0; i < node.items.size(); ++i)
      out += (i > 0 ? ", " : "") + scalar_text(node.items[i]);
    out += "]\n";
    return;
  }
  out += "\n";
  for (const YamlNode& item : node.items) {
    out += std::string(indent, ' ') + "-";
    write_node(item, indent + 2, out);
  }
}

void write_node(const YamlNode& node, std::size_t indent, std::string& out) {
  if (node.is_list()) return write_list(node, indent, out);
  if (!node.is_map()) {
    out += " " + scalar_text(node) + "\n";
    return;
  }
  if (node.entries.empty()) {
    out += " {}\n";
    return;
  }
  if (!out.empty()) out += "\n";
  for (const NodeEntry& entry : node.entries) {
    out += std::string(indent, ' ') + scalar_text(YamlNode::scalar(entry.key)) + ":";
    write_node(entry.value, indent + 2, out);
  }
}

// Parses `text`; places refer to `source`, whose lines have the same columns.
YamlNode parse_text(const std::string& text, std::shared_ptr<const SourceText> source) {
  std::istringstream stream(text);
  TreeBuilder builder(source);
  try {
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
  } catch (const YAML::ParserException& error) {
    throw InputError({source, error.mark.line + 1, error.mark.column + 1},
                     fmt::format("not valid YAML: {}", error.msg));
  }
  Mistakes mistakes;
  YamlNode root = builder.take(mistakes);
  mistakes.throw_if_any();
  if (root.kind == YamlNode::Kind::kNull) {
    root = YamlNode::map();
    root.spot = {source, 1, 1};
  }
  return root;
}

// The map that an override walks into: what is missing or scalar on the way becomes a map.
YamlNode& step_into(YamlNode& node, const std::string& key, const Spot& spot) {
  YamlNode* child = node.find(key);
  if (child == nullptr) {
    YamlNode empty = YamlNode::map();
    empty.spot = spot;
    return node.set(key, std::move(empty));
  }
  if (child->is_map()) return *child;
  YamlNode wrapped = YamlNode::map();
  wrapped.spot = child->spot;
  const bool preset = key == "model" || key == "cluster" || key == "calibration";
  if (child->is_scalar()) wrapped.set(preset ? "preset" : "kind", *child);
  *child = std::move(wrapped);
  return *child;
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  for (const NodeEntry& entry : entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

YamlNode* YamlNode::find(std::string_view key) {
  return const_cast<YamlNode*>(static_cast<const YamlNode*>(this)->find(key));
}

YamlNode& YamlNode::set(std::string key, YamlNode value) {
  MOESIM_CHECK(is_map(), "only a map has entries");
  for (NodeEntry& entry : entries) {
    if (entry.key != key) continue;
    entry.spot = value.spot;
    return entry.value = std::move(value);
  }
  Spot spot = value.spot;
  entries.push_back({std::move(key), std::move(spot), std::move(value)});
  return entries.back().value;
}

YamlNode YamlNode::scalar(std::string text) {
  return {.kind = Kind::kScalar, .text = std::move(text)};
}

YamlNode parse_yaml(std::shared_ptr<const SourceText> source) {
  const std::string text = joined(*source);
  return parse_text(text, std::move(source));
}

std::shared_ptr<const SourceText> read_source(const std::filesystem::path& path,
                                              std::string shown) {
  if (shown.empty()) shown = path.string();
  auto source = std::make_shared<SourceText>();
  source->name = shown;
  source->directory = path.parent_path().string();
  std::ifstream file(path);
  if (std::filesystem::is_directory(path))
    throw InputError({source, 0, 0}, "is a directory, not a file");
  if (!file) throw InputError({source, 0, 0}, "cannot read the file");
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    source->lines.push_back(std::move(line));
  }
  return source;
}

std::shared_ptr<const SourceText> text_source(std::string name, std::string_view text,
                                              bool is_flag) {
  auto source = std::make_shared<SourceText>();
  source->name = std::move(name);
  source->is_flag = is_flag;
  std::istringstream stream{std::string(text)};
  for (std::string line; std::getline(stream, line);) source->lines.push_back(line);
  return source;
}

void apply_override(YamlNode& root, const std::string& assignment) {
  const auto source = text_source("--set", assignment, true);
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0)
    throw InputError({source, 1, 1}, "--set needs KEY=VALUE",
                     "for example --set network.tolerance=0.01");
  // Blanks in place of the key keep the columns of the value.
  YamlNode value = parse_text(std::string(equals + 1, ' ') + assignment.substr(equals + 1), source);
  if (value.is_map() && value.entries.empty())
    value = {.kind = YamlNode::Kind::kNull, .spot = {source, 1, static_cast<int>(equals) + 1}};
  YamlNode* node = &root;
  std::istringstream keys(assignment.substr(0, equals));
  std::string key;
  std::getline(keys, key, '.');
  for (std::string next; std::getline(keys, next, '.'); key = next)
    node = &step_into(*node, key, {source, 1, 1});
  if (key.empty()) throw InputError({source, 1, 1}, "--set has an empty key");
  node->set(key, std::move(value));
}

std::string write_yaml(const YamlNode& node) {
  std::string out;
  write_node(node, 0, out);
  return out;
}

}  // namespace moesim
