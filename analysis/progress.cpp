#include "analysis/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "analysis/format.hpp"
#include "analysis/paint.hpp"

namespace moesim {
namespace {

constexpr double kPatience = 1.0;  // seconds before the first line
constexpr double kInterval = 0.1;  // between two lines
constexpr int kBar = 20;           // columns

double wall_clock() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Progress::Progress(std::string what, bool shown, std::FILE* out, std::function<double()> clock)
    : what_(std::move(what)),
      shown_(shown),
      out_(out),
      clock_(clock ? std::move(clock) : wall_clock),
      start_(clock_()),
      next_(start_ + kPatience) {}

Progress::~Progress() {
  if (!drawn_) return;
  fmt::print(out_, "\r\x1b[K");
  std::fflush(out_);
}

bool Progress::wanted(bool quiet) { return !quiet && isatty(STDERR_FILENO) == 1; }

void Progress::update(std::int64_t done, std::int64_t total) {
  if (!shown_) return;
  const double now = clock_();
  if (now < next_) return;
  next_ = now + kInterval;
  const double rate = static_cast<double>(done) / (now - start_);
  const double share =
      static_cast<double>(done) / static_cast<double>(std::max<std::int64_t>(total, 1));
  std::string text =
      fmt::format("{} {} {} of {}", what_, pad_right(bar(kBar * share), kBar), done, total);
  if (done > 0)
    text += fmt::format(" · {} per s · {} left", format_number(rate),
                        format_time(Seconds(static_cast<double>(total - done) / rate)));
  fmt::print(out_, "\r\x1b[K{}", text);
  std::fflush(out_);
  drawn_ = true;
}

}  // namespace moesim
