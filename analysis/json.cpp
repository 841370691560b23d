#include "analysis/json.hpp"

#include <charconv>
#include <cmath>
#include <cstdint>

namespace moesim {
namespace {

template <class Number>
bool reads_as(const std::string& text, Number& value) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end;
}

Json scalar(const YamlNode& node) {
  if (node.quoted) return node.text;
  if (node.text == "true" || node.text == "false") return node.text == "true";
  std::int64_t whole = 0;
  if (reads_as(node.text, whole)) return whole;
  double value = 0;
  if (reads_as(node.text, value) && std::isfinite(value)) return value;
  return node.text;
}

}  // namespace

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json to_json(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return nullptr;
    case YamlNode::Kind::kScalar:
      return scalar(node);
    case YamlNode::Kind::kList: {
      Json list = Json::array();
      for (const YamlNode& item : node.items) list.push_back(to_json(item));
      return list;
    }
    case YamlNode::Kind::kMap:
      break;
  }
  Json map = Json::object();
  for (const NodeEntry& entry : node.entries) map[entry.key] = to_json(entry.value);
  return map;
}

std::string write_json(const Json& document) {
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace moesim
