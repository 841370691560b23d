// Comma-separated values with a header line, read row by row.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/text_file.hpp"

namespace moesim {

class CsvReader {
 public:
  // Reads the header. Throws InputError where there is none.
  explicit CsvReader(LineReader lines);
  CsvReader(const std::filesystem::path& path, std::string shown)
      : CsvReader(LineReader(path, std::move(shown))) {}

  // The next row that is not empty; false at the end. Throws InputError where a row has another
  // number of fields than the header.
  bool next();
  const std::vector<std::string>& header() const { return header_; }
  // The column of that name, if there is one.
  std::optional<std::size_t> column(std::string_view name) const;
  // As above, of the first of the names that there is; throws InputError where there is none.
  std::size_t need_column(const std::vector<std::string>& names) const;

  std::string_view field(std::size_t column) const { return fields_[column]; }
  // A whole number in lowest .. highest. Throws InputError at the field.
  std::int64_t integer(std::size_t column, std::int64_t lowest, std::int64_t highest) const;
  double number(std::size_t column) const;
  Spot spot(std::size_t column) const;
  Spot file_spot() const { return lines_.file_spot(); }

 private:
  LineReader lines_;
  std::string line_;
  std::vector<std::string> header_;
  std::vector<std::string_view> fields_;  // into line_
};

// A field of a CSV line, quoted where it must be.
std::string csv_field(const std::string& text);

}  // namespace moesim
