// The keys of a plan's question.
#include "analysis/plan/read_question.hpp"
#include "sim/read_scenario.hpp"

namespace moesim {
namespace {

using Type = ParameterType;

std::vector<Parameter> top_level() {
  const auto tree = [](const char* name, const char* doc, bool required) {
    return Parameter{.name = name, .type = Type::kTree, .doc = doc, .required = required};
  };
  return {
      {.name = "schema",
       .type = Type::kChoice,
       .doc = "version of this format",
       .fallback = kPlanQuestionSchema,
       .choices = {kPlanQuestionSchema}},
      {.name = "name", .type = Type::kText, .doc = "name in tables; default: the file's"},
      tree("model", "as in a scenario", true),
      tree("workload", "what is to be served", true),
      tree("targets", "how fast", true),
      tree("clusters", "list of machines that may be bought", true),
      tree("scenario", "sections of a scenario that all steps have: trace, placement, network, …",
           false),
      tree("decode", "instances and policies that compute answers", false),
      tree("prefill", "instances and policies that compute prompts; none: only answers are planned",
           false),
      tree("search", "how closely to look", false),
      {.name = "verify",
       .type = Type::kFlag,
       .doc = "serve requests on the cheapest deployment, queues included; takes minutes",
       .fallback = "false"},
      seed_parameter(),
  };
}

std::vector<Parameter> workload() {
  const auto tokens = [](const char* name, const char* doc) {
    return Parameter{.name = name,
                     .type = Type::kInteger,
                     .doc = doc,
                     .required = true,
                     .minimum = 1,
                     .maximum = 1e7};
  };
  return {{.name = "output", .doc = "tokens of answers, as 1 M tokens/min; this or requests"},
          {.name = "requests", .doc = "as 20 requests/s"},
          tokens("prompt", "mean tokens of a prompt"),
          tokens("answer", "mean tokens of an answer"),
          {.name = "growth",
           .type = Type::kNumbers,
           .doc = "times the workload: what the plan becomes then",
           .fallback = "[1.5, 2, 4]",
           .minimum = 0,
           .above_minimum = true}};
}

std::vector<Parameter> targets() {
  const auto latency = [](const char* name, const char* doc) {
    return Parameter{
        .name = name, .type = Type::kTime, .doc = doc, .minimum = 0, .above_minimum = true};
  };
  return {latency("tpot", "time per token of an answer, mean, at most"),
          latency("step", "time of a decode step, at most"),
          latency("ttft", "time to the first token without a queue, at most"),
          {.name = "headroom",
           .type = Type::kNumber,
           .doc = "share of the workload that capacity must be above it",
           .fallback = "0",
           .minimum = 0}};
}

std::vector<Parameter> cluster() {
  const auto number = [](const char* name, const char* doc) {
    return Parameter{
        .name = name, .type = Type::kNumber, .doc = doc, .fallback = "0", .minimum = 0};
  };
  return {{.name = "name", .type = Type::kText, .doc = "in tables", .required = true},
          {.name = "cluster", .type = Type::kTree, .doc = "as in a scenario", .required = true},
          {.name = "calibration", .type = Type::kTree, .doc = "as in a scenario"},
          {.name = "max_nodes",
           .type = Type::kInteger,
           .doc = "of the whole deployment",
           .fallback = "1024",
           .minimum = 1,
           .maximum = 16384},
          {.name = "decode_nodes",
           .type = Type::kNumbers,
           .doc = "of an instance, in place of decode.nodes",
           .minimum = 1},
          {.name = "prefill_nodes",
           .type = Type::kNumbers,
           .doc = "of an instance, in place of prefill.nodes",
           .minimum = 1},
          {.name = "gpu_hour",
           .type = Type::kNumber,
           .doc = "price of a GPU for an hour, in dollars, all that belongs to it included",
           .required = true,
           .minimum = 0},
          number("gpu_watts", "that a GPU draws, all the time"),
          number("node_watts", "that a node draws beside its GPUs, cooling included")};
}

std::vector<Parameter> pool() {
  return {{.name = "nodes",
           .type = Type::kNumbers,
           .doc = "of an instance, one expert-parallel group: the sizes that are tried",
           .fallback = "[1, 2, 4, 8]",
           .minimum = 1},
          {.name = "policies",
           .type = Type::kTree,
           .doc = "list of {name, sections of a scenario}: those that are tried"}};
}

std::vector<Parameter> search() {
  return {{.name = "batch_step",
           .type = Type::kInteger,
           .doc = "sequences of a GPU between two batches that are looked at",
           .fallback = "8",
           .minimum = 1,
           .maximum = 4096},
          {.name = "finalists",
           .type = Type::kInteger,
           .doc = "options of each cluster and pool that are simulated with the full network",
           .fallback = "3",
           .minimum = 1}};
}

}  // namespace

const std::vector<std::pair<std::string, std::vector<Parameter>>>& question_sections() {
  static const std::vector<std::pair<std::string, std::vector<Parameter>>> sections = {
      {"", top_level()},  {"workload", workload()}, {"targets", targets()}, {"clusters", cluster()},
      {"decode", pool()}, {"prefill", pool()},      {"search", search()}};
  return sections;
}

}  // namespace moesim
