#include "sim/base/csv.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "sim/base/text.hpp"

namespace moesim {
namespace {

void split(std::string_view line, std::vector<std::string_view>& fields) {
  fields.clear();
  while (true) {
    const std::size_t comma = line.find(',');
    std::string_view field = line.substr(0, comma);
    while (!field.empty() && (field.front() == ' ' || field.front() == '\t'))
      field.remove_prefix(1);
    while (!field.empty() && (field.back() == ' ' || field.back() == '\t')) field.remove_suffix(1);
    fields.push_back(field);
    if (comma == std::string_view::npos) return;
    line.remove_prefix(comma + 1);
  }
}

}  // namespace

CsvReader::CsvReader(LineReader lines) : lines_(std::move(lines)) {
  if (!lines_.next(line_)) throw InputError(lines_.file_spot(), "the file is empty");
  split(line_, fields_);
  header_.assign(fields_.begin(), fields_.end());
}

bool CsvReader::next() {
  do {
    if (!lines_.next(line_)) return false;
  } while (line_.empty());
  split(line_, fields_);
  if (fields_.size() != header_.size())
    throw InputError(lines_.spot(line_), fmt::format("{} fields where the header has {}",
                                                     fields_.size(), header_.size()));
  return true;
}

std::optional<std::size_t> CsvReader::column(std::string_view name) const {
  const auto found = std::find(header_.begin(), header_.end(), name);
  if (found == header_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - header_.begin());
}

std::size_t CsvReader::need_column(const std::vector<std::string>& names) const {
  for (const std::string& name : names)
    if (const auto found = column(name)) return *found;
  throw InputError(lines_.file_spot(),
                   fmt::format("the header has no column '{}'", fmt::join(names, "' or '")),
                   fmt::format("columns: {}", fmt::join(header_, ", ")));
}

Spot CsvReader::spot(std::size_t column) const {
  return lines_.spot(line_, static_cast<std::size_t>(fields_[column].data() - line_.data()));
}

std::int64_t CsvReader::integer(std::size_t column, std::int64_t lowest,
                                std::int64_t highest) const {
  const std::string_view text = fields_[column];
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw InputError(spot(column),
                     fmt::format("{} '{}' is not a whole number", header_[column], text));
  if (value < lowest || value > highest)
    throw InputError(spot(column), fmt::format("{} {} is not in {} .. {}", header_[column], value,
                                               lowest, highest));
  return value;
}

double CsvReader::number(std::size_t column) const {
  if (const auto value = number_in(fields_[column])) return *value;
  throw InputError(spot(column),
                   fmt::format("{} '{}' is not a number", header_[column], fields_[column]));
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

}  // namespace moesim
