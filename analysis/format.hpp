// Numbers as people read them: three significant digits and a unit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/base/units.hpp"

namespace moesim {

// At least three significant digits, never in scientific form: "0.0123", "1.23", "12.3", "1234".
// "–" where the value is not finite.
std::string format_number(double value);
// With a decimal prefix: "1.23 M" and "tokens/s" give "1.23 M tokens/s"; "999" has none.
std::string format_count(double value, std::string_view unit = {});
std::string count_text(std::int64_t count, std::string_view noun);  // "1 GPU", "3 GPUs"
std::string format_time(Seconds time);                              // "12.3 ms"
std::string format_bytes(Bytes size);                               // "4.56 GB", 1 GB = 1e9 bytes
std::string format_rate(BytesPerSecond rate);                       // "450 GB/s"
std::string format_percent(double ratio);                           // 0.294 → "29.4 %"
std::string format_error(double ratio);                             // −0.0123 → "-1.23 %"

// Columns that UTF-8 text takes on a terminal; escape sequences take none.
std::size_t display_width(std::string_view text);
// Padded with blanks to `width` columns.
std::string pad_right(std::string_view text, std::size_t width);
std::string pad_left(std::string_view text, std::size_t width);
// Broken at blanks into lines of at most `width` columns (a longer word keeps its own line).
std::string wrap(std::string_view text, std::size_t width, std::string_view indent);

}  // namespace moesim
