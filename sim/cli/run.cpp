// moesim run: one scenario, simulated, in a table or as files.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

#include "analysis/csv.hpp"
#include "analysis/experiment.hpp"
#include "analysis/format.hpp"
#include "analysis/json.hpp"
#include "analysis/output_directory.hpp"
#include "analysis/progress.hpp"
#include "analysis/report/report.hpp"
#include "analysis/serving_csv.hpp"
#include "analysis/strip.hpp"
#include "analysis/summary.hpp"
#include "analysis/summary_table.hpp"
#include "analysis/table.hpp"
#include "analysis/timeline.hpp"
#include "sim/base/preset_section.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/flags.hpp"
#include "sim/cli/run_blame.hpp"
#include "sim/cli/run_fidelities.hpp"
#include "sim/cli/run_max_batch.hpp"
#include "sim/simulate.hpp"

namespace moesim {
namespace {

struct RunFlags {
  ScenarioFlags scenario;
  OutputFlags output;
  std::string directory;
  bool timeline = false;
  bool dry_run = false;
  bool blame = false;
  bool max_batch = false;
  bool csv = false, markdown = false;  // the metrics
  std::vector<std::string> fidelities;
  std::optional<double> speedup;
};

// What is looked at in fixed batches. Serving, steps come and go as requests do.
void refuse_for_serving(const RunFlags& flags) {
  for (const auto& [name, given] :
       {std::pair{"--timeline", flags.timeline}, {"--blame", flags.blame}})
    if (given)
      throw InputError({text_source(name, "", true), 0, 0}, "is for fixed batches, not for serving",
                       "leave out the section requests:, or the flag");
}

// Writes the timeline while the run goes on, if asked for.
class TimelineFile {
 public:
  TimelineFile(const std::string& path, const Cluster& cluster) {
    if (path.empty()) return;
    file_.open(path);
    IdVector<GpuId, NodeId> nodes(cluster.gpus());
    for (GpuId gpu : nodes.ids()) nodes[gpu] = cluster.node_of(gpu);
    writer_ = std::make_unique<TimelineWriter>(file_, std::move(nodes));
  }
  void add(const Span& span) {
    if (!writer_) return;
    end_ = std::max(end_, span.end);
    writer_->add(span);
  }
  void finish() {
    if (writer_) writer_->finish(end_);
  }

