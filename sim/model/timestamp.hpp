// Points in time as logs write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace moesim {

// Nanoseconds since 1970 of "2023-11-16 18:15:46.6805900"; a T may stand for the blank, and the
// offset from UTC may follow ("Z", "+02:00"). Nothing where the text is not so.
std::optional<std::int64_t> parse_timestamp(std::string_view text);

}  // namespace moesim
