// Reads keys of a Hugging Face configuration, and fills a `model:` section with them
// (hf_config.cpp).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/base/yaml.hpp"

namespace moesim {

class Translation {
 public:
  // `config` must outlive this.
  explicit Translation(const YamlNode& config);

  // "ffn_config.moe_top_k"; nothing where it is missing or null.
  const YamlNode* find(const std::string& path) const;
  // Throws InputError where it is missing and there is no `fallback`, or is no number.
  int integer(const std::string& path) const;
  int integer(const std::string& path, int fallback) const;
  std::string text(const std::string& path) const;  // empty where it is missing

  // Copies a value with its place: the first of `names` that is there, one is needed.
  void need(const std::string& key, const std::vector<std::string>& names);
  void copy(const std::string& key, const std::string& name);  // if it is there
  // Values that follow from others are placed at the configuration as a whole.
  void put(const std::string& key, const std::string& value);
  void put_attention(const std::string& key, const std::string& value);
  void put_attention(const std::string& key, int value);
  // Which of the layers are MoE.
  void put_layers(const std::function<bool(int)>& is_moe);
  YamlNode at(YamlNode node) const;

  YamlNode section = YamlNode::map();
  YamlNode attention = YamlNode::map();

 private:
  InputError missing(const std::string& path) const;

  const YamlNode& config_;
};

}  // namespace moesim
