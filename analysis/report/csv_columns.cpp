#include "analysis/report/csv_columns.hpp"

#include <charconv>
#include <limits>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  for (std::size_t begin = 0; begin <= line.size();) {
    const std::size_t end = std::min(line.find(',', begin), line.size());
    fields.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return fields;
}

double number_of(const std::string& text) {
  double value = std::numeric_limits<double>::quiet_NaN();
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

const std::vector<std::string>& CsvColumns::texts(const std::string& name) const {
  const auto found = columns.find(name);
  MOESIM_CHECK(found != columns.end(), "columns of a result's files are known by their names");
  return found->second;
}

std::vector<double> CsvColumns::numbers(const std::string& name) const {
  std::vector<double> values;
  for (const std::string& text : texts(name)) values.push_back(number_of(text));
  return values;
}

CsvColumns CsvColumns::where(const std::string& name, const std::string& text) const {
  const std::vector<std::string>& key = texts(name);
  CsvColumns chosen;
  for (const auto& [title, all] : columns) {
    std::vector<std::string>& own = chosen.columns[title];
    for (std::size_t row = 0; row < all.size(); ++row)
      if (key[row] == text) own.push_back(all[row]);
    chosen.rows = own.size();
  }
  return chosen;
}

CsvColumns read_columns(const std::string& csv) {
  CsvColumns read;
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin < csv.size();) {
    const std::size_t end = std::min(csv.find('\n', begin), csv.size());
    const std::vector<std::string> fields = fields_of(csv.substr(begin, end - begin));
    begin = end + 1;
    if (names.empty()) {
      names = fields;
      for (const std::string& name : names) read.columns[name];
      continue;
    }
    for (std::size_t i = 0; i < std::min(names.size(), fields.size()); ++i)
      read.columns[names[i]].push_back(fields[i]);
    ++read.rows;
  }
  return read;
}

}  // namespace moesim
