// Small questions about UTF-8 text, and numbers in it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace moesim {

// Characters of UTF-8 text.
std::size_t count_characters(std::string_view text);

// The first byte that no UTF-8 text has: a malformed sequence, or a control character that is
// neither a tab nor a line end.
std::optional<std::size_t> first_not_text(std::string_view text);

// The first tab among the blanks that a line begins with.
std::optional<std::size_t> indenting_tab(std::string_view line);

// The colon of a line "key:value" that lacks the blank after it.
std::optional<std::size_t> tight_colon(std::string_view line);

// Whether the YAML scalar that starts at `begin` ends its quote; true where it has none.
bool quote_is_closed(std::string_view text, std::size_t begin);

// The finite number that the text is, from its first character to its last.
std::optional<double> number_in(std::string_view text);

}  // namespace moesim
