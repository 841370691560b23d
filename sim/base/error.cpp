#include "sim/base/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>

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

// The source line and a caret below the column; a line that is very long is cut around the caret.
std::string excerpt(const Spot& spot) {
  if (!spot.source || spot.line < 1 || spot.line > static_cast<int>(spot.source->lines.size()))
    return {};
  std::string line = spot.source->lines[static_cast<std::size_t>(spot.line - 1)];
  std::size_t column = spot.column > 0 ? static_cast<std::size_t>(spot.column - 1) : 0;
  constexpr std::size_t kWidth = 100;
  if (line.size() > kWidth) {
    const std::size_t from = column > kWidth / 2 ? column - kWidth / 2 : 0;
    line = line.substr(from, kWidth);
    column -= from;
  }
  std::replace(line.begin(), line.end(), '\t', ' ');
  return fmt::format("\n  {}\n  {}^", line, std::string(column, ' '));
}

std::string join_mistakes(const std::vector<Mistake>& mistakes) {
  std::string text;
  const std::size_t shown = std::min(mistakes.size(), Mistakes::kLimit);
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) text += '\n';
    text += format_mistake(mistakes[i]);
  }
  if (mistakes.size() > shown) text += fmt::format("\n({} more mistakes)", mistakes.size() - shown);
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
  throw InputError(std::move(sorted));
}

std::string format_mistake(const Mistake& mistake) {
  const Spot& spot = mistake.spot;
  std::string text;
  if (spot.source) {
    text = spot.source->name + ":";
    if (spot.line > 0) text += fmt::format("{}:{}:", spot.line, std::max(spot.column, 1));
    text += " ";
  }
  text += "error: " + mistake.message + excerpt(spot);
  if (!mistake.hint.empty()) text += "\n  hint: " + mistake.hint;
  return text;
}

std::string hint_for(std::string_view name, const std::vector<std::string>& known) {
  if (known.empty()) return {};
  const auto nearest =
      std::min_element(known.begin(), known.end(), [&](const std::string& a, const std::string& b) {
        return edit_distance(name, a) < edit_distance(name, b);
      });
  const std::size_t allowed = std::max<std::size_t>(1, std::max(name.size(), nearest->size()) / 3);
  if (edit_distance(name, *nearest) <= allowed) return fmt::format("did you mean '{}'?", *nearest);
  return fmt::format("known: {}", fmt::join(known, ", "));
}

}  // namespace moesim
