#include "analysis/sweep/sweep_points.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "sim/base/yaml_flow.hpp"

namespace moesim {
namespace {

constexpr std::size_t kMostPoints = 100'000;

std::vector<SweepPoint> combinations_of(const SweepFile& file) {
  std::vector<SweepPoint> points;
  if (file.matrix.empty()) return points;
  points.emplace_back();
  for (const SweepAxis& axis : file.matrix) {
    if (points.size() * axis.values.size() > kMostPoints)
      throw InputError(axis.spot, fmt::format("the sweep has more than {} points", kMostPoints),
                       "fewer values, or several sweeps");
    std::vector<SweepPoint> longer;
    for (const SweepPoint& before : points)
      for (const YamlNode& value : axis.values) {
        longer.push_back(before);
        longer.back().settings.push_back({axis.key, axis.spot, value});
      }
    points = std::move(longer);
  }
  return points;
}

bool is_axis(const SweepFile& file, const std::string& key) {
  return std::any_of(file.matrix.begin(), file.matrix.end(),
                     [&](const SweepAxis& axis) { return axis.key == key; });
}

bool any_of_values(const YamlNode& wanted, const YamlNode& value) {
  if (same_value(wanted, value)) return true;
  return wanted.is_list() &&
         std::any_of(wanted.items.begin(), wanted.items.end(),
                     [&](const YamlNode& item) { return same_value(item, value); });
}

void check_excluded_keys(const SweepFile& file, const SweepEntry& entry, Mistakes& mistakes) {
  std::vector<std::string> known;
  for (const SweepAxis& axis : file.matrix) known.push_back(axis.key);
  for (const SweepSetting& setting : entry.settings)
    if (!is_axis(file, setting.key))
      mistakes.add(setting.spot, fmt::format("'{}' is not a key of the matrix", setting.key),
                   hint_for(setting.key, known));
}

void exclude(const SweepFile& file, std::vector<SweepPoint>& points, Mistakes& mistakes) {
  for (const SweepEntry& entry : file.exclude) {
    check_excluded_keys(file, entry, mistakes);
    mistakes.throw_if_any();
    const std::size_t gone = std::erase_if(points, [&](const SweepPoint& point) {
      return std::all_of(entry.settings.begin(), entry.settings.end(),
                         [&](const SweepSetting& setting) {
                           return any_of_values(setting.value, *point.find(setting.key));
                         });
    });
    if (gone == 0)
      mistakes.add(entry.spot, "this excludes no point",
                   "the values are those of the matrix, and no entry before has excluded them");
  }
}

// Gives its further keys to the points that match; false where none does.
bool extend(const SweepFile& file, const SweepEntry& entry, std::vector<SweepPoint>& points) {
  bool matched = false;
  for (SweepPoint& point : points) {
    const bool fits =
        std::all_of(entry.settings.begin(), entry.settings.end(), [&](const SweepSetting& setting) {
          const YamlNode* own = is_axis(file, setting.key) ? point.find(setting.key) : nullptr;
          return !is_axis(file, setting.key) || (own != nullptr && same_value(setting.value, *own));
        });
    if (!fits) continue;
    matched = true;
    for (const SweepSetting& setting : entry.settings)
      if (point.find(setting.key) == nullptr) point.settings.push_back(setting);
  }
  return matched;
}

void check_unique(const std::vector<SweepPoint>& points, const std::vector<Spot>& spots,
                  Mistakes& mistakes) {
  std::map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < points.size(); ++i) {
    std::vector<std::string> parts;
    for (const SweepSetting& setting : points[i].settings)
      parts.push_back(setting.key + "=" + write_flow(setting.value));
    std::sort(parts.begin(), parts.end());
    std::string all;
    for (const std::string& part : parts) all += part + "\n";
    if (!seen.emplace(all, i).second)
      mistakes.add(spots[i], fmt::format("the point {} is there already", points[i].name()));
  }
}

}  // namespace

const YamlNode* SweepPoint::find(const std::string& key) const {
  for (const SweepSetting& setting : settings)
    if (setting.key == key) return &setting.value;
  return nullptr;
}

std::string SweepPoint::name() const {
  std::string name;
  for (const SweepSetting& setting : settings)
    name += (name.empty() ? "" : ", ") + setting.key + "=" + write_flow(setting.value);
  return name;
}

std::vector<SweepPoint> sweep_points(const SweepFile& file) {
  Mistakes mistakes;
  std::vector<SweepPoint> points = combinations_of(file);
  exclude(file, points, mistakes);
  const std::size_t of_matrix = points.size();
  std::vector<SweepPoint> grid = std::move(points), further;
  std::vector<Spot> spots(of_matrix, file.spot);
  const auto add = [&](const SweepEntry& entry) {
    further.push_back({entry.settings});
    spots.push_back(entry.spot);
  };
  for (const SweepEntry& entry : file.include) {
    const bool names_more =
        std::any_of(entry.settings.begin(), entry.settings.end(),
                    [&](const SweepSetting& setting) { return !is_axis(file, setting.key); });
    if (!extend(file, entry, grid))
      add(entry);
    else if (!names_more)
      mistakes.add(entry.spot, "this includes what the matrix has already");
  }
  for (const SweepEntry& entry : file.list) add(entry);
  points = std::move(grid);
  points.insert(points.end(), further.begin(), further.end());
  check_unique(points, spots, mistakes);
  if (points.empty()) mistakes.add(file.spot, "no point is left");
  mistakes.throw_if_any();
  return points;
}

std::vector<std::string> swept_keys(const std::vector<SweepPoint>& points) {
  std::vector<std::string> keys;
  for (const SweepPoint& point : points)
    for (const SweepSetting& setting : point.settings)
      if (std::find(keys.begin(), keys.end(), setting.key) == keys.end())
        keys.push_back(setting.key);
  return keys;
}

}  // namespace moesim
