#include "analysis/sweep/sweep_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "analysis/summary.hpp"
#include "analysis/sweep/sweep_metrics.hpp"
#include "sim/base/digest.hpp"
#include "sim/base/override.hpp"
#include "sim/base/presets.hpp"
#include "sim/base/yaml_flow.hpp"
#include "sim/read_scenario.hpp"
#include "sim/simulate.hpp"

namespace moesim {
namespace {

constexpr std::size_t kMostRuns = 1'000'000;

// Whether one of the keys is the other or a section of it.
bool overlap(const std::string& a, const std::string& b) {
  return a == b || a.starts_with(b + ".") || b.starts_with(a + ".");
}

void refuse_swept_overrides(const std::vector<std::string>& overrides,
                            const std::vector<std::string>& axes) {
  for (const std::string& text : overrides)
    for (const std::string& axis : axes)
      if (overlap(text.substr(0, text.find('=')), axis))
        throw InputError({text_source("--set", text, true), 1, 1},
                         fmt::format("the sweep varies '{}'", axis),
                         "change the sweep's file, or set other keys");
}

// Sections before their keys, whatever the order of the file.
void apply(YamlNode& root, std::vector<SweepSetting> settings, Mistakes& mistakes) {
  std::stable_sort(settings.begin(), settings.end(),
                   [](const SweepSetting& a, const SweepSetting& b) {
                     return std::count(a.key.begin(), a.key.end(), '.') <
                            std::count(b.key.begin(), b.key.end(), '.');
                   });
  for (SweepSetting& setting : settings) {
    try {
      apply_override(root, setting.key, setting.spot, std::move(setting.value));
    } catch (const InputError& error) {
      mistakes.add(error);
    }
  }
}

YamlNode base_of(const SweepFile& file, const std::vector<std::string>& overrides) {
  YamlNode base = parse_yaml(read_source(file.scenario));
  if (!base.is_map())
    throw InputError(base.spot, "a scenario must be a section of keys and values");
  Mistakes mistakes;
  apply(base, file.settings, mistakes);
  apply_overrides(base, overrides, mistakes);
  mistakes.throw_if_any();
  return base;
}

Scenario scenario_of(const SweepPlan& plan, const SweepPoint& point,
                     std::optional<std::uint64_t> seed) {
  YamlNode root = plan.base;
  Mistakes mistakes;
  apply(root, point.settings, mistakes);
  mistakes.throw_if_any();
  if (seed) root.set("seed", YamlNode::scalar(std::to_string(*seed)));
  return read_scenario(std::move(root), plan.heading.scenario);
}

// The resolved scenario without its seed, and the contents of the files that it reads. The names of
// the files are left out: they depend on where the program was started.
class InputDigests {
 public:
  std::string of(const Scenario& scenario) {
    YamlNode resolved = scenario.resolved;
    std::erase_if(resolved.entries, [](const NodeEntry& entry) { return entry.key == "seed"; });
    std::string text = write_flow(resolved);
    for (const std::string& file : scenario.inputs) text += "\n" + of_file(file);
    return text;
  }

 private:
  const std::string& of_file(const std::string& file) {
    const auto [entry, fresh] = digests_.try_emplace(file);
    if (fresh) entry->second = file_digest(file_of_shown(file));
    return entry->second;
  }
  std::map<std::string, std::string> digests_;
};

std::string parameters_json(const SweepPoint& point) {
  Json json = Json::object();
  for (const SweepSetting& setting : point.settings) json[setting.key] = to_json(setting.value);
  return json.dump();
}

bool is_at(const Spot& spot, const SweepSetting& setting) {
  const int end = setting.spot.column + static_cast<int>(setting.key.size());
  return spot.source == setting.spot.source && spot.line == setting.spot.line &&
         spot.column >= setting.spot.column && spot.column < end;
}

// Mistakes of the points, to tell those of the file from those of a combination.
class PointMistakes {
 public:
  void add(const SweepPoint& point, const InputError* error) {
    ++points_;
    failed_ += error != nullptr;
    for (const SweepSetting& setting : point.settings) {
      OfKey& key = keys_[setting.key];
      ++key.points;
      if (error == nullptr) continue;
      for (const Mistake& mistake : error->mistakes())
        if (is_at(mistake.spot, setting)) {
          ++key.wrong;
          key.mistake = mistake;
          break;
        }
    }
    if (error == nullptr) return;
    for (const Mistake& mistake : error->mistakes())
      if (seen_.insert(format_mistake(mistake)).second)
        all_.add(mistake.spot, mistake.message, mistake.hint);
  }

  void throw_if_of_file() const {
    if (failed_ == points_) all_.throw_if_any();
    Mistakes wrong;
    for (const auto& [name, key] : keys_)
      if (key.wrong == key.points)
        wrong.add(key.mistake.spot, key.mistake.message, key.mistake.hint);
    wrong.throw_if_any();
  }

