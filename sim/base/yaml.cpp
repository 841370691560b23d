#include "sim/base/yaml.hpp"

#include <fmt/format.h>
#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <fstream>
#include <map>
#include <sstream>
#include <utility>

#include "sim/base/check.hpp"
#include "sim/base/text.hpp"

namespace moesim {
namespace {

constexpr std::size_t kMostAliasedNodes = 100'000;  // a short text must not expand without end

// Builds the tree from yaml-cpp's events; the stack holds the containers that are open.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::shared_ptr<const SourceText> source, const std::string& text)
      : source_(std::move(source)), text_(text) {}

  YamlNode take(Mistakes& mistakes) {
    mistakes.add(mistakes_);
    return std::move(root_);
  }
  // Where the innermost container that is still open begins.
  std::optional<Spot> open_container() const {
    return open_.empty() ? std::nullopt : std::optional(open_.back().node.spot);
  }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add({.kind = YamlNode::Kind::kNull, .spot = spot(mark)}, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    YamlNode copy;
    if (found == anchors_.end()) {
      mistakes_.add(spot(mark), "an alias inside of what it names");
    } else if ((aliased_ += found->second.size) > kMostAliasedNodes) {
      throw InputError(spot(mark), "the aliases make this text far too large");
    } else {
      copy = found->second.node;
      nodes_ += found->second.size - 1;  // add() counts one
    }
    copy.spot = spot(mark);
    add(std::move(copy), 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const bool quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    const bool null = !quoted && (value.empty() || value == "~" || value == "null");
    if (tag == "!" && !quote_is_closed(text_, static_cast<std::size_t>(mark.pos)))
      throw InputError(spot(mark), "this quote is not closed");
    add({.kind = null ? YamlNode::Kind::kNull : YamlNode::Kind::kScalar,
         .spot = spot(mark),
         .text = value,
         .quoted = quoted},
        anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open_.push_back({{.kind = YamlNode::Kind::kList, .spot = spot(mark)}, anchor, nodes_, {}, {}});
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open_.push_back({{.kind = YamlNode::Kind::kMap, .spot = spot(mark)}, anchor, nodes_, {}, {}});
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    std::size_t nodes_before = 0;
    std::optional<std::string> key;  // read, waiting for its value
    Spot key_spot;
  };
  struct Anchored {
    YamlNode node;
    std::size_t size = 0;  // nodes
  };

  Spot spot(const YAML::Mark& mark) const { return {source_, mark.line + 1, mark.column + 1}; }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    add(std::move(done.node), done.anchor, nodes_ - done.nodes_before);
  }

  void add(YamlNode node, YAML::anchor_t anchor, std::size_t nodes_inside = 0) {
    ++nodes_;
    if (anchor != 0) anchors_[anchor] = {node, nodes_inside + 1};
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.is_list()) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      add_key(parent, node);
    } else {
      if (node.kind == YamlNode::Kind::kNull) node.spot = parent.key_spot;
      parent.node.entries.push_back({*parent.key, parent.key_spot, std::move(node)});
      parent.key.reset();
    }
  }

  void add_key(Open& parent, const YamlNode& node) {
    if (!node.is_scalar()) {
      mistakes_.add(node.spot, "a key must be a text");
    } else if (parent.node.find(node.text) != nullptr) {
      mistakes_.add(node.spot, fmt::format("key '{}' is written twice", node.text));
    }
    parent.key = node.text;
    parent.key_spot = node.spot;
  }

  std::shared_ptr<const SourceText> source_;
  const std::string& text_;
  YamlNode root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::size_t nodes_ = 0;
  std::size_t aliased_ = 0;
  Mistakes mistakes_;
};

// What yaml-cpp found, in words that help, where the mistake is rather than where it was noticed.
InputError syntax_error(const YAML::ParserException& error, const TreeBuilder& builder,
                        const std::shared_ptr<const SourceText>& source) {
  const int line = error.mark.line + 1;
  if (line <= static_cast<int>(source->lines.size()))
    if (const auto tab = indenting_tab(source->lines[static_cast<std::size_t>(line - 1)]))
      return {{source, line, static_cast<int>(*tab) + 1}, "a tab cannot indent", "use blanks"};
  if (error.msg.ends_with("flow not found") && builder.open_container())
    return {*builder.open_container(), "this bracket is not closed"};
  std::string hint;
  if (error.msg == "illegal map value" && line > 1)
    if (const auto colon = tight_colon(source->lines[static_cast<std::size_t>(line - 2)]))
      return {{source, line - 1, static_cast<int>(*colon) + 1}, "a blank must follow this colon"};
  if (error.msg == "illegal map value")
    hint = "a value with ': ' in it needs quotes; the keys of a section start in one column";
  return {{source, line, error.mark.column + 1}, "not valid YAML: " + error.msg, hint};
}

// The first document; that another one follows is a mistake.
YamlNode parse_text(const std::string& text, const std::shared_ptr<const SourceText>& source) {
  std::istringstream stream(text);
  TreeBuilder builder(source, text), rest(source, text);
  try {
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    parser.HandleNextDocument(rest);
  } catch (const YAML::ParserException& error) {
    throw syntax_error(error, builder, source);
  }
  Mistakes mistakes;
  YamlNode root = builder.take(mistakes);
  const YamlNode second = rest.take(mistakes);
  if (second.kind != YamlNode::Kind::kNull)
    mistakes.add(second.spot, "a second document", "one file is one document: leave '---' out");
  mistakes.throw_if_any();
  return root;
}

void check_is_text(const std::shared_ptr<const SourceText>& source) {
  for (std::size_t line = 0; line < source->lines.size(); ++line)
    if (const auto at = first_not_text(source->lines[line]))
      throw InputError({source, 0, 0},
                       fmt::format("is not UTF-8 text (line {}, byte {})", line + 1, *at + 1));
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
  Spot spot = value.spot;
  return set(std::move(key), std::move(value), std::move(spot));
}

YamlNode& YamlNode::set(std::string key, YamlNode value, Spot key_spot) {
  MOESIM_CHECK(is_map(), "only a map has entries");
  for (NodeEntry& entry : entries) {
    if (entry.key != key) continue;
    entry.spot = std::move(key_spot);
    return entry.value = std::move(value);
  }
  entries.push_back({std::move(key), std::move(key_spot), std::move(value)});
  return entries.back().value;
}

YamlNode YamlNode::scalar(std::string text, Spot spot) {
  return {.kind = Kind::kScalar, .spot = std::move(spot), .text = std::move(text)};
}

YamlNode as_section(YamlNode node, const std::string& key) {
  if (!node.is_scalar()) return node;
  YamlNode section = YamlNode::map(node.spot);
  section.set(key, std::move(node));
  return section;
}

YamlNode parse_yaml(std::shared_ptr<const SourceText> source) {
  check_is_text(source);
  std::string text;
  for (const std::string& line : source->lines) text += line + "\n";
  YamlNode root = parse_text(text, source);
  if (root.kind == YamlNode::Kind::kNull) {
    root = YamlNode::map();
    root.spot = {source, 1, 1};
  }
  return root;
}

YamlNode parse_yaml_value(const std::shared_ptr<const SourceText>& source, int column) {
  check_is_text(source);
  if (source->lines.empty()) return {};
  // Blanks in place of what comes before keep the columns.
  const auto before = static_cast<std::size_t>(column);
  return parse_text(std::string(before, ' ') + source->lines.front().substr(before), source);
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
  if (!source->lines.empty() && source->lines.front().starts_with("\xEF\xBB\xBF"))
    source->lines.front().erase(0, 3);  // a byte order mark
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

}  // namespace moesim
