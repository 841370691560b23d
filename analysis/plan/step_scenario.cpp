#include "analysis/plan/step_scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "sim/base/check.hpp"
#include "sim/read_scenario.hpp"

namespace moesim {
namespace {

// Requests arrive so long, or until there are so many.
constexpr double kServingSeconds = 30, kServingRequests = 3000;

void set(YamlNode& root, const std::string& key, const auto& value) {
  apply_override(root, fmt::format("{}={}", key, value));
}

// `section` in place of the one in `root`; of the workload, key by key.
void add_section(const NodeEntry& section, YamlNode& root) {
  YamlNode* known = root.find(section.key);
  if (known == nullptr || section.key != "workload" || !known->is_map()) {
    root.set(section.key, section.value, section.spot);
    return;
  }
  for (const NodeEntry& key : section.value.entries) known->set(key.key, key.value, key.spot);
}

// What both kinds of scenario have in common, with a cluster of `nodes`.
YamlNode base_tree(const PlanQuestion& question, std::size_t cluster, int nodes) {
  YamlNode root = YamlNode::map(question.clusters[cluster].spot);
  root.set("model", question.model);
  root.set("cluster", question.clusters[cluster].section);
  set(root, "cluster.nodes", nodes);
  for (const NodeEntry& section : question.common.entries) add_section(section, root);
  if (question.clusters[cluster].calibration.kind != YamlNode::Kind::kNull)
    root.set("calibration", question.clusters[cluster].calibration);
  set(root, "seed", question.seed);
  return root;
}

// DeepEP's kernels for each pool, unless the question says otherwise.
void add_policy(const PlanQuestion& question, const PlanOption& option, YamlNode& root) {
  const PlanPool& pool = pool_of(question, option.pool);
  for (const NodeEntry& section : pool.policies[option.policy].sections.entries)
    add_section(section, root);
  if (root.find("exchange") == nullptr)
    set(root, "exchange.kind",
        option.pool == PlanPoolKind::kDecode ? "low_latency" : "hierarchical_dedup");
}

int draft_tokens(const YamlNode& root) {
  const YamlNode* workload = root.find("workload");
  const YamlNode* drafts = workload != nullptr ? workload->find("draft_tokens") : nullptr;
  int count = 0;
  if (drafts != nullptr)
    std::from_chars(drafts->text.data(), drafts->text.data() + drafts->text.size(), count);
  return count;  // what is no number is a mistake that the reader reports
}

void set_workload(const PlanQuestion& question, const StepQuery& query, YamlNode& root) {
  const bool decode = query.option.pool == PlanPoolKind::kDecode;
  const PlanWorkload& work = question.workload;
  // An answer is half written on average.
  const int context = decode ? work.prompt + work.answer / 2 : work.prompt;
  set(root, "workload.phase", pool_text(query.option.pool));
  set(root, "workload.tokens_per_gpu", query.batch * (decode ? 1 + draft_tokens(root) : context));
  if (root.find("workload")->find("context") == nullptr) set(root, "workload.context", context);
  if (root.find("workload")->find("steps") == nullptr) set(root, "workload.steps", 1);
}

void set_conditions(const StepConditions& conditions, const Scenario& scenario, YamlNode& root) {
  if (conditions.nics != 1) {
    const YamlNode& rate = *scenario.resolved.find("cluster")->find("nic_bandwidth");
    const double whole = parse_quantity(rate.text, ParameterType::kRate, rate.spot);
    set(root, "cluster.nic_bandwidth", fmt::format("{} B/s", whole * conditions.nics));
  }
  if (conditions.skew == 1) return;
  const std::optional<std::string> key = skew_key(scenario);
  MOESIM_CHECK(key.has_value(), "nobody asks for the skew of a trace that has none");
  set(root, "trace." + *key, scenario.trace.arguments.number(*key) * conditions.skew);
}

// A pool of a serving scenario.
YamlNode pool_tree(const PlanQuestion& question, const Candidate& candidate, const PoolSize& size) {
  const PlanOption& option = candidate.option;
  YamlNode pool = YamlNode::map();
  set(pool, "nodes", size.nodes);
  add_policy(question, option, pool);
  if (size.instances > 1) set(pool, "parallel.ep", size.point.step.gpus);
  const int drafts = draft_tokens(pool);
  if (option.pool == PlanPoolKind::kPrefill) {
    set(pool, "batching.kind", "chunked_prefill");
    set(pool, "batching.tokens", size.point.batch * question.workload.prompt);
    return pool;
  }
  set(pool, "batching.kind", "continuous");
  set(pool, "batching.requests", size.point.batch);
  set(pool, "workload.tokens_per_gpu", size.point.batch * (1 + drafts));
  return pool;
}

}  // namespace

const std::vector<std::string>& planned_sections() {
  static const std::vector<std::string> names = {"model",    "cluster", "name",   "seed",
                                                 "requests", "pools",   "schema", "serving"};
  return names;
}

std::optional<std::string> skew_key(const Scenario& scenario) {
  static const std::map<std::string, std::string> keys = {{"lognormal", "sigma"},
                                                          {"drift", "sigma"},
                                                          {"markov_affinity", "sigma"},
                                                          {"zipf", "exponent"},
                                                          {"logits", "popularity"}};
  const auto found = keys.find(scenario.trace.kind);
  return found == keys.end() ? std::nullopt : std::optional(found->second);
}

StepQuery trial_query(const PlanQuestion& question, const PlanOption& option) {
  return {.option = option,
          .batch = option.pool == PlanPoolKind::kDecode ? question.batch_step : 1};
}

Scenario step_scenario(const PlanQuestion& question, const StepQuery& query) {
  YamlNode root = base_tree(question, query.option.cluster, query.option.nodes);
  add_policy(question, query.option, root);
  set_workload(question, query, root);
  if (query.screening) set(root, "network.fidelity", "analytic");
  const std::string name = fmt::format("{}_{}", question.name, pool_text(query.option.pool));
  if (query.conditions == StepConditions{}) return read_scenario(root, name);
  set_conditions(query.conditions, read_scenario(root, name), root);
  return read_scenario(root, name);
}

YamlNode serving_tree(const PlanQuestion& question, const std::vector<Candidate>& candidates,
                      const Deployment& deployment) {
  MOESIM_CHECK(deployment.prefill.has_value(), "answers have prompts");
  YamlNode root = base_tree(question, deployment.cluster, deployment.nodes);
  set(root, "name", question.name + "_serving");
  set(root, "requests.kind", "poisson");
  set(root, "requests.rate", question.workload.requests);
  set(root, "requests.duration",
      fmt::format("{} s",
                  std::min(kServingSeconds, kServingRequests / question.workload.requests)));
  const auto lengths = [&](const char* key, int mean) {
    set(root, fmt::format("requests.{}", key),
        fmt::format("{{kind: lognormal, mean: {}, cv: 1}}", mean));
  };
  lengths("input", question.workload.prompt);
  lengths("output", question.workload.answer);
  const PlanTargets& targets = question.targets;
  if (targets.ttft.value > 0) set(root, "serving.ttft", fmt::format("{} s", targets.ttft.value));
  if (targets.tpot.value > 0) set(root, "serving.tpot", fmt::format("{} s", targets.tpot.value));
  YamlNode pools = YamlNode::map();
  const auto add = [&](const char* name, const PoolSize& size) {
    pools.set(name, pool_tree(question, candidates[size.candidate], size));
  };
  add("prefill", *deployment.prefill);
  add("decode", deployment.decode);
  root.set("pools", std::move(pools));
  return root;
}

}  // namespace moesim
