// `moesim trace convert`: recordings of serving and training systems become a trace.
#include <fmt/format.h>

#include <memory>
#include <vector>

#include "sim/base/yaml.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/trace_commands.hpp"
#include "sim/trace/convert.hpp"

namespace moesim {
namespace {

struct ConvertFlags {
  std::vector<std::string> inputs;
  std::string output;
  ConvertOptions options;
  bool quiet = false;
};

// Passes a trace on, and counts.
class Tally final : public TraceSink {
 public:
  explicit Tally(TraceSink& sink) : sink_(sink) {}

  void begin(const TraceHeader& header) override {
    header_ = header;
    sink_.begin(header);
  }
  void tokens(const TokenBatch& batch) override {
    tokens_ += batch.tokens;
    sink_.tokens(batch);
  }
  void counts(const CountBatch& batch) override {
    ++count_batches_;
    sink_.counts(batch);
  }
  void record(const std::string& line) override { sink_.record(line); }
  void finish() override { sink_.finish(); }

  const std::string& notes() const { return header_.notes; }
  std::string text() const {
    std::string what = fmt::format("{} layers, {} experts", header_.layer_count(), header_.experts);
    if (tokens_ > 0) what += fmt::format(", top-{}, {} tokens", header_.top_k, tokens_);
    if (count_batches_ > 0) what += fmt::format(", {} steps of counts", count_batches_);
    return what;
  }

 private:
  TraceSink& sink_;
  TraceHeader header_;
  std::int64_t tokens_ = 0, count_batches_ = 0;
};

int convert(const ConvertFlags& flags) {
  const std::unique_ptr<TraceSink> writer = make_trace_writer(flags.output);
  std::vector<InputFile> files;
  for (const std::string& input : flags.inputs) {
    if (!std::filesystem::exists(input))
      throw InputError({.source = text_source("trace convert", input, true)},
                       fmt::format("no file '{}'", input));
    files.push_back({.path = input, .shown = input});
  }
  Tally tally(*writer);
  convert_trace(files, flags.options, tally);
  if (!tally.notes().empty()) fmt::print(stderr, "note: {}\n", tally.notes());
  if (!flags.quiet) fmt::print(stderr, "{}: {}\n", flags.output, tally.text());
  return kExitDone;
}

}  // namespace

std::function<int()> declare_trace_convert(CLI::App& app) {
  const auto flags = std::make_shared<ConvertFlags>();
  std::string forms;
  for (const TraceForm& form : trace_forms())
    forms += fmt::format("\n  {:<13} {}", form.name, form.summary);
  app.footer("Forms, told apart by content:" + forms);
  app.add_option("inputs", flags->inputs, "files to read, gzipped or not; several become one trace")
      ->required();
  app.add_option("-o,--out", flags->output, "FILE.h5 or FILE.jsonl")->required();
  app.add_option("--from", flags->options.form, "the form of the inputs");
  app.add_option("--experts", flags->options.experts,
                 "experts of the model, where the files do not say (default: highest id + 1)")
      ->check(CLI::Range(1, 32767));
  app.add_option("--model", flags->options.model, "the model's name, to be kept in the trace");
  app.add_flag("-q,--quiet", flags->quiet, "no line about what was written");
  return [flags] { return convert(*flags); };
}

}  // namespace moesim
