#include "sim/model/hf_translation.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/parameter.hpp"

namespace moesim {

Translation::Translation(const YamlNode& config) : config_(config) { section.spot = config.spot; }

const YamlNode* Translation::find(const std::string& path) const {
  const YamlNode* node = &config_;
  for (std::size_t from = 0; node != nullptr && from <= path.size();) {
    const std::size_t dot = std::min(path.find('.', from), path.size());
    node = node->find(path.substr(from, dot - from));
    from = dot + 1;
  }
  return node != nullptr && node->kind != YamlNode::Kind::kNull ? node : nullptr;
}

int Translation::integer(const std::string& path) const {
  if (find(path) == nullptr) throw missing(path);
  return integer(path, 0);
}

int Translation::integer(const std::string& path, int fallback) const {
  const YamlNode* node = find(path);
  if (node == nullptr) return fallback;
  const double value = parse_number(node->text, node->spot);
  if (value < 0 || value > 1e9 || value != static_cast<int>(value))
    throw InputError(node->spot, fmt::format("{} must be a whole number", path));
  return static_cast<int>(value);
}

std::string Translation::text(const std::string& path) const {
  const YamlNode* node = find(path);
  return node == nullptr ? std::string() : node->text;
}

InputError Translation::missing(const std::string& path) const {
  return InputError(config_.spot, fmt::format("the Hugging Face config has no '{}'", path));
}

void Translation::need(const std::string& key, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (const YamlNode* node = find(name)) {
      section.set(key, *node);
      return;
    }
  }
  throw missing(names.front());
}

void Translation::copy(const std::string& key, const std::string& name) {
  if (const YamlNode* node = find(name)) section.set(key, *node);
}

void Translation::put(const std::string& key, const std::string& value) {
  section.set(key, at(YamlNode::scalar(value)));
}

void Translation::put_attention(const std::string& key, const std::string& value) {
  attention.set(key, at(YamlNode::scalar(value)));
}

void Translation::put_attention(const std::string& key, int value) {
  put_attention(key, std::to_string(value));
}

void Translation::put_layers(const std::function<bool(int)>& is_moe) {
  YamlNode list = at(YamlNode::list());
  const int layers = integer("num_hidden_layers");
  for (int layer = 0; layer < layers; ++layer)
    if (is_moe(layer)) list.items.push_back(at(YamlNode::scalar(std::to_string(layer))));
  section.set("moe_layers", std::move(list));
}

YamlNode Translation::at(YamlNode node) const {
  node.spot = config_.spot;
  return node;
}

}  // namespace moesim
