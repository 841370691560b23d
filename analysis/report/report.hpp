// report.html: one self-contained page about a result, made from the files of that result alone.
//
//   files of a result ──(a ReportKind, C++)──► report document (JSON) ──(page/*.js)──► page
//
// A kind of result (run, compare, sweep, plan) is one .cpp here with one `RegisterReport`: it reads
// the files of its result and says what is to be shown. It draws nothing: the page knows how to
// draw each type of part (parts.hpp), for all kinds alike. So `moesim report DIR` makes the same
// bytes as the command that wrote DIR.
//
// The report document, schema "moesim.report/1" (keys that are left out are not shown):
//   kind          "run", "compare", …
//   title         of the page: the scenario's name
//   subject       what it is about in one line: model, GPUs, nodes
//   answer        the answer in one sentence
//   question      the question in one sentence
//   assumptions[] {name, text}: what the answer holds for
//   figures[]     key figures: {title, value, unit, low, high, key, note}. `low` and `high` are the
//                 band, null or left out where there is none; `key` is the value's place in
//                 summary.json, with dots ("metrics.step_time_s.mean"); units as of parts.hpp
//   sections[]    {title, text, parts[]}, parts as of parts.hpp
//   warnings[]    texts to read before trusting the numbers
//   provenance[]  {name, text}; `kernels` is a table part with their errors
//   command       that makes the result again, run where the files are
// Nothing in it depends on when or where it was made.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "analysis/json.hpp"

namespace moesim {

// The text of a file of the result by its name ("steps.csv"); none: the result has no such file.
using ResultFiles = std::function<std::optional<std::string>(const std::string& name)>;

// A kind of result, known by the schema of a JSON document among its files.
struct ReportKind {
  std::string schema;  // "moesim.plan/1"
  std::string file;    // that has it: "plan.json"
  // `document`: the parsed file.
  std::function<Json(const Json& document, const ResultFiles& files)> report;
};

struct RegisterReport {
  explicit RegisterReport(ReportKind kind);
};

// The report document of a result. Throws InputError, naming `shown`, where the files are of no
// kind that is known, or say less than a result of this version.
Json report_document(const ResultFiles& files, const std::string& shown);

// The page with everything that it needs inside it. Without ECharts in the build it says so and
// shows tables in place of charts.
std::string report_page(const Json& document);

// Both, for a command that has just written these files.
std::string report_page(const ResultFiles& files);

// Files of a directory.
ResultFiles files_in(const std::string& directory);

}  // namespace moesim
