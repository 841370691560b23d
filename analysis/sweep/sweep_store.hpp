// The results of a sweep in an SQLite file, readable by any SQLite tool.
//
// Tables (all JSON is text):
//   sweep   key, value          schema (moesim.sweep/1), name, scenario, axes (JSON list of keys),
//                               command (the last that filled it)
//   points  point, seed         what the sweep asks for, in the order of its file, from point 1
//           name, parameters    "placement=lpt, …"; JSON object of the swept keys
//           run                 the row of `runs` that answers, whether it is there yet or not
//           error               why the point is no valid scenario (then it has no run)
//   runs    run                 digest of the inputs and of the program: the same is never run
//   twice
//           seed, status        done or failed
//           exit_code, error    0, or 2 (the scenario cannot run) or 70 (a crash), and the message
//           moesim, program     version, and digest of the program's file
//           input_digest        of the resolved scenario, its seed and the files that it reads
//           scenario            resolved, JSON
//           details             JSON: provenance (digests of the files), warnings, and of
//                               summary.json: serving, rebalance, events, gate
//           one REAL column for each metric, by its name in summary.json ("step_time_s.mean")
// Views: `results` has a row for each point and seed with everything but the JSON; `throughput`,
// `step_time`, `breakdown`, … have point, seed, the swept keys, and a group of metrics; `pools` has
// a row for each pool of serving runs.
//
// Runs of points that the sweep no longer has, and of other programs, stay for the day that they
// are asked for again.
#pragma once

#include <set>
#include <utility>
#include <vector>

#include "analysis/sweep/database.hpp"

namespace moesim {

// A point with a seed: what one run answers.
struct SweepAim {
  int point = 0;  // from 1
  std::uint64_t seed = 0;
  std::string name;        // of the point
  std::string parameters;  // JSON
  std::string run;         // empty where the point is no valid scenario …
  std::string error;       // … and why
  std::string input_digest;
};

struct SweepHeading {
  std::string name;
  std::string scenario;           // name
  std::vector<std::string> axes;  // keys that are swept
  std::string command;            // that asks for it
};

// What became of a run.
struct SweepRecord {
  std::string run;
  std::uint64_t seed = 0;
  int exit_code = 0;
  std::string error;
  std::string program, input_digest;
  std::string scenario, details;  // JSON; empty where the run failed
  std::vector<std::pair<std::string, double>> numbers;
};

class SweepStore {
 public:
  // Opens or creates the file. Throws InputError where it is something else.
  explicit SweepStore(const std::filesystem::path& path);

  // What the sweep asks for from now on, with the views of its keys. Throws InputError where the
  // file is another sweep's.
  void set_aims(const SweepHeading& heading, const std::vector<SweepAim>& aims);
  std::set<std::string> finished() const;  // runs with a row
  void put(const SweepRecord& record);     // at once and for good
  // Takes over what another file has finished; all or nothing. Returns the runs that were new.
  int merge(const std::filesystem::path& other);
  void forget_failed();  // so that they are run again

 private:
  void create_views(const SweepHeading& heading) const;
  Database database_;
};

}  // namespace moesim
