#include "analysis/csv_row.hpp"

#include <fmt/format.h>

#include <cmath>

namespace moesim {

CsvRow& CsvRow::add(double value) {
  return put(std::isfinite(value) ? fmt::format("{}", value) : "");
}

CsvRow& CsvRow::add(std::int64_t value) { return put(fmt::format("{}", value)); }

CsvRow& CsvRow::put(std::string_view field) {
  if (!empty_) text_ += ',';
  empty_ = false;
  text_ += field;
  return *this;
}

}  // namespace moesim
