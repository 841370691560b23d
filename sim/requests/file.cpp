// Recorded requests, as they arrived or faster: a trace of a service, or one of each class.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/requests/requests.hpp"
#include "sim/requests/trace_rows.hpp"

namespace moesim {
namespace {

class RecordedRequests final : public RequestSource {
 public:
  explicit RecordedRequests(const Arguments& arguments)
      : trace_(read_trace_rows(arguments)), speedup_(arguments.number("speedup")) {
    keep_window(arguments);
    if (arguments.has("max_input")) cut_prompts(arguments.integer("max_input"));
  }

  RequestList requests(Random) const override {
    RequestList list{.classes = trace_.classes, .notes = trace_.notes};
    for (const RequestRow& row : trace_.rows)
      list.requests.push_back(
          {.id = static_cast<int>(list.requests.size()),
           .arrival = Seconds(static_cast<double>(row.nanoseconds - begin_) / 1e9 / speedup_),
           .input = row.input,
           .output = row.output,
           .kind = row.kind,
           .blocks = row.blocks,
           .repeated = row.blocks.empty() ? row.repeated : 0});
    return list;
  }
  std::vector<RequestClass> classes() const override { return trace_.classes; }

 private:
  // Times count from the first request of all files.
  void keep_window(const Arguments& arguments) {
    std::vector<RequestRow>& rows = trace_.rows;
    const std::int64_t first = rows.front().nanoseconds;
    const double last = static_cast<double>(rows.back().nanoseconds - first) / 1e9;
    const double from = arguments.time("from").value;
    if (from > last)
      throw InputError(arguments.spot("from"),
                       fmt::format("the last request arrives after {:.6g} s", last));
    begin_ = first + std::llround(from * 1e9);
    const auto before = [&](const RequestRow& row) { return row.nanoseconds < begin_; };
    std::erase_if(rows, before);
    if (arguments.has("duration")) {
      const double end = arguments.time("duration").value;
      std::erase_if(rows, [&](const RequestRow& row) {
        return static_cast<double>(row.nanoseconds - begin_) / 1e9 > end;
      });
      if (rows.empty())
        throw InputError(arguments.spot("duration"), "no request arrives in that time");
    }
    if (arguments.has("count"))
      rows.resize(std::min(rows.size(), static_cast<std::size_t>(arguments.integer("count"))));
  }

  void cut_prompts(int most) {
    int cut = 0;
    for (RequestRow& row : trace_.rows) {
      if (row.input <= most) continue;
      ++cut;
      row.input = most;
      row.repeated = std::min(row.repeated, most);
      const auto blocks = static_cast<std::size_t>((most + kPrefixBlock - 1) / kPrefixBlock);
      if (row.blocks.size() > blocks) row.blocks.resize(blocks);
    }
    if (cut > 0)
      trace_.notes.push_back(fmt::format("{} of {} prompts are cut to max_input = {} tokens", cut,
                                         trace_.rows.size(), most));
  }

  TraceRows trace_;
  std::int64_t begin_ = 0;  // nanoseconds
  double speedup_ = 1;
};

const Register<RequestSource, RecordedRequests> kFile{
    {.name = "file",
     .summary = "recorded requests: Azure's, Mooncake's, BurstGPT's, or a CSV of one's own",
     .parameters = {
         {.name = "file",
          .type = ParameterType::kPath,
          .doc = "CSV (arrival_ms, input_tokens, output_tokens, perhaps reusable_prefix_tokens, "
                 "class, priority, hash_ids), Azure's or BurstGPT's CSV, or Mooncake's JSON lines; "
                 "gzipped or not"},
         {.name = "speedup",
          .type = ParameterType::kNumber,
          .doc = "requests arrive so many times as fast",
          .fallback = "1",
          .minimum = 0,
          .above_minimum = true},
         {.name = "from",
          .type = ParameterType::kTime,
          .doc = "requests before are left out; in the trace's own time, from its first request",
          .fallback = "0 s",
          .minimum = 0},
         {.name = "duration",
          .type = ParameterType::kTime,
          .doc = "those later than this after from are left out; in the trace's own time",
          .minimum = 0,
          .above_minimum = true},
         {.name = "count",
          .type = ParameterType::kInteger,
          .doc = "the first so many of the others",
          .minimum = 1},
         {.name = "max_input",
          .type = ParameterType::kInteger,
          .doc = "longer prompts are cut to so many tokens",
          .minimum = 1},
         {.name = "classes",
          .type = ParameterType::kTree,
          .doc =
              "list of {name: …, priority: …, domain: …}, by the names in the file, or each with "
              "a file of its own"}}}};

}  // namespace
}  // namespace moesim
