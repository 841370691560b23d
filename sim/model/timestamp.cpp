#include "sim/model/timestamp.hpp"

#include <chrono>

namespace moesim {
namespace {

// Takes from the front of a text; `good` stays false once something was not there.
struct Cursor {
  std::string_view left;
  bool good = true;

  bool next_is(char c) const { return !left.empty() && left.front() == c; }
  bool next_is_digit() const { return !left.empty() && left.front() >= '0' && left.front() <= '9'; }
  void expect(char c) {
    good = good && next_is(c);
    if (good) left.remove_prefix(1);
  }
  int digits(int count) {
    int value = 0;
    for (int i = 0; i < count; ++i) {
      good = good && next_is_digit();
      if (!good) return 0;
      value = 10 * value + (left.front() - '0');
      left.remove_prefix(1);
    }
    return value;
  }
};

std::int64_t fraction_nanoseconds(Cursor& at) {
  if (!at.next_is('.')) return 0;
  at.expect('.');
  at.good = at.good && at.next_is_digit();
  std::int64_t value = 0;
  for (std::int64_t unit = 100'000'000; at.next_is_digit(); unit /= 10)
    value += unit * at.digits(1);
  return value;
}

// Minutes that the clock is ahead of UTC.
int offset_minutes(Cursor& at) {
  if (at.next_is('Z')) at.expect('Z');
  if (!at.next_is('+') && !at.next_is('-')) return 0;
  const int sign = at.next_is('-') ? -1 : 1;
  at.left.remove_prefix(1);
  const int hours = at.digits(2);
  at.expect(':');
  return sign * (60 * hours + at.digits(2));
}

}  // namespace

std::optional<std::int64_t> parse_timestamp(std::string_view text) {
  Cursor at{text};
  const std::chrono::year year(at.digits(4));
  at.expect('-');
  const std::chrono::month month(static_cast<unsigned>(at.digits(2)));
  at.expect('-');
  const std::chrono::day day(static_cast<unsigned>(at.digits(2)));
  at.expect(at.next_is('T') ? 'T' : ' ');
  const int hours = at.digits(2);
  at.expect(':');
  const int minutes = at.digits(2);
  at.expect(':');
  const int seconds = at.digits(2);
  const std::int64_t fraction = fraction_nanoseconds(at);
  const int offset = offset_minutes(at);
  const std::chrono::year_month_day date(year, month, day);
  if (!at.good || !at.left.empty() || !date.ok() || hours > 23 || minutes > 59 || seconds > 60)
    return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t clock = ((days * 24 + hours) * 60 + minutes - offset) * 60 + seconds;
  return clock * 1'000'000'000 + fraction;
}

}  // namespace moesim
