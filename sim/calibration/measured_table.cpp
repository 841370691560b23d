#include "sim/calibration/measured_table.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "sim/base/check.hpp"
#include "sim/base/csv.hpp"
#include "sim/base/parameter.hpp"

namespace moesim {
namespace {

Spot line_of(const std::string& name, std::size_t line, std::string text = {}) {
  auto source = std::make_shared<SourceText>();
  source->name = name;
  source->lines.resize(line);
  if (line > 0) source->lines.back() = std::move(text);
  return {source, static_cast<int>(line), line > 0 ? 1 : 0};
}

// Fields of one line; "a ""quoted"" field" may hold commas.
std::vector<std::string> split(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += '"';
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

}  // namespace

std::string read_whole_file(const std::filesystem::path& file) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> stream(gzopen(file.c_str(), "rb"), gzclose);
  if (!stream || std::filesystem::is_directory(file))
    throw InputError(line_of(file.string(), 0), "cannot read the file");
  std::string text;
  std::vector<char> buffer(1 << 16);
  int got = 0;
  while ((got = gzread(stream.get(), buffer.data(), static_cast<unsigned>(buffer.size()))) > 0)
    text.append(buffer.data(), static_cast<std::size_t>(got));
  if (got < 0) throw InputError(line_of(file.string(), 0), "the gzip data is damaged");
  return text;
}

MeasuredTable MeasuredTable::read(const std::filesystem::path& file) {
  const std::string text = read_whole_file(file);
  MeasuredTable table;
  table.name_ = file.string();
  std::size_t line_number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line(text.data() + begin, end - begin);
    begin = end + 1;
    ++line_number;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    std::vector<std::string> fields = split(line);
    if (line_number == 1) {
      table.columns_ = std::move(fields);
    } else if (fields.size() == table.columns_.size()) {
      table.rows_.push_back(std::move(fields));
    } else {
      throw InputError(line_of(table.name_, line_number, std::string(line)),
                       fmt::format("the row has {} fields, the header {}", fields.size(),
                                   table.columns_.size()));
    }
  }
  if (table.columns_.empty()) throw InputError(line_of(table.name_, 0), "the table is empty");
  return table;
}

std::optional<std::size_t> MeasuredTable::find(std::string_view column) const {
  const auto found = std::find(columns_.begin(), columns_.end(), column);
  if (found == columns_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - columns_.begin());
}

const std::string& MeasuredTable::text(std::size_t row, std::string_view column) const {
  static const std::string none;
  const auto index = find(column);
  return index ? rows_[row][*index] : none;
}

double MeasuredTable::number(std::size_t row, std::string_view column) const {
  const std::string& field = text(row, column);
  try {
    return parse_number(field, {});
  } catch (const InputError&) {
    throw InputError(spot(row), fmt::format("'{}' in column {} is not a number", field, column));
  }
}

int MeasuredTable::integer(std::size_t row, std::string_view column) const {
  const double value = number(row, column);
  if (value != std::floor(value) || std::fabs(value) > 2147483647.0)
    throw InputError(spot(row), fmt::format("column {} must be a whole number", column));
  return static_cast<int>(value);
}

void MeasuredTable::rename(std::string_view from, std::string to) {
  const auto index = find(from);
  MOESIM_CHECK(index && !has(to), "a column that is there gets a name that is free");
  columns_[*index] = std::move(to);
}

void MeasuredTable::add_column(std::string name, std::vector<std::string> values) {
  MOESIM_CHECK(!has(name) && values.size() == rows_.size(), "a value for each row of a new column");
  columns_.push_back(std::move(name));
  for (std::size_t row = 0; row < rows_.size(); ++row) rows_[row].push_back(std::move(values[row]));
}

Spot MeasuredTable::spot(std::size_t row) const {
  std::string line;
  for (const std::string& field : rows_[row]) line += (line.empty() ? "" : ",") + csv_field(field);
  return line_of(name_, row + 2, std::move(line));
}

}  // namespace moesim