 private:
  struct OfKey {
    int points = 0, wrong = 0;  // wrong: with a mistake at the key itself
    Mistake mistake;
  };
  std::map<std::string, OfKey> keys_;
  std::set<std::string> seen_;
  Mistakes all_;
  int points_ = 0, failed_ = 0;
};

struct CheckedPoint {
  std::string inputs;  // what its runs are made of, but for the seed
  std::string error;
};

bool is_asked(const std::set<int>& only, std::size_t index) {
  return only.empty() || only.contains(static_cast<int>(index) + 1);
}

// Of every point, in their order; `first_seed` is the scenario's.
std::vector<CheckedPoint> checked_points(
    const SweepPlan& plan, const std::set<int>& only, std::uint64_t& first_seed,
    const std::function<void(std::int64_t, std::int64_t)>& progress) {
  std::vector<CheckedPoint> checked;
  InputDigests digests;
  PointMistakes mistakes;
  for (std::size_t i = 0; i < plan.points.size(); ++i) {
    checked.emplace_back();
    if (!is_asked(only, i)) continue;
    const SweepPoint& point = plan.points[i];
    try {
      const Scenario scenario = scenario_of(plan, point, std::nullopt);
      first_seed = scenario.seed;
      checked.back().inputs = digests.of(scenario);
      mistakes.add(point, nullptr);
    } catch (const InputError& error) {
      checked.back().error = error.what();
      mistakes.add(point, &error);
    }
    if (progress) progress(static_cast<std::int64_t>(i) + 1, std::ssize(plan.points));
  }
  mistakes.throw_if_of_file();
  return checked;
}

std::string program_digest() {
  return fmt::format("{} {}", MOESIM_VERSION, file_digest("/proc/self/exe"));
}

std::vector<std::uint64_t> seeds_of(const SweepFile& file, std::uint64_t first) {
  std::vector<std::uint64_t> seeds = file.seeds;
  if (!seeds.empty()) return seeds;
  for (int i = 0; i < file.seed_count; ++i) seeds.push_back(first + static_cast<std::uint64_t>(i));
  return seeds;
}

void check_size(const SweepFile& file, std::size_t points) {
  const std::size_t seeds =
      file.seeds.empty() ? static_cast<std::size_t>(file.seed_count) : file.seeds.size();
  if (points * seeds > kMostRuns)
    throw InputError(file.spot, fmt::format("the sweep has more than {} runs", kMostRuns),
                     "fewer seeds, or several sweeps");
}

}  // namespace

SweepPlan plan_sweep(const std::string& path, const std::vector<std::string>& overrides,
                     const std::set<int>& only,
                     const std::function<void(std::int64_t, std::int64_t)>& progress) {
  const SweepFile file = read_sweep_file(path);
  SweepPlan plan{.program = program_digest(), .points = sweep_points(file)};
  check_size(file, plan.points.size());
  plan.heading = {.name = file.name,
                  .scenario = file.scenario.stem().string(),
                  .axes = swept_keys(plan.points)};
  refuse_swept_overrides(overrides, plan.heading.axes);
  plan.base = base_of(file, overrides);
  std::uint64_t first_seed = 1;
  const std::vector<CheckedPoint> checked = checked_points(plan, only, first_seed, progress);
  const std::vector<std::uint64_t> seeds = seeds_of(file, first_seed);
  for (std::size_t i = 0; i < plan.points.size(); ++i)
    for (const std::uint64_t seed : is_asked(only, i) ? seeds : std::vector<std::uint64_t>{}) {
      SweepAim aim{.point = static_cast<int>(i) + 1,
                   .seed = seed,
                   .name = plan.points[i].name(),
                   .parameters = parameters_json(plan.points[i]),
                   .error = checked[i].error};
      if (aim.error.empty()) {
        aim.input_digest = digest(fmt::format("{}\nseed {}", checked[i].inputs, seed));
        aim.run = digest(aim.input_digest + plan.program);
      }
      plan.aims.push_back(std::move(aim));
    }
  return plan;
}

std::string simulate_aim(const SweepPlan& plan, const SweepAim& aim) {
  const auto& point = plan.points[static_cast<std::size_t>(aim.point) - 1];
  const Scenario scenario = scenario_of(plan, point, aim.seed);
  Json summary = summary_document(scenario, simulate(scenario));
  for (const char* large : {"layers", "gpus", "links", "hot"}) summary.erase(large);
  return summary.dump();
}

SweepRecord record_of(const SweepPlan& plan, const SweepAim& aim, const std::string& document) {
  SweepRecord record = failed_record(plan, aim, 0, "");
  Json summary = Json::parse(document);
  record.numbers = summary_numbers(summary);
  record.scenario = summary["scenario"].dump();
  for (const char* elsewhere : {"schema", "scenario", "seed", "metrics"}) summary.erase(elsewhere);
  record.details = summary.dump();
  return record;
}

SweepRecord failed_record(const SweepPlan& plan, const SweepAim& aim, int exit_code,
                          const std::string& error) {
  return {.run = aim.run,
          .seed = aim.seed,
          .exit_code = exit_code,
          .error = error,
          .program = plan.program,
          .input_digest = aim.input_digest};
}

}  // namespace moesim