 private:
  std::ofstream file_;
  std::unique_ptr<TimelineWriter> writer_;
  Seconds end_;
};

// In the child: simulates, and packs what the parent prints and writes.
std::string run_documents(const Scenario& scenario, const RunFlags& flags,
                          const std::string& timeline_path, bool show_progress) {
  TimelineFile timeline(timeline_path, *scenario.cluster);
  Progress progress(scenario.serves() ? "requests" : "steps", show_progress);
  RunListener listener;
  listener.step_ended = [&](int step, int steps) { progress.update(step, steps); };
  StripRecorder strip(scenario.workload.warmup_steps);
  if (!flags.directory.empty())
    listener.span = [&](const Span& span) {
      timeline.add(span);
      strip.add(span);
    };
  const RunResult result = simulate(scenario, listener);
  timeline.finish();
  Json documents;
  documents["summary"] = write_json(summary_document(scenario, result));
  documents["table"] = run_table(scenario, result, flags.output.screen());
  documents["loads"] = loads_csv(result);
  documents["links"] = links_csv(result);
  if (result.serving) {
    documents["requests"] = requests_csv(*result.serving, scenario.serving.targets);
    documents["serving_steps"] = serving_steps_csv(*result.serving);
    documents["serving_latencies"] = serving_latencies_csv(*result.serving);
    return documents.dump();
  }
  documents["steps"] = steps_csv(result);
  documents["gpus"] = gpus_csv(result);
  documents["strip"] = strip.csv(result);
  documents["step_seconds"] = step_seconds(result);
  return documents.dump();
}

// Puts what the runs without each cause came to where the parent prints and writes.
void add_blame(Json& documents, const std::vector<Outcome>& without, const Screen& screen) {
  const Blame blame = read_blame(documents["step_seconds"], without);
  Json summary = Json::parse(documents["summary"].get<std::string>());
  summary["blame"] = blame_json(blame);
  documents["summary"] = write_json(summary);
  documents["table"] = documents["table"].get<std::string>() + "\n" + blame_table(blame, screen);
}

void write_outputs(const OutputDirectory& directory, const Scenario& scenario,
                   const Json& documents) {
  directory.write("scenario.yaml", write_yaml(relocated(scenario.resolved, directory.path())));
  directory.write("summary.json", documents["summary"].get<std::string>());
  for (const char* name : {"steps", "gpus", "loads", "links", "strip", "requests", "serving_steps",
                           "serving_latencies"})
    if (documents.contains(name))
      directory.write(fmt::format("{}.csv", name), documents[name].get<std::string>());
  directory.write("report.html",
                  report_page([&](const std::string& name) { return directory.read(name); }));
}

int print_preview(const Scenario& scenario, const RunFlags& flags) {
  const Preview preview = moesim::preview(scenario);
  if (!flags.directory.empty()) OutputDirectory::check(flags.directory);
  if (flags.output.json) {
    Json document;
    document["schema"] = "moesim.preview/1";
    document["scenario"] = to_json(scenario.resolved);
    document["memory_bytes_max"] = preview.memory_bytes_max;
    document["memory_bytes_limit"] = preview.memory_bytes_limit;
    document["predicted_gpu_max_over_mean"] = preview.predicted_gpu_max_over_mean;
    document["routing_detail"] = preview.routing_detail;
    document["routes_per_step"] = preview.routes_per_step;
    document["warnings"] = preview.warnings;
    fmt::print("{}", write_json(document));
    return kExitDone;
  }
  fmt::print("{}\n", write_yaml(scenario.resolved));
  fmt::print("# memory of the fullest GPU: {} of {}\n",
             format_bytes(Bytes(preview.memory_bytes_max)),
             format_bytes(Bytes(preview.memory_bytes_limit)));
  fmt::print("# placement on the load it was made for: GPU max/mean {}\n",
             format_number(preview.predicted_gpu_max_over_mean));
  const int steps = scenario.workload.steps + scenario.workload.warmup_steps;
  fmt::print("# to simulate: {} of {} routes, drawn as {}, network {}\n",
             scenario.serves() ? "steps" : fmt::format("{} steps", steps),
             format_count(preview.routes_per_step), preview.routing_detail,
             to_string(scenario.network.fidelity));
  for (const std::string& warning : preview.warnings) fmt::print("# warning: {}\n", warning);
  return kExitDone;
}

void print_result(const Json& documents, const RunFlags& flags) {
  const auto summary = documents["summary"].get<std::string>();
  if (flags.output.json) {
    fmt::print("{}", summary);
  } else if (flags.csv || flags.markdown) {
    const TextTable table = metrics_table(Json::parse(summary));
    fmt::print("{}", flags.csv ? table.csv() : table.markdown());
  } else {
    fmt::print("{}", flags.output.screen().shown(documents["table"].get<std::string>()));
    if (!flags.directory.empty()) fmt::print("written to {}\n", flags.directory);
  }
}

void refuse_table_forms(const RunFlags& flags) {
  if (flags.csv || flags.markdown)
    throw InputError({text_source(flags.csv ? "--csv" : "--markdown", "", true), 0, 0},
                     "is a form of the metrics of a run", "leave it out, or take --json");
}

int run(const RunFlags& flags) {
  if (flags.max_batch || flags.dry_run || !flags.fidelities.empty()) refuse_table_forms(flags);
  if (flags.max_batch) {
    if (!flags.directory.empty() || flags.timeline || flags.dry_run || flags.blame ||
        !flags.fidelities.empty())
      throw InputError({text_source("--max-batch", "", true), 0, 0},
                       "prints an answer and simulates nothing",
                       "it prints the command that simulates the largest batch");
    return run_max_batch(flags.scenario, flags.output);
  }
  if (!flags.fidelities.empty()) {
    if (!flags.directory.empty() || flags.timeline || flags.dry_run || flags.blame)
      throw InputError({text_source("--fidelity", "", true), 0, 0},
                       "prints a comparison and nothing else",
                       "for files of one fidelity: --set network.fidelity=NAME -o DIR");
    return run_fidelities(flags.scenario, flags.output, flags.fidelities);
  }
  if (flags.blame && flags.dry_run)
    throw InputError({text_source("--blame", "", true), 0, 0},
                     "simulates the steps again, and --dry-run simulates nothing");
  ScenarioFlags read = flags.scenario;
  if (flags.speedup) read.overrides.push_back(fmt::format("requests.speedup={}", *flags.speedup));
  const Scenario scenario = read.read();
  if (scenario.serves()) refuse_for_serving(flags);
  if (flags.timeline && flags.directory.empty())
    throw InputError({text_source("--timeline", "", true), 0, 0}, "needs -o DIR to write to");
  if (flags.dry_run) return print_preview(scenario, flags);
  std::optional<OutputDirectory> directory;
  if (!flags.directory.empty()) directory.emplace(flags.directory);
  const std::string timeline = flags.timeline ? directory->file("timeline.json").string() : "";
  const bool progress = Progress::wanted(flags.output.quiet);
  std::vector<Variant> variants = {
      {scenario.name, [&] { return run_documents(scenario, flags, timeline, progress); }}};
  if (flags.blame)
    for (Variant& variant : blame_variants(scenario)) variants.push_back(std::move(variant));
  const std::vector<Outcome> outcomes =
      run_variants(variants, {.jobs = flags.output.job_count(), .share_stderr = progress});
  throw_if_failed(outcomes);
  Json documents = Json::parse(outcomes.front().document);
  if (flags.blame)
    add_blame(documents, {outcomes.begin() + 1, outcomes.end()}, flags.output.screen());
  if (directory) {
    write_outputs(*directory, scenario, documents);
    directory->commit();
  }
  print_result(documents, flags);
  return kExitDone;
}

const RegisterCommand kRun(
    "run",
    {"simulate a scenario", [](CLI::App& app) {
       auto flags = std::make_shared<RunFlags>();
       flags->scenario.declare(app);
       flags->output.declare(app);
       declare_table_forms(app, flags->csv, flags->markdown);
       app.add_option("-o,--out", flags->directory, "directory for the results (moesim help files)")
           ->type_name("DIR")
           ->check([](const std::string& text) {
             return text.empty() ? std::string("needs the name of a directory") : std::string();
           });
       app.add_option("--speedup", flags->speedup,
                      "requests arrive so many times as fast (same as --set requests.speedup=X)")
           ->check(CLI::PositiveNumber);
       app.add_flag("--timeline", flags->timeline, "also write timeline.json (opens in Perfetto)");
       app.add_flag("--blame", flags->blame,
                    "simulate the steps again without each cause of time: what would they take?");
       app.add_flag(
           "--max-batch", flags->max_batch,
           "the largest batch whose memory and buffers fit, and what takes it; simulate nothing");
       app.add_option(
              "--fidelity", flags->fidelities,
              "compare network models: pairwise, fluid, fluid:TOLERANCE, aggregated, analytic")
           ->type_name("FIDELITY,…")
           ->delimiter(',')
           ->allow_extra_args(false);
       app.add_flag(
           "--dry-run", flags->dry_run,
           "check everything, print the resolved scenario and what it takes; simulate nothing");
       return [flags] { return run(*flags); };
     }});

}  // namespace
}  // namespace moesim
