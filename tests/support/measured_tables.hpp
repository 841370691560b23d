// Tables of measurements for tests.
#pragma once

#include <filesystem>
#include <string>

#include "sim/base/csv.hpp"
#include "sim/calibration/measured_table.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {

inline MeasuredTable table_of(const std::string& text, const std::string& name = "table.csv") {
  return MeasuredTable::read(written(process_folder() / name, text));
}

// Every `step`-th row of a table of the shared data, as a file of its own.
inline MeasuredTable sample_of(const std::filesystem::path& file, std::size_t step) {
  const MeasuredTable whole = MeasuredTable::read(file);
  std::string text;
  const auto append = [&](auto&& field) {
    std::string line;
    for (const std::string& column : whole.columns())
      line += (line.empty() ? "" : ",") + csv_field(field(column));
    text += line + "\n";
  };
  append([](const std::string& column) { return column; });
  for (std::size_t row = 0; row < whole.rows(); row += step)
    append([&](const std::string& column) { return whole.text(row, column); });
  return table_of(text, "sample_" + file.stem().string());
}

}  // namespace moesim
