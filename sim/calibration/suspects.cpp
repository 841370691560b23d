#include "sim/calibration/suspects.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace moesim {
namespace {

constexpr double kSlower = 1.295;  // 1.3 in two digits

// Seconds by token count.
using Times = std::map<int, double>;

struct Configuration {
  const MoeRow* first = nullptr;
  Times times;
};

std::string shape_of(const MoeRow& row) {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}", row.system, row.framework, row.kernel_source,
                     row.dtype_name, row.hidden, row.width, row.top_k, row.experts,
                     row.distribution);
}

// Of `slow` over `fast` at the token counts of both; none where they share none.
std::optional<double> median_ratio(const Times& slow, const Times& fast) {
  std::vector<double> ratios;
  for (const auto& [tokens, seconds] : slow)
    if (const auto found = fast.find(tokens); found != fast.end())
      ratios.push_back(seconds / found->second);
  if (ratios.empty()) return std::nullopt;
  std::sort(ratios.begin(), ratios.end());
  const std::size_t middle = ratios.size() / 2;
  return ratios.size() % 2 == 1 ? ratios[middle] : 0.5 * (ratios[middle - 1] + ratios[middle]);
}

}  // namespace

std::string to_string(const SuspectGroup& group) {
  const MoeRow& row = group.row;
  return fmt::format(
      "{} {} {} {} {}, {} x {}, top {} of {}, TP {}, EP {}: {:.2f} times as slow as "
      "TP {}, EP {}",
      row.system, row.framework, row.kernel_source, row.dtype_name, row.distribution, row.hidden,
      row.width, row.top_k, row.experts, row.tp, row.ep, group.slowdown, group.less_tp,
      group.less_ep);
}

std::vector<SuspectGroup> find_suspects(const std::vector<MoeRow>& rows) {
  std::vector<std::string> order;  // of shapes
  std::map<std::string, std::map<std::pair<int, int>, Configuration>> shapes;
  for (const MoeRow& row : rows) {
    if (!unusable_reason(row).empty()) continue;
    auto [shape, fresh] = shapes.try_emplace(shape_of(row));
    if (fresh) order.push_back(shape->first);
    Configuration& configuration = shape->second[{row.tp, row.ep}];
    if (configuration.first == nullptr) configuration.first = &row;
    configuration.times[row.tokens] = row.measured.value;
  }
  std::vector<SuspectGroup> suspects;
  for (const std::string& name : order) {
    for (const auto& [cuts, configuration] : shapes[name]) {
      SuspectGroup worst{.row = *configuration.first};
      for (const auto& [fewer, other] : shapes[name]) {
        if (fewer == cuts || fewer.first > cuts.first || fewer.second > cuts.second) continue;
        const std::optional<double> ratio = median_ratio(configuration.times, other.times);
        if (!ratio || *ratio <= worst.slowdown) continue;
        worst.slowdown = *ratio;
        std::tie(worst.less_tp, worst.less_ep) = fewer;
      }
      if (worst.slowdown >= kSlower) suspects.push_back(std::move(worst));
    }
  }
  return suspects;
}

}  // namespace moesim
