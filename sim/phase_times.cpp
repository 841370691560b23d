#include "sim/phase_times.hpp"

#include <algorithm>
#include <functional>

namespace moesim {
namespace {

using TimeSpan = std::pair<double, double>;  // begin, end

// What of [from, to] any interval that counts covers: disjoint, by begin.
std::vector<TimeSpan> covered(const std::vector<PhaseInterval>& intervals, double from, double to,
                              const std::function<bool(const PhaseInterval&)>& counts) {
  std::vector<TimeSpan> all;
  for (const PhaseInterval& interval : intervals) {
    const TimeSpan inside(std::max(interval.begin, from), std::min(interval.end, to));
    if (inside.first < inside.second && counts(interval)) all.push_back(inside);
  }
  std::sort(all.begin(), all.end());
  std::vector<TimeSpan> merged;
  for (const TimeSpan& stretch : all) {
    if (merged.empty() || stretch.first > merged.back().second)
      merged.push_back(stretch);
    else
      merged.back().second = std::max(merged.back().second, stretch.second);
  }
  return merged;
}

double length(const std::vector<TimeSpan>& stretches) {
  double sum = 0;
  for (const auto& [begin, end] : stretches) sum += end - begin;
  return sum;
}

// Of what both cover.
double common_length(const std::vector<TimeSpan>& a, const std::vector<TimeSpan>& b) {
  double sum = 0;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    sum += std::max(0.0, std::min(a[i].second, b[j].second) - std::max(a[i].first, b[j].first));
    a[i].second < b[j].second ? ++i : ++j;
  }
  return sum;
}

// The parts of [begin, end] that nobody has taken (disjoint, by begin), which are taken now.
double take(std::vector<TimeSpan>& taken, double begin, double end) {
  std::vector<TimeSpan> fresh;
  auto it =
      std::upper_bound(taken.begin(), taken.end(), begin,
                       [](double at, const TimeSpan& stretch) { return at < stretch.second; });
  for (; it != taken.end() && it->first < end; ++it) {
    if (it->first > begin) fresh.emplace_back(begin, it->first);
    begin = std::max(begin, it->second);
  }
  if (begin < end) fresh.emplace_back(begin, end);
  for (const TimeSpan& stretch : fresh)
    taken.insert(std::upper_bound(taken.begin(), taken.end(), stretch), stretch);
  return length(fresh);
}

}  // namespace

bool communicates(Phase phase) {
  return phase == Phase::kDispatch || phase == Phase::kCombine || phase == Phase::kMigration ||
         phase == Phase::kCollective || phase == Phase::kOffload || phase == Phase::kPipeline ||
         phase == Phase::kGradient || phase == Phase::kKv;
}

bool is_work(Phase phase) {
  return !communicates(phase) && phase != Phase::kLaunch && phase != Phase::kWait;
}

PhaseSeconds divide_time(const std::vector<PhaseInterval>& intervals, double from, double to) {
  // The most urgent first: the streams in their order, then communication, then the host.
  std::vector<PhaseInterval> order = intervals;
  const auto urgency = [](const PhaseInterval& interval) {
    const int kind = interval.stream == kHostStream ? 2 : interval.stream < 0 ? 1 : 0;
    return std::pair(kind, interval.stream);
  };
  std::stable_sort(order.begin(), order.end(), [&](const PhaseInterval& a, const PhaseInterval& b) {
    return urgency(a) != urgency(b) ? urgency(a) < urgency(b) : a.begin < b.begin;
  });
  PhaseSeconds seconds{};
  std::vector<TimeSpan> taken;
  double total = 0;
  for (const PhaseInterval& interval : order) {
    const double begin = std::max(interval.begin, from), end = std::min(interval.end, to);
    if (end <= begin) continue;
    const double own = take(taken, begin, end);
    seconds[static_cast<std::size_t>(interval.phase)] += own;
    total += own;
  }
  // What adding up rounds off is no wait.
  const double left = to - from - total;
  if (left > 1e-12 * (to - from)) seconds[static_cast<std::size_t>(Phase::kWait)] += left;
  return seconds;
}

CommunicationRecord communication_in(const std::vector<PhaseInterval>& intervals, double from,
                                     double to) {
  const auto where = [&](const std::function<bool(const PhaseInterval&)>& counts) {
    return covered(intervals, from, to, counts);
  };
  const std::vector<TimeSpan> kernels = where([](const PhaseInterval& interval) {
    return interval.stream >= 0 && is_work(interval.phase);
  });
  CommunicationRecord record;
  for (int i = 0; i < kPhases; ++i) {
    const auto phase = static_cast<Phase>(i);
    if (!communicates(phase)) continue;
    const std::vector<TimeSpan> own =
        where([phase](const PhaseInterval& interval) { return interval.phase == phase; });
    record.under_way[static_cast<std::size_t>(i)] = length(own);
    record.hidden[static_cast<std::size_t>(i)] = common_length(own, kernels);
  }
  const std::vector<TimeSpan> any =
      where([](const PhaseInterval& interval) { return communicates(interval.phase); });
  record.any_under_way = length(any);
  record.any_hidden = common_length(any, kernels);
  return record;
}

}  // namespace moesim
