#include "analysis/report/csv_columns.hpp"

#include <limits>

#include "sim/base/check.hpp"
#include "sim/base/csv.hpp"
#include "sim/base/text.hpp"

namespace moesim {
const std::vector<std::string>& CsvColumns::texts(const std::string& name) const {
  const auto found = columns.find(name);
  MOESIM_CHECK(found != columns.end(), "columns of a result's files are known by their names");
  return found->second;
}

std::vector<double> CsvColumns::numbers(const std::string& name) const {
  std::vector<double> values;
  for (const std::string& text : texts(name))
    values.push_back(number_in(text).value_or(std::numeric_limits<double>::quiet_NaN()));
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
  if (csv.empty()) return read;
  CsvReader rows(LineReader::of_text(csv, "a csv file of the result"));
  for (const std::string& name : rows.header()) read.columns[name];
  for (; rows.next(); ++read.rows)
    for (std::size_t i = 0; i < rows.header().size(); ++i)
      read.columns[rows.header()[i]].emplace_back(rows.field(i));
  return read;
}

}  // namespace moesim
