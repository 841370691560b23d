#include "analysis/latency_series.hpp"

#include <algorithm>

#include "analysis/serving_metrics.hpp"

namespace moesim {

std::vector<LatencyPart> latency_series(const ServingResult& result) {
  if (!(result.seconds > 0)) return {};
  std::vector<LatencyPart> parts(kLatencyParts);
  std::vector<std::vector<CountedValue>> ttft(parts.size()), itl(parts.size());
  const double width = result.seconds / kLatencyParts;
  const auto part_at = [&](double time) {
    return std::min(static_cast<std::size_t>(std::max(time, 0.0) / width), parts.size() - 1);
  };
  for (const RequestRecord& request : result.requests) {
    const std::size_t home = part_at(request.arrival);
    ++parts[home].arrivals;
    if (!request.finished) continue;
    ++parts[part_at(request.end)].ends;
    ttft[home].push_back({latency_of(request).ttft, 1});
  }
  for (const TokenGap& gap : result.gaps) itl[part_at(gap.end)].push_back({gap.seconds, gap.count});
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts[i].begin = width * static_cast<double>(i);
    parts[i].end = i + 1 == parts.size() ? result.seconds : width * static_cast<double>(i + 1);
    parts[i].ttft = distribution_of(std::move(ttft[i]));
    parts[i].itl = distribution_of(std::move(itl[i]));
  }
  return parts;
}

}  // namespace moesim
