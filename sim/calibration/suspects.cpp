#include "sim/calibration/suspects.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

namespace moesim {
namespace {

constexpr double kSlower = 1.295;  // 1.3 in two digits

struct Call {
  double seconds = 0;
  double active = 1;  // experts of the rank that have rows
};

// How experts are cut, and what load they were measured with.
struct Cut {
  int tp = 1, ep = 1;
  std::string distribution;
  auto operator<=>(const Cut&) const = default;

  bool no_less_than(const Cut& other) const { return tp >= other.tp && ep >= other.ep; }
};

struct Configuration {
  const MoeRow* first = nullptr;
  std::map<int, Call> calls;  // by token count
};

using Configurations = std::map<Cut, Configuration>;

std::string shape_of(const MoeRow& row) {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}", row.system, row.framework, row.kernel_source,
                     row.dtype_name, row.hidden, row.width, row.top_k, row.experts);
}

// In the order in which shapes appear.
std::vector<Configurations> shapes_of(const std::vector<MoeRow>& rows) {
  std::map<std::string, std::size_t> index;
  std::vector<Configurations> shapes;
  for (const MoeRow& row : rows) {
    if (!unusable_reason(row).empty()) continue;
    const auto [place, fresh] = index.try_emplace(shape_of(row), shapes.size());
    if (fresh) shapes.emplace_back();
    Configuration& configuration = shapes[place->second][{row.tp, row.ep, row.distribution}];
    if (configuration.first == nullptr) configuration.first = &row;
    configuration.calls[row.tokens].seconds = row.measured.value;
  }
  return shapes;
}

// Of `slow` over `fast` at the token counts of both; none where they share none.
std::optional<double> median_ratio(const Configuration& slow, const Configuration& fast) {
  std::vector<double> ratios;
  for (const auto& [tokens, call] : slow.calls)
    if (const auto found = fast.calls.find(tokens); found != fast.calls.end())
      ratios.push_back(call.seconds / found->second.seconds /
                       std::max(1.0, call.active / found->second.active));
  if (ratios.empty()) return std::nullopt;
  std::sort(ratios.begin(), ratios.end());
  const std::size_t middle = ratios.size() / 2;
  return ratios.size() % 2 == 1 ? ratios[middle] : 0.5 * (ratios[middle - 1] + ratios[middle]);
}

// The configurations that are slower than one that `does_more` work, each against the worst.
template <class DoesMore>
std::vector<SuspectGroup> slower_than(const std::vector<Configurations>& shapes,
                                      const DoesMore& does_more) {
  std::vector<SuspectGroup> suspects;
  for (const Configurations& shape : shapes) {
    for (const auto& [cut, configuration] : shape) {
      SuspectGroup worst{.row = *configuration.first};
      for (const auto& [less, other] : shape) {
        if (!does_more(less, cut)) continue;
        const std::optional<double> ratio = median_ratio(configuration, other);
        if (!ratio || *ratio <= worst.slowdown) continue;
        worst.slowdown = *ratio;
        std::tie(worst.less_tp, worst.less_ep, worst.less_distribution) =
            std::tie(less.tp, less.ep, less.distribution);
      }
      if (worst.slowdown >= kSlower) suspects.push_back(std::move(worst));
    }
  }
  return suspects;
}

}  // namespace

std::string to_string(const SuspectGroup& group) {
  const MoeRow& row = group.row;
  return fmt::format(
      "{} {} {} {} {}, {} x {}, top {} of {}, TP {}, EP {}: {:.2f} times as slow as "
      "TP {}, EP {}{}",
      row.system, row.framework, row.kernel_source, row.dtype_name, row.distribution, row.hidden,
      row.width, row.top_k, row.experts, row.tp, row.ep, group.slowdown, group.less_tp,
      group.less_ep,
      group.less_distribution == row.distribution ? std::string() : ", " + group.less_distribution);
}

std::vector<SuspectGroup> find_suspects(const std::vector<MoeRow>& rows) {
  return slower_than(shapes_of(rows), [](const Cut& less, const Cut& cut) {
    return less != cut && less.distribution == cut.distribution && cut.no_less_than(less);
  });
}

std::vector<SuspectGroup> find_contradicted(const std::vector<MoeRow>& rows, TableLoads& loads) {
  std::vector<MoeRow> light;
  for (const MoeRow& row : rows)
    if (row.tokens * row.top_k <= row.experts) light.push_back(row);
  std::vector<Configurations> shapes = shapes_of(light);
  for (Configurations& shape : shapes)
    for (auto& [cut, configuration] : shape)
      for (auto& [tokens, call] : configuration.calls) {
        MoeRow row = *configuration.first;
        row.tokens = tokens;
        double active = 0;
        const auto& draws = loads.of(row);
        for (const std::vector<int>& draw : draws)
          active += static_cast<double>(
              std::count_if(draw.begin(), draw.end(), [](int rows) { return rows > 0; }));
        call.active = std::max(1.0, active / static_cast<double>(draws.size()));
      }
  return slower_than(shapes, [](const Cut& less, const Cut& cut) {
    return less.distribution != cut.distribution && cut.no_less_than(less);
  });
}

}  // namespace moesim
