// `moesim trace gen`: writes the routing that a trace section makes, step by step.
#include <fmt/format.h>

#include <memory>
#include <vector>

#include "sim/base/registry.hpp"
#include "sim/base/yaml.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/trace_commands.hpp"
#include "sim/model/model_reader.hpp"
#include "sim/trace/trace.hpp"

namespace moesim {
namespace {

struct GenFlags {
  std::string kind, model, output;
  std::vector<std::string> sets;
  int steps = 1, gpus = 8, tokens_per_gpu = 256;
  std::uint64_t seed = 1;
  bool counts = false;
};

// The sections `trace` and `model`, from the flags.
YamlNode read_sections(const GenFlags& flags) {
  YamlNode root = YamlNode::map();
  apply_override(root, "model=" + flags.model);
  apply_override(root, "trace=" + flags.kind);
  for (const std::string& assignment : flags.sets) {
    if (!assignment.starts_with("trace.") && !assignment.starts_with("model."))
      throw InputError({.source = text_source("--set", assignment, true), .line = 1, .column = 1},
                       "only the sections 'trace' and 'model' matter here", "--set trace.sigma=1");
    apply_override(root, assignment);
  }
  return root;
}

TokenBatch empty_batch(const RoutingRequest& request, GpuId gpu) {
  return {.step = request.step.value, .rank = gpu.value, .tokens = request.tokens[gpu.index()]};
}

// The layers of a step, put together by source GPU: [tokens × layers × k].
void write_tokens(const Trace& trace, RoutingRequest request, const TraceHeader& header,
                  TraceSink& sink) {
  std::vector<TokenBatch> batches;
  const std::size_t k = static_cast<std::size_t>(header.top_k), layers = header.layers.size();
  for (std::size_t gpu = 0; gpu < request.tokens.size(); ++gpu) {
    batches.push_back(empty_batch(request, GpuId(gpu)));
    batches.back().ids.resize(static_cast<std::size_t>(request.tokens[gpu]) * layers * k);
  }
  for (std::size_t layer = 0; layer < layers; ++layer) {
    request.layer = LayerId(layer);
    const Routing routing = trace.route(request);
    for (std::size_t gpu = 0; gpu < batches.size(); ++gpu)
      for (int row = 0; row < request.tokens[gpu]; ++row) {
        const auto ids = routing.ids_of(routing.first_token[gpu] + row);
        std::copy(
            ids.begin(), ids.end(),
            batches[gpu].ids.begin() +
                static_cast<std::ptrdiff_t>((static_cast<std::size_t>(row) * layers + layer) * k));
      }
  }
  for (const TokenBatch& batch : batches) sink.tokens(batch);
}

void write_counts(const Trace& trace, RoutingRequest request, const TraceHeader& header,
                  TraceSink& sink) {
  std::vector<CountBatch> batches;
  for (std::size_t gpu = 0; gpu < request.tokens.size(); ++gpu)
    batches.push_back({.step = request.step.value, .rank = static_cast<int>(gpu)});
  for (std::size_t layer = 0; layer < header.layers.size(); ++layer) {
    request.layer = LayerId(layer);
    const Routing routing = trace.route(request);
    for (const GpuId gpu : routing.counts.row_ids()) {
      const auto row = routing.counts.row(gpu);
      auto& counts = batches[gpu.index()].counts;
      counts.insert(counts.end(), row.begin(), row.end());
    }
  }
  for (const CountBatch& batch : batches) sink.counts(batch);
}

int generate(const GenFlags& flags) {
  Mistakes mistakes;
  const YamlNode root = read_sections(flags);
  const ModelSection model = read_model_section(*root.find("model"), mistakes);
  const Choice choice = read_choice(Trace::kRole, *root.find("trace"), mistakes);
  mistakes.throw_if_any();
  const std::unique_ptr<Trace> trace = Registry<Trace>::make(choice);
  trace->fit(model.model, mistakes);
  mistakes.throw_if_any();
  for (const std::string& note : trace->notes()) fmt::print(stderr, "{}\n", note);

  const TraceHeader header{
      .model = model.model.name,
      .source = fmt::format("moesim trace gen, {}, seed {}", choice.kind, flags.seed),
      .experts = model.model.experts,
      .top_k = model.model.top_k,
      .layers = model.model.moe_layers,
      .absent_ids = choice.kind == "file"};
  const std::unique_ptr<TraceSink> sink = make_trace_writer(flags.output);
  sink->begin(header);
  const std::vector<int> tokens(static_cast<std::size_t>(flags.gpus), flags.tokens_per_gpu);
  for (int step = 0; step < flags.steps; ++step) {
    const RoutingRequest request{
        .step = StepId(step),
        .layer = LayerId(0),
        .tokens = tokens,
        .detail = flags.counts ? RoutingDetail::kCounts : RoutingDetail::kIds,
        .random = Random(flags.seed)};
    (flags.counts ? write_counts : write_tokens)(*trace, request, header, *sink);
  }
  sink->finish();
  return kExitDone;
}

}  // namespace

std::function<int()> declare_trace_gen(CLI::App& app) {
  const auto flags = std::make_shared<GenFlags>();
  app.add_option("--kind", flags->kind, "the generator (moesim list trace); as trace.kind")
      ->default_str("lognormal");
  flags->kind = "lognormal";
  app.add_option("--model", flags->model, "a preset, or the file of a model")
      ->required()
      ->type_name("MODEL");
  app.add_option("--set", flags->sets, "a parameter: trace.sigma=1, model.layers=4 (repeatable)")
      ->type_name("KEY=VALUE");
  app.add_option("--steps", flags->steps, "steps to write")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  app.add_option("--gpus", flags->gpus, "source GPUs")
      ->capture_default_str()
      ->check(CLI::Range(1, 65536));
  app.add_option("--tokens-per-gpu", flags->tokens_per_gpu, "tokens of each GPU in a step")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  app.add_option("--seed", flags->seed, "names the random streams")->capture_default_str();
  app.add_flag("--counts", flags->counts, "only how many tokens ask for each expert");
  app.add_option("-o,--out", flags->output, "FILE.h5 or FILE.jsonl")->required();
  return [flags] { return generate(*flags); };
}

}  // namespace moesim
