#include "sim/base/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>

#include "sim/base/text.hpp"

namespace moesim {
namespace {

// Optimal string alignment distance: insertions, deletions, substitutions, swaps of neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

bool has_line(const Spot& spot) {
  return spot.source && spot.line > 0 && spot.line <= static_cast<int>(spot.source->lines.size());
}

const std::string& source_line(const Spot& spot) {
  return spot.source->lines[static_cast<std::size_t>(spot.line - 1)];
}

// Columns of a Spot count bytes from 1, as the parser does.
std::size_t byte_column(const Spot& spot) {
  return spot.column > 0 ? static_cast<std::size_t>(spot.column - 1) : 0;
}

// The beginning of the character that the byte belongs to.
std::size_t character_start(std::string_view text, std::size_t byte) {
  while (byte > 0 && byte < text.size() && (static_cast<unsigned char>(text[byte]) & 0xC0) == 0x80)
    --byte;
  return byte;
}

// The column as an editor shows it, in characters from 1.
std::size_t shown_column(const Spot& spot) {
  if (!has_line(spot)) return byte_column(spot) + 1;
  return count_characters(std::string_view(source_line(spot)).substr(0, byte_column(spot))) + 1;
}

// The source line and a caret below the column; a line that is very long is cut around the caret.
std::string excerpt(const Spot& spot) {
  if (!has_line(spot)) return {};
  std::string line = source_line(spot);
  std::size_t column = std::min(byte_column(spot), line.size());
  constexpr std::size_t kWidth = 100;
  if (line.size() > kWidth) {
    const std::size_t from = character_start(line, column > kWidth / 2 ? column - kWidth / 2 : 0);
    const std::size_t to = character_start(line, std::min(from + kWidth, line.size()));
    line = line.substr(from, to - from);
    column -= from;
  }
  std::replace(line.begin(), line.end(), '\t', ' ');
  const std::size_t blanks = count_characters(std::string_view(line).substr(0, column));
  return fmt::format("\n  {}\n  {}^", line, std::string(blanks, ' '));
}

std::string join_mistakes(const std::vector<Mistake>& mistakes) {
  std::string text;
  const std::size_t shown = std::min(mistakes.size(), Mistakes::kLimit);
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) text += '\n';
    text += format_mistake(mistakes[i]);
  }
  if (const std::size_t more = mistakes.size() - shown; more > 0)
    text += fmt::format("\n({} more mistake{})", more, more == 1 ? "" : "s");
  return text;
}

}  // namespace

InputError::InputError(std::vector<Mistake> mistakes)
    : mistakes_(std::move(mistakes)), text_(join_mistakes(mistakes_)) {}

InputError::InputError(Spot spot, std::string message, std::string hint)
    : InputError(std::vector<Mistake>{{std::move(spot), std::move(message), std::move(hint)}}) {}

void Mistakes::add(Spot spot, std::string message, std::string hint) {
  mistakes_.push_back({std::move(spot), std::move(message), std::move(hint)});
}

void Mistakes::add(const InputError& error) {
  mistakes_.insert(mistakes_.end(), error.mistakes().begin(), error.mistakes().end());
}

void Mistakes::add(const Mistakes& others) {
  mistakes_.insert(mistakes_.end(), others.mistakes_.begin(), others.mistakes_.end());
}

void Mistakes::throw_if_any() const {
  if (mistakes_.empty()) return;
  std::vector<Mistake> sorted = mistakes_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Mistake& a, const Mistake& b) {
    const std::string& left = a.spot.source ? a.spot.source->name : std::string();
    const std::string& right = b.spot.source ? b.spot.source->name : std::string();
    return std::tie(left, a.spot.line, a.spot.column) < std::tie(right, b.spot.line, b.spot.column);
  });
  const auto same = [](const Mistake& a, const Mistake& b) {
    return a.message == b.message && a.spot.source == b.spot.source && a.spot.line == b.spot.line &&
           a.spot.column == b.spot.column;
  };
  sorted.erase(std::unique(sorted.begin(), sorted.end(), same), sorted.end());
  throw InputError(std::move(sorted));
}

std::string format_mistake(const Mistake& mistake) {
  const Spot& spot = mistake.spot;
  std::string text;
  if (spot.source) {
    text = spot.source->name + ":";
    if (spot.line > 0) text += fmt::format("{}:{}:", spot.line, shown_column(spot));
    text += " ";
  }
  text += "error: " + mistake.message + excerpt(spot);
  if (!mistake.hint.empty()) text += "\n  hint: " + mistake.hint;
  return text;
}

std::string hint_for(std::string_view name, const std::vector<std::string>& known) {
  if (known.empty()) return {};
  const auto begins = [&](const std::string& one) { return one.starts_with(name); };
  if (!name.empty() && std::count_if(known.begin(), known.end(), begins) == 1)
    return fmt::format("did you mean '{}'?", *std::find_if(known.begin(), known.end(), begins));
  const auto nearest =
      std::min_element(known.begin(), known.end(), [&](const std::string& a, const std::string& b) {
        return edit_distance(name, a) < edit_distance(name, b);
      });
  const std::size_t allowed = std::max<std::size_t>(1, std::max(name.size(), nearest->size()) / 3);
  if (edit_distance(name, *nearest) <= allowed) return fmt::format("did you mean '{}'?", *nearest);
  return fmt::format("known: {}", fmt::join(known, ", "));
}

}  // namespace moesim
