// One line of a CSV file, field by field.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace moesim {

class CsvRow {
 public:
  CsvRow& add(double value);  // so that it reads back exactly; empty where it is not finite
  CsvRow& add(std::int64_t value);
  CsvRow& add(int value) { return add(static_cast<std::int64_t>(value)); }
  CsvRow& put(std::string_view field);  // as it is
  std::string line() const { return text_ + "\n"; }

 private:
  std::string text_;
  bool empty_ = true;
};

}  // namespace moesim
