// A csv file of a result, by column. Those files are numbers and plain words (analysis/csv.hpp,
// analysis/serving_csv.hpp): no field has a comma in it.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace moesim {

struct CsvColumns {
  std::map<std::string, std::vector<std::string>> columns;
  std::size_t rows = 0;

  bool has(const std::string& name) const { return columns.contains(name); }
  const std::vector<std::string>& texts(const std::string& name) const;
  // Not a number where the field is empty.
  std::vector<double> numbers(const std::string& name) const;
  // The rows in which the column says so.
  CsvColumns where(const std::string& name, const std::string& text) const;
};

CsvColumns read_columns(const std::string& csv);

}  // namespace moesim
