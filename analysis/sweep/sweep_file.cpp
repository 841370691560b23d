#include "analysis/sweep/sweep_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/range.hpp"
#include "sim/base/text.hpp"
#include "sim/base/yaml_flow.hpp"

namespace moesim {
namespace {

using Type = ParameterType;

const char* const kExample = "for example matrix: {placement: [linear, lpt]}";

std::optional<double> number_of(const YamlNode& node) {
  if (!node.is_scalar() || node.quoted) return std::nullopt;
  return number_in(node.text);
}

// A value as it stands, or those of a range.
std::vector<YamlNode> expanded(const YamlNode& node) {
  if (!node.is_scalar() || node.quoted) return {node};
  const auto range = range_values(node.text, node.spot);
  if (!range) return {node};
  std::vector<YamlNode> values;
  for (const std::string& text : *range) values.push_back(YamlNode::scalar(text, node.spot));
  return values;
}

class Reader {
 public:
  explicit Reader(std::shared_ptr<const SourceText> source) : source_(std::move(source)) {}

  SweepFile read(std::string stem) {
    root_ = parse_yaml(source_);
    if (!root_.is_map()) throw InputError(root_.spot, "a sweep is a section of keys and values");
    const Arguments top = read_arguments(root_, sweep_parameters(), mistakes_, "a sweep");
    file_.name = top.has("name") ? top.text("name") : std::move(stem);
    file_.spot = root_.spot;
    if (top.has("scenario")) find_scenario(top);
    if (const YamlNode* node = root_.find("set")) file_.settings = settings_in(*node, "set");
    if (const YamlNode* node = root_.find("matrix")) read_matrix(*node);
    check_set_keys();
    file_.exclude = entries_in("exclude");
    file_.include = entries_in("include");
    file_.list = entries_in("list");
    if (const YamlNode* node = root_.find("seeds")) read_seeds(*node);
    if (root_.find("matrix") == nullptr && root_.find("list") == nullptr)
      mistakes_.add(root_.spot, "a sweep needs 'matrix' or 'list'", kExample);
    mistakes_.throw_if_any();
    return std::move(file_);
  }

 private:
  void find_scenario(const Arguments& top) {
    const std::filesystem::path given = top.text("scenario");
    file_.scenario = given.is_absolute() ? given : source_->directory / given;
    if (!std::filesystem::is_regular_file(file_.scenario))
      mistakes_.add(top.spot("scenario"), fmt::format("no file '{}'", given.string()),
                    "a path is relative to the file it is written in");
  }

  bool is_section(const YamlNode& node, const std::string& what) {
    if (node.is_map() && !node.entries.empty()) return true;
    mistakes_.add(node.spot, fmt::format("{} needs keys and their values", what), kExample);
    return false;
  }

  bool check_key(const NodeEntry& entry) {
    if (entry.key == "seed")
      mistakes_.add(entry.spot, "seeds are not varied beside other keys", "say seeds: 5");
    else if (entry.value.kind == YamlNode::Kind::kNull)
      mistakes_.add(entry.spot, fmt::format("'{}' has no value", entry.key));
    else
      return true;
    return false;
  }

  std::vector<SweepSetting> settings_in(const YamlNode& node, const std::string& what) {
    std::vector<SweepSetting> settings;
    if (!is_section(node, what)) return settings;
    for (const NodeEntry& entry : node.entries)
      if (check_key(entry)) settings.push_back({entry.key, entry.spot, entry.value});
    return settings;
  }

  void check_set_keys() {
    for (const SweepSetting& setting : file_.settings)
      for (const SweepAxis& axis : file_.matrix)
        if (axis.key == setting.key)
          mistakes_.add(setting.spot, fmt::format("the matrix varies '{}'", setting.key));
  }

  void read_matrix(const YamlNode& node) {
    file_.spot = node.spot;
    if (!is_section(node, "'matrix'")) return;
    for (const NodeEntry& entry : node.entries)
      if (check_key(entry)) {
        std::vector<YamlNode> values = values_in(entry);
        if (!values.empty()) file_.matrix.push_back({entry.key, entry.spot, std::move(values)});
      }
  }

