// The keys of a scenario, section by section.
#include "sim/read_scenario.hpp"
#include "sim/read_serving.hpp"

namespace moesim {
namespace {

using Type = ParameterType;

std::vector<Parameter> top_level() {
  return {
      {.name = "schema",
       .type = Type::kChoice,
       .doc = "version of this format",
       .fallback = "moesim.scenario/1",
       .choices = {"moesim.scenario/1"}},
      {.name = "name",
       .type = Type::kText,
       .doc = "name in tables and reports; default: the file's"},
      {.name = "model",
       .type = Type::kTree,
       .doc = "preset name, path (YAML or Hugging Face config.json), or the sizes inline",
       .required = true},
      {.name = "cluster",
       .type = Type::kTree,
       .doc = "preset name, path, {preset: NAME, overrides}, or inline",
       .required = true},
      {.name = "calibration",
       .type = Type::kTree,
       .doc = "name, path or inline, or a list of them: later entries override earlier ones; "
              "default: the one of the cluster's GPU"},
      seed_parameter(),
  };
}

std::vector<Parameter> workload() {
  return {
      {.name = "phase",
       .type = Type::kChoice,
       .doc = "what a step does; mixed: decode, and a part of a prompt in the same batch",
       .fallback = "prefill",
       .choices = {"prefill", "decode", "mixed", "training"}},
      {.name = "tokens_per_gpu",
       .type = Type::kInteger,
       .doc =
           "new tokens of each GPU in a step, drafts and parts of prompts included; training: in "
           "a micro-batch; serving: at most, and by default, what batching allows",
       .minimum = 1},
      {.name = "context",
       .type = Type::kInteger,
       .doc =
           "prefill: tokens of a prompt; training: of a sequence; decode and mixed: tokens in the "
           "KV cache of an answer (all a mean, see lengths)",
       .fallback = "4096",
       .minimum = 1},
      {.name = "prompt_tokens",
       .type = Type::kInteger,
       .doc = "mixed: how many of the new tokens are of prompts",
       .minimum = 1},
      {.name = "prompt",
       .type = Type::kInteger,
       .doc = "mixed: tokens of those prompts; default: context",
       .minimum = 1},
      {.name = "draft_tokens",
       .type = Type::kInteger,
       .doc =
           "decode: tokens that the model's layers for multi-token prediction add to each answer, "
           "to be checked with its next one; at most as many as there are such layers",
       .fallback = "0",
       .minimum = 0},
      {.name = "draft_acceptance",
       .type = Type::kNumber,
       .doc =
           "share of drafts that are right, where those before them are (DeepSeek-V3 report: 0.85 "
           "to 0.9 of the first)",
       .fallback = "0.85",
       .minimum = 0,
       .maximum = 1},
      {.name = "steps",
       .type = Type::kInteger,
       .doc = "measured steps",
       .fallback = "10",
       .minimum = 1},
      {.name = "warmup_steps",
       .type = Type::kInteger,
       .doc = "steps before the measured ones",
       .fallback = "0",
       .minimum = 0},
      {.name = "micro_batches",
       .type = Type::kInteger,
       .doc =
           "prefill, decode: parts of a step's tokens that go through the pipeline one after the "
           "other; training: that are added up before the optimizer; default: pp",
       .minimum = 1},
      {.name = "step_cache",
       .type = Type::kTree,
       .doc = "serving: {error, draws}: steps are interpolated between simulated ones; off: every "
              "step is simulated; default: on"},
      {.name = "routing",
       .type = Type::kChoice,
       .doc = "draw expert ids, or only counts (distinct destinations are then an expectation); "
              "auto: ids up to 4 million routes a step, and wherever a policy needs them",
       .fallback = "auto",
       .choices = {"auto", "ids", "counts"}},
  };
}

std::vector<Parameter> launch() {
  return {{.name = "graphs",
           .type = Type::kFlag,
           .doc = "CUDA graphs: the kernels of a step are launched together",
           .fallback = "true"},
          {.name = "kernel",
           .type = Type::kTime,
           .doc = "without graphs: time of the host for each kernel; assumed",
           .fallback = "6 us",
           .minimum = 0},
          {.name = "step",
           .type = Type::kTime,
           .doc = "time of the host between two steps, in which the GPU waits",
           .fallback = "0 s",
           .minimum = 0}};
}

std::vector<Parameter> parallel() {
  return {
      {.name = "ep",
       .type = Type::kInteger,
       .doc = "ranks that share the experts of a layer; default: all GPUs / (pp x etp)",
       .minimum = 1},
      {.name = "tp",
       .type = Type::kInteger,
       .doc = "tensor parallelism of attention, dense FFN and head; the rest is data parallel",
       .fallback = "1",
       .minimum = 1},
      {.name = "pp",
       .type = Type::kInteger,
       .doc = "pipeline stages",
       .fallback = "1",
       .minimum = 1},
      {.name = "etp",
       .type = Type::kInteger,
       .doc = "GPUs of a rank: tensor parallelism inside its experts",
       .fallback = "1",
       .minimum = 1},
      {.name = "attention_gpus",
       .type = Type::kInteger,
       .doc = "the first so many GPUs have attention and all that is not a routed expert, the "
              "others experts alone; 0: every GPU has both",
       .fallback = "0",
       .minimum = 0},
      {.name = "tokens",
       .type = Type::kChoice,
       .doc = "between the dense parts of a tp group: scattered over its GPUs (all-gather, "
              "reduce-scatter), or replicated on them (all-reduce, no dispatch); auto: replicated "
              "where tp = ep x etp",
       .fallback = "auto",
       .choices = {"auto", "scattered", "replicated"}},
      {.name = "collectives",
       .type = Type::kChoice,
       .doc = "library of tensor parallelism's collectives; what it lacks is NCCL's",
       .fallback = "nccl",
       .choices = {"nccl", "trtllm", "vllm", "sglang"}},
      {.name = "shared_experts",
       .type = Type::kChoice,
       .doc = "separate: in kernels of their own; fused: as further experts of every GPU in the "
              "kernel of its routed ones",
       .fallback = "separate",
       .choices = {"separate", "fused"}},
  };
}

std::vector<Parameter> training() {
  return {
      {.name = "recompute",
       .type = Type::kChoice,
       .doc =
           "activations that the backward pass computes again: none; norms, activation functions "
           "and MLA's up-projections (selective); whole layers from their input (full)",
       .fallback = "none",
       .choices = {"none", "selective", "full"}},
      {.name = "optimizer",
       .type = Type::kChoice,
       .doc =
           "Adam with two moments at 32 (adam) or 16 bits (adam_bf16), or SGD with momentum, and "
           "a master weight at 32 bits",
       .fallback = "adam",
       .choices = {"adam", "adam_bf16", "sgd"}},
      {.name = "zero",
       .type = Type::kInteger,
       .doc =
           "1: replicas share the optimizer's states (reduce-scatter of gradients, all-gather of "
           "weights); 0: each has them all (all-reduce)",
       .fallback = "1",
       .minimum = 0,
       .maximum = 1},
      {.name = "gradient_dtype",
       .type = Type::kChoice,
       .doc = "of gradients of weights between replicas; they are added up at 32 bits",
       .fallback = "bf16",
       .choices = {"bf16", "float32"}},
      {.name = "gradient_exchange",
       .type = Type::kChoice,
       .doc = "of token gradients on their way to the experts; they come back at 16 bits",
       .fallback = "bf16",
       .choices = {"bf16", "fp8"}},
      {.name = "overlap_gradients",
       .type = Type::kFlag,
       .doc = "reduce a layer's gradients beside the backward passes that are left",
       .fallback = "true"},
  };
}

std::vector<Parameter> network() {
  return {
      {.name = "fidelity",
       .type = Type::kChoice,
       .doc = "pairwise (SimGrid's own flows), fluid (max-min, one flow per pair), aggregated (one "
              "flow per GPU and node), analytic (port bound); default: fluid up to 512 GPUs, "
              "aggregated above",
       .choices = {"pairwise", "fluid", "aggregated", "analytic"}},
      {.name = "tolerance",
       .type = Type::kNumber,
       .doc = "completions within this share of the elapsed time are one event; 0 = exact; "
              "aggregated takes at least 0.01",
       .fallback = "0.003",
       .minimum = 0,
       .maximum = 0.1},
      {.name = "force",
       .type = Type::kFlag,
       .doc = "run pairwise above 128 GPUs",
       .fallback = "false"},
      {.name = "routing",
       .type = Type::kChoice,
       .doc = "how traffic between rails travels; default: the exchange kind's own",
       .choices = {"direct", "pxn", "source_rail"}},
      {.name = "coupling",
       .type = Type::kChoice,
       .doc =
           "a GPU that forwards passes chunks on as they arrive, or waits for the whole; default: "
           "the exchange kind's own",
       .choices = {"cut_through", "store_and_forward"}},
      {.name = "wait_for",
       .type = Type::kChoice,
       .doc = "tokens that must be there before a GPU goes on: its own, its node's, everyone's; "
              "default: the exchange kind's own",
       .choices = {"own", "node", "all"}},
      {.name = "schedule",
       .type = Type::kTree,
       .doc = "{window, order}: how many peers a sender serves at once, and in which order; "
              "default: the exchange kind's own"},
  };
}

std::vector<Parameter> schedule() {
  return {
      {.name = "window",
       .type = Type::kInteger,
       .doc = "peers that a sender serves at once; 0 = all",
       .fallback = "0",
       .minimum = 0},
      {.name = "order",
       .type = Type::kChoice,
       .doc = "order of the peers: from the next rank on, "
              "from rank 0 on, or random",
       .fallback = "shifted",
       .choices = {"shifted", "ascending", "random"}},
  };
}

}  // namespace

Parameter seed_parameter() {
  return {.name = "seed",
          .type = Type::kInteger,
          .doc = "of all random streams",
          .fallback = "1",
          .minimum = 0};
}

const std::vector<std::pair<std::string, std::vector<Parameter>>>& scenario_sections() {
  static const std::vector<std::pair<std::string, std::vector<Parameter>>> sections = {
      {"", top_level()},
      {"workload", workload()},
      {"workload.step_cache", step_cache_parameters()},
      {"training", training()},
      {"parallel", parallel()},
      {"launch", launch()},
      {"network", network()},
      {"network.schedule", schedule()},
      {"serving", serving_parameters()},
  };
  return sections;
}

}  // namespace moesim
