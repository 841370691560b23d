#include "analysis/report/parts.hpp"

#include <limits>

namespace moesim {

Json table_part(const std::string& title, const std::vector<Column>& columns) {
  Json part = {{"type", "table"}, {"title", title}, {"columns", Json::array()}};
  for (const Column& column : columns) {
    part["columns"].push_back({{"title", column.title}});
    if (column.unit != "text") part["columns"].back()["unit"] = column.unit;
  }
  part["rows"] = Json::array();
  return part;
}

Json chart_part(const std::string& type, const std::string& title, const std::string& note) {
  Json part = {{"type", type}, {"title", title}};
  if (!note.empty()) part["note"] = note;
  return part;
}

Json bars_part(const std::string& title, const std::string& note, const BarsLook& look,
               const std::vector<std::string>& categories) {
  Json part = chart_part("bars", title, note);
  part["unit"] = look.unit;
  part["value"] = look.value;
  if (!look.category.empty()) part["category"] = look.category;
  if (look.horizontal) part["horizontal"] = true;
  if (look.stacked) part["stacked"] = true;
  part["categories"] = categories;
  part["series"] = Json::array();
  return part;
}

Json bar_series(const std::string& name, const std::vector<double>& values) {
  return {{"name", name}, {"values", numbers(values)}};
}

Json axis(const std::string& title, const std::string& unit) {
  return {{"title", title}, {"unit", unit}};
}

Json numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(number_or_null(value));
  return list;
}

Json series(const std::string& name, const std::vector<double>& x, const std::vector<double>& y) {
  return {{"name", name}, {"x", numbers(x)}, {"y", numbers(y)}};
}

Json named_text(const std::string& name, const std::string& text) {
  return {{"name", name}, {"text", text}};
}

Json at_path(const Json& document, const std::string& path) {
  const Json* node = &document;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    if (!node->is_object()) return nullptr;
    const auto found = node->find(path.substr(begin, end - begin));
    if (found == node->end()) return nullptr;
    node = &*found;
    begin = end + 1;
  }
  return *node;
}

double number_at(const Json& document, const std::string& path) {
  const Json value = at_path(document, path);
  return value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

Json figure(const Json& document, const std::string& key, const std::string& title,
            const std::string& unit, const std::string& note) {
  Json figure = {{"title", title}, {"value", at_path(document, key)}, {"unit", unit}, {"key", key}};
  const std::string metric = key.starts_with("metrics.") ? key.substr(8) : key;
  if (const auto bands = document.find("uncertainty"); bands != document.end())
    if (const auto band = bands->find(metric); band != bands->end())
      figure.update({{"low", band->at("low")}, {"high", band->at("high")}});
  if (!note.empty()) figure["note"] = note;
  return figure;
}

Json section(const std::string& title, const std::string& text, Json parts) {
  Json section = {{"title", title}, {"parts", std::move(parts)}};
  if (!text.empty()) section["text"] = text;
  return section;
}

}  // namespace moesim
