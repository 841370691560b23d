// A folder with a scenario and a sweep of it, and the program's sessions in it.
#pragma once

#include "analysis/sweep/sweep_table.hpp"
#include "tests/support/program.hpp"

namespace moesim {

inline constexpr const char* kSweptScenario =
    "model: {preset: olmoe-1b-7b, layers: 2}\ncluster: {preset: h100-sxm, nodes: 1}\n"
    "workload: {tokens_per_gpu: 64, steps: 1}\ntrace: {kind: lognormal, sigma: 1}\n"
    "network: {fidelity: analytic}\n";

class SweepFolder {
 public:
  // `sweep`: s.yaml, but for the line that names the scenario, base.yaml.
  explicit SweepFolder(const std::string& sweep, const std::string& base = kSweptScenario) {
    write_file(folder_ / "base.yaml", base);
    write_sweep(sweep);
  }
  void write_sweep(const std::string& sweep) const {
    write_file(folder_ / "s.yaml", "scenario: base.yaml\n" + sweep);
  }

  static std::vector<std::string> words(const std::string& results,
                                        const std::vector<std::string>& more = {}) {
    std::vector<std::string> all = {"sweep", "s.yaml", "-o", results};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Session moesim(const std::vector<std::string>& words) const {
    return run_program(words, folder_.path());
  }
  Session run(const std::string& results, const std::vector<std::string>& more = {}) const {
    return moesim(words(results, more));
  }
  // To far.sqlite.
  Session on_slurm(int shards, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all =
        words("far.sqlite", {"--executor", "slurm", "--shards", std::to_string(shards)});
    all.insert(all.end(), more.begin(), more.end());
    return moesim(all);
  }
  std::filesystem::path submission(int number) const {
    return folder_ / "far.sqlite.slurm" / std::to_string(number);
  }
  std::string csv(const std::string& results) const {
    return moesim({"sweep", "export", results}).out;
  }
  SweepTable table(const std::string& results) const { return read_sweep(folder_ / results); }
  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }

 private:
  TemporaryDirectory folder_;
};

}  // namespace moesim
