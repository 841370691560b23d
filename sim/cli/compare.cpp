// moesim compare: variants side by side, on the same draws.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "analysis/compare_table.hpp"
#include "analysis/experiment.hpp"
#include "analysis/output_directory.hpp"
#include "analysis/progress.hpp"
#include "analysis/report/report.hpp"
#include "analysis/summary.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/compare_flags.hpp"
#include "sim/cli/flags.hpp"
#include "sim/cli/replaced_sections.hpp"
#include "sim/cli/vary.hpp"
#include "sim/read_scenario.hpp"
#include "sim/simulate.hpp"

namespace moesim {
namespace {

struct NamedVariant {
  std::string name;
  std::vector<std::pair<std::string, std::string>> labels;  // varied keys and their values
  std::vector<Scenario> scenarios;                          // one for each seed
};

[[noreturn]] void refuse(const std::string& flag, const std::string& text, const std::string& why,
                         const std::string& hint) {
  throw InputError({text_source(flag, text, true), 1, 1}, why, hint);
}

std::vector<Scenario> with_seeds(const CompareFlags& flags, const std::string& path,
                                 const std::vector<std::string>& assignments) {
  std::vector<std::string> overrides = flags.overrides;
  overrides.insert(overrides.end(), assignments.begin(), assignments.end());
  if (flags.seed) overrides.push_back(fmt::format("seed={}", *flags.seed));
  std::vector<Scenario> scenarios{read_scenario(path, overrides)};
  const std::uint64_t first = scenarios.front().seed;
  for (int i = 1; i < flags.seeds; ++i) {
    overrides.push_back(fmt::format("seed={}", first + static_cast<std::uint64_t>(i)));
    scenarios.push_back(read_scenario(path, overrides));
    overrides.pop_back();
  }
  return scenarios;
}

std::vector<NamedVariant> read_variants(const CompareFlags& flags) {
  std::vector<Vary> varied;
  for (const std::string& text : flags.vary) {
    varied.push_back(parse_vary(text));
    if (varied.back().key == "seed")
      refuse("--vary", text, "seeds are not variants: they are paired", "say --seeds N");
  }
  std::vector<NamedVariant> variants;
  Mistakes mistakes;
  for (const std::string& path : flags.paths)
    for (const auto& assignments : combinations(varied)) {
      const std::string file = std::filesystem::path(path).stem().string();
      NamedVariant variant;
      if (flags.paths.size() > 1) variant.labels.emplace_back("scenario", file);
      if (flags.paths.size() > 1 || assignments.empty()) variant.name = file;
      for (const std::string& assignment : assignments) {
        const std::size_t equals = assignment.find('=');
        variant.labels.emplace_back(assignment.substr(0, equals), assignment.substr(equals + 1));
        variant.name += (variant.name.empty() ? "" : ", ") + assignment;
      }
      try {
        variant.scenarios = with_seeds(flags, path, assignments);
        variants.push_back(std::move(variant));
      } catch (const InputError& error) {
        mistakes.add(error);
      }
    }
  mistakes.throw_if_any();
  return variants;
}

// Every variant has its own name, there are two of them, and their seeds are the same.
void check(const std::vector<NamedVariant>& variants) {
  if (variants.size() < 2)
    refuse("compare", variants.front().name, "there is nothing to compare this with",
           "name a second scenario, or say --vary placement=linear,lpt");
  for (std::size_t i = 0; i < variants.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      if (variants[i].name == variants[j].name)
        refuse("compare", variants[i].name, "two variants have this name",
               "give the scenario files different names");
      if (variants[i].scenarios.front().seed != variants[j].scenarios.front().seed)
        refuse("compare", variants[i].name,
               fmt::format("its seed is {}, that of {} is {}: their draws are not the same",
                           variants[i].scenarios.front().seed, variants[j].name,
                           variants[j].scenarios.front().seed),
               "say --seed 1");
    }
}

std::size_t baseline_of(const std::string& text, const std::vector<NamedVariant>& variants) {
  if (text.empty()) return 0;
  std::optional<std::size_t> found;
  std::string names;
  for (std::size_t i = 0; i < variants.size(); ++i) {
    const std::string& name = variants[i].name;
    if (name == text) return i;
    names += (i == 0 ? "" : "; ") + name;
    const std::size_t equals = name.find('=');
    if (equals != std::string::npos && name.substr(equals + 1) == text) found = i;
  }
  if (!found) refuse("--baseline", text, "no variant has this name", "one of: " + names);
  return *found;
}

CompareHeading heading_of(const std::vector<NamedVariant>& variants) {
  CompareHeading heading;
  std::vector<std::string> titles;
  std::optional<std::string> subject;
  for (const NamedVariant& variant : variants) {
    const Scenario& scenario = variant.scenarios.front();
    if (std::find(titles.begin(), titles.end(), scenario.name) == titles.end())
      titles.push_back(scenario.name);
    const std::string own =
        fmt::format("{} on {} × {} in {} node{}{}", scenario.model.name, scenario.cluster->gpus(),
                    scenario.cluster->gpu().name, scenario.cluster->nodes(),
                    scenario.cluster->nodes() > 1 ? "s" : "",
                    scenario.serves() ? ""
                                      : fmt::format(", {} step{}", scenario.workload.steps,
                                                    scenario.workload.steps > 1 ? "s" : ""));
    if (!subject) subject = own;
    if (*subject != own) subject = "";
  }
  for (const std::string& title : titles)
    heading.title += (heading.title.empty() ? "" : " and ") + title;
  heading.subject = *subject;
  return heading;
}

std::vector<ComparedVariant> simulate_all(const std::vector<NamedVariant>& variants,
                                          const OutputFlags& output) {
  std::vector<Variant> runs;
  for (const NamedVariant& variant : variants)
    for (const Scenario& scenario : variant.scenarios)
      runs.push_back({fmt::format("{} (seed {})", variant.name, scenario.seed), [&scenario] {
                        return summary_document(scenario, simulate(scenario)).dump();
                      }});
  Progress progress("runs", Progress::wanted(output.quiet));
  const auto total = static_cast<std::int64_t>(runs.size());
  const std::vector<Outcome> outcomes = run_variants(
      runs,
      {.jobs = output.job_count(), .on_done = [&](int done) { progress.update(done, total); }});
  throw_if_failed(outcomes);
  std::vector<ComparedVariant> compared;
  auto outcome = outcomes.begin();
  for (const NamedVariant& variant : variants) {
    compared.push_back({.name = variant.name, .labels = variant.labels});
    for (std::size_t i = 0; i < variant.scenarios.size(); ++i)
      compared.back().summaries.push_back(Json::parse((outcome++)->document));
  }
  return compared;
}

// Variants that are worse than the baseline by more than is allowed, whatever their noise, and
// those of which nothing is known.
std::vector<std::string> failing(const VariantComparison& comparison, double fail_below) {
  std::vector<std::string> reasons;
  for (std::size_t i = 0; i < comparison.rows.size(); ++i) {
    const ComparedRow& row = comparison.rows[i];
    if (i == comparison.baseline) continue;
    if (!row.has_difference)
      reasons.push_back(fmt::format("{}: {} is not defined, here or for the baseline", row.name,
                                    comparison.metric->name));
    else if (best_case_ratio(row, *comparison.metric) < fail_below)
      reasons.push_back(fmt::format("{} is below {} of the baseline in {}", row.name, fail_below,
                                    comparison.metric->name));
  }
  return reasons;
}

void check_metric(const CompareFlags& flags) {
  std::string names;
  for (const ComparedMetric& metric : compared_metrics())
    names += (names.empty() ? "" : ", ") + metric.name;
  const ComparedMetric* metric = find_metric(flags.metric);
  if (metric == nullptr)
    refuse("--metric", flags.metric, "this metric is not compared", "one of: " + names);
  if (flags.fail_below && metric->better == Better::kNeither)
    refuse("--metric", flags.metric, "neither more nor less of this is better",
           "--fail-below goes with another metric");
}

void write_outputs(const OutputDirectory& directory, const std::string& document,
                   const VariantComparison& comparison, const CompareHeading& heading) {
  directory.write("summary.json", document);
  directory.write("compare.csv", comparison_csv(comparison));
  directory.write("compare.md", comparison_markdown(comparison, heading));
  directory.write("report.html",
                  report_page([&](const std::string& name) { return directory.read(name); }));
}

int run(const CompareFlags& flags) {
  check_metric(flags);
  const std::vector<NamedVariant> variants = read_variants(flags);
  check(variants);
  const CompareOptions options{.baseline = baseline_of(flags.baseline, variants),
                               .metric = flags.metric};
  std::optional<OutputDirectory> directory;
  if (!flags.directory.empty()) directory.emplace(flags.directory);
  const std::vector<ComparedVariant> compared = simulate_all(variants, flags.output);
  VariantComparison comparison = compare(compared, options);
  for (const std::string& warning : replaced_sections(flags.paths, flags.vary))
    comparison.warnings.insert(comparison.warnings.begin(), warning);
  const CompareHeading heading = heading_of(variants);
  Json whole = comparison_document(comparison, compared);
  whole["provenance"] = compared.front().summaries.front().at("provenance");
  whole["command"] = command_of(flags);
  const std::string document = write_json(whole);
  if (directory) {
    write_outputs(*directory, document, comparison, heading);
    directory->commit();
  }
  fmt::print("{}", flags.output.json ? document
                   : flags.csv       ? comparison_csv(comparison)
                   : flags.markdown  ? comparison_markdown(comparison, heading)
                                     : comparison_text(comparison, heading, flags.output.screen()));
  if (!flags.fail_below) return kExitDone;
  const std::vector<std::string> worse = failing(comparison, *flags.fail_below);
  for (const std::string& reason : worse) fmt::print(stderr, "moesim: {}\n", reason);
  return worse.empty() ? kExitDone : kExitNo;
}

void declare_outputs(CLI::App& app, CompareFlags& flags) {
  flags.output.declare(app);
  declare_table_forms(app, flags.csv, flags.markdown);
  app.add_option("-o,--out", flags.directory,
                 "directory for summary.json, compare.csv, compare.md and report.html")
      ->check([](const std::string& text) {
        return text.empty() ? std::string("needs the name of a directory") : std::string();
      })
      ->type_name("DIR");
}

const RegisterCommand kCompare(
    "compare",
    {"set variants side by side, on the same draws", [](CLI::App& app) {
       auto flags = std::make_shared<CompareFlags>();
       app.add_option("SCENARIO", flags->paths, "scenario files")->required()->type_name("YAML");
       add_repeatable(app, "--set", flags->overrides, "KEY=VALUE", "override a key (repeatable)");
       add_repeatable(app, "--vary", flags->vary, "KEY=VALUES",
                      "values of a key: a,b,c, or LO:HI:STEP, or LO:HI:xK (repeatable: all "
                      "combinations)");
       app.add_option("--seed", flags->seed, "the first seed");
       app.add_option("--seeds", flags->seeds, "runs of each variant, on seeds in a row")
           ->check(CLI::Range(1, 10000))
           ->capture_default_str();
       app.add_option("--baseline", flags->baseline,
                      "name of the variant that the others are compared with, or the "
                      "value of its --vary (default: the first)");
       app.add_option("--metric", flags->metric, "what the difference is of")
           ->type_name("METRIC")
           ->capture_default_str();
       app.add_option("--fail-below", flags->fail_below,
                      "exit with 1 where a variant is worse than this share of the "
                      "baseline, its noise allowed for: 0.97")
           ->check(CLI::PositiveNumber);
       declare_outputs(app, *flags);
       return [flags] { return run(*flags); };
     }});

}  // namespace
}  // namespace moesim
