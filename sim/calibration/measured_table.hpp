// A table of measurements: CSV with a header line, plain or gzipped, held as text.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/error.hpp"

namespace moesim {

// The whole file; gzip is undone where there is any. Throws InputError where it cannot be read.
std::string read_whole_file(const std::filesystem::path& file);

class MeasuredTable {
 public:
  // Throws InputError where the file cannot be read or a row has not as many fields as the header.
  static MeasuredTable read(const std::filesystem::path& file);

  std::size_t rows() const { return rows_.size(); }
  const std::vector<std::string>& columns() const { return columns_; }
  const std::string& name() const { return name_; }  // the file's, as given
  bool has(std::string_view column) const { return find(column).has_value(); }

  // The field; empty where the table has no such column.
  const std::string& text(std::size_t row, std::string_view column) const;
  // The field as a number. Throws InputError with its line where it is none.
  double number(std::size_t row, std::string_view column) const;
  int integer(std::size_t row, std::string_view column) const;
  // Gives a column another name; it has the first and not the second.
  void rename(std::string_view from, std::string to);
  // Appends a column with a value for each row; there is none of that name.
  void add_column(std::string name, std::vector<std::string> values);
  // The line of the file.
  Spot spot(std::size_t row) const;

 private:
  std::optional<std::size_t> find(std::string_view column) const;
  std::string name_;
  std::vector<std::string> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace moesim
