// The pages of help that are not made from declarations.
#include "sim/cli/command.hpp"
#include "sim/cli/help_topics.hpp"

namespace moesim {

HelpPage files_page() {
  HelpPage page{.title = "Files"};
  page.heading("What moesim reads")
      .item(
          "SCENARIO.yaml",
          "a scenario: sections model, cluster, parallel, workload, trace, gate, capacity, "
          "placement, replica, exchange, overlap, rebalance and more, each a map or the bare name "
          "of a kind or a preset. Paths in it are relative to it. moesim list --markdown prints "
          "every key.")
      .item("models/NAME.yaml, clusters/NAME.yaml, calibrations/NAME.yaml",
            "presets, beside the program (scenarios/) or in $MOESIM_SCENARIOS. A Hugging Face "
            "config.json is taken for a model, too.")
      .item("trace.h5, trace.jsonl",
            "recorded routes: HDF5, or JSON lines; moesim trace converts other forms to them and "
            "looks into them.")
      .item(
          "loads.json, loads.csv",
          "expert loads for placements: JSON [layers][experts] or an object with such a field, or "
          "CSV step,layer,expert,count.")
      .item("requests",
            "of a serving scenario: a file of arrivals and lengths, or drawn by requests.kind.");
  page.heading("What moesim run -o DIR writes")
      .item("scenario.yaml", "the scenario with every default written out; it runs again")
      .item("summary.json",
            "schema moesim.summary/1: scenario, seed, warnings, provenance, uncertainty, metrics, "
            "then by layer and GPU. Numbers are SI, null is what is not defined.")
      .item("steps.csv, gpus.csv", "a row per measured step, a row per GPU")
      .item("requests.csv, serving_steps.csv, serving_latencies.csv", "of serving runs")
      .item("timeline.json", "with --timeline: a Chrome trace, opens in Perfetto");
  page.heading("What moesim compare -o DIR writes")
      .item("summary.json", "schema moesim.compare/1: every variant with its runs and differences")
      .item("compare.csv, compare.md", "one line a variant; the tables in Markdown");
  return page.text(
      "The same scenario and seed give the same bytes. Files hold no dates, host names or absolute "
      "paths. A directory that is not a result of moesim is never replaced.");
}

HelpPage exit_codes_page() {
  const auto code = [](int number) { return std::to_string(number); };
  HelpPage page{.title = "Exit status"};
  return page.item(code(kExitDone), "done")
      .item(code(kExitNo),
            "ran, and the answer is no: nothing fits, a variant is below "
            "--fail-below, a prediction is further off than allowed")
      .item(code(kExitInput), "a bad flag or file; all mistakes of a file come in one go")
      .item(code(kExitBug), "a bug of moesim")
      .item(code(kExitInterrupted), "interrupted");
}

HelpPage environment_page() {
  HelpPage page{.title = "Environment"};
  return page
      .item("MOESIM_SCENARIOS", "a folder with further presets, searched after the program's")
      .item(
          "COLUMNS",
          "how wide tables may be; without it, as wide as the terminal, and all columns in a pipe. "
          "Where there is no room bars shrink, then columns go, then cells are broken into lines.")
      .item("LC_ALL, LC_CTYPE, LANG",
            "where the locale is not UTF-8, text and bars are printed in ASCII")
      .item("NO_COLOR", "no colours with --color auto");
}

HelpPage settings_page() {
  HelpPage page{.title = "Setting keys"};
  return page
      .text(
          "--set KEY=VALUE changes a key of the scenario, --vary KEY=VALUES (moesim compare) "
          "makes a variant of each value. The key names its sections with dots.")
      .item("--set placement.redundant=32", "one key; the rest of the section stays")
      .item("--set placement=eplb", "a section as a whole: kind eplb, its defaults")
      .item("--set 'placement={kind: eplb, redundant: 32}'", "the same with keys, as in YAML")
      .item("--vary placement=linear,lpt,eplb", "a list; commas within {} and [] do not part")
      .item("--vary workload.tokens_per_gpu=32:128:32", "32, 64, 96, 128")
      .item("--vary workload.tokens_per_gpu=8:128:x4", "8, 32, 128");
}

}  // namespace moesim