  std::vector<YamlNode> values_in(const NodeEntry& entry) {
    const YamlNode& node = entry.value;
    std::vector<YamlNode> values;
    if (node.is_list() && node.items.empty())
      mistakes_.add(node.spot, fmt::format("'{}' has no values", entry.key));
    try {
      if (!node.is_list()) values = expanded(node);
      for (const YamlNode& item : node.items)
        for (YamlNode& value : expanded(item)) values.push_back(std::move(value));
    } catch (const InputError& error) {
      mistakes_.add(error);
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i].kind == YamlNode::Kind::kNull)
        mistakes_.add(values[i].spot, fmt::format("a value of '{}' is empty", entry.key));
      for (std::size_t j = 0; j < i; ++j)
        if (same_value(values[i], values[j]))
          mistakes_.add(values[i].spot, fmt::format("'{}' has this value already", entry.key));
    }
    return values;
  }

  std::vector<SweepEntry> entries_in(const std::string& name) {
    std::vector<SweepEntry> entries;
    const YamlNode* node = root_.find(name);
    if (node == nullptr) return entries;
    if (!node->is_list())
      mistakes_.add(node->spot, fmt::format("'{}' is a list of points", name),
                    fmt::format("{}: [{{placement: lpt}}]", name));
    for (const YamlNode& item : node->items)
      entries.push_back({item.spot, settings_in(item, fmt::format("a point of '{}'", name))});
    return entries;
  }

  void read_seeds(const YamlNode& node) {
    const auto whole = [&](const YamlNode& item, double lowest) -> std::optional<std::int64_t> {
      const auto value = number_of(item);
      if (value && *value >= lowest && *value <= 1e9 &&
          *value == static_cast<double>(static_cast<std::int64_t>(*value)))
        return static_cast<std::int64_t>(*value);
      mistakes_.add(item.spot, "seeds are a count from 1 up, or a list of whole numbers",
                    "seeds: 5, or seeds: [1, 7, 42]");
      return std::nullopt;
    };
    if (!node.is_list()) {
      if (const auto count = whole(node, 1)) file_.seed_count = static_cast<int>(*count);
      return;
    }
    if (node.items.empty()) mistakes_.add(node.spot, "'seeds' has no values");
    for (const YamlNode& item : node.items)
      if (const auto seed = whole(item, 0)) {
        const auto value = static_cast<std::uint64_t>(*seed);
        if (std::find(file_.seeds.begin(), file_.seeds.end(), value) != file_.seeds.end())
          mistakes_.add(item.spot, "this seed is there already");
        file_.seeds.push_back(value);
      }
  }

  std::shared_ptr<const SourceText> source_;
  YamlNode root_;
  Mistakes mistakes_;
  SweepFile file_;
};

}  // namespace

const std::vector<Parameter>& sweep_parameters() {
  static const std::vector<Parameter> parameters = {
      {.name = "name", .type = Type::kText, .doc = "in tables and reports; default: the file's"},
      {.name = "scenario",
       .type = Type::kText,
       .doc = "the scenario that is varied: a path, relative to the file it is written in",
       .required = true},
      {.name = "set", .type = Type::kTree, .doc = "keys of every point, as --set has them"},
      {.name = "matrix",
       .type = Type::kTree,
       .doc = "keys and their values, in all combinations: a list, LO:HI:STEP or LO:HI:xK"},
      {.name = "exclude",
       .type = Type::kTree,
       .doc = "combinations to leave out: a list of keys of the matrix and their values"},
      {.name = "include",
       .type = Type::kTree,
       .doc = "adds keys to the combinations that match those of the matrix that it names, or a "
              "point where none does"},
      {.name = "list", .type = Type::kTree, .doc = "points, each with keys and their values"},
      {.name = "seeds",
       .type = Type::kTree,
       .doc = "runs of each point: so many seeds from the scenario's on, or a list of them",
       .fallback = "1"}};
  return parameters;
}

SweepFile read_sweep_file(const std::string& path, const std::string& shown) {
  // What a sweep says overrides what the scenario's file says, as --set does.
  auto source = std::make_shared<SourceText>(*read_source(path, shown));
  source->is_flag = true;
  return Reader(std::move(source)).read(std::filesystem::path(path).stem().string());
}

bool same_value(const YamlNode& a, const YamlNode& b) {
  const auto x = number_of(a), y = number_of(b);
  return x && y ? *x == *y : write_flow(a) == write_flow(b);
}

}  // namespace moesim
