#include "analysis/plan/read_question.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "analysis/plan/step_scenario.hpp"
#include "analysis/plan/token_rate.hpp"
#include "sim/base/check.hpp"
#include "sim/base/override.hpp"
#include "sim/read_section.hpp"

namespace moesim {
namespace {

const std::vector<Parameter>& parameters_of(const std::string& section) {
  const auto& sections = question_sections();
  const auto found = std::find_if(sections.begin(), sections.end(),
                                  [&](const auto& entry) { return entry.first == section; });
  MOESIM_CHECK(found != sections.end(), "sections are declared");
  return found->second;
}

// Notes where the files are that the user's sections name, so that the resolved question can be
// written elsewhere.
void note_files(YamlNode& node) {
  for (YamlNode& item : node.items) note_files(item);
  for (NodeEntry& entry : node.entries) note_files(entry.value);
  if (!node.is_scalar() || !node.spot.source || node.text.find_first_of("./") == std::string::npos)
    return;
  std::error_code ignored;
  const auto file = std::filesystem::path(node.spot.source->directory) / node.text;
  if (std::filesystem::is_regular_file(file, ignored)) node.file = file;
}

class Reader {
 public:
  Reader(const YamlNode& root, const std::string& name) : root_(root) { question_.name = name; }

  PlanQuestion read() {
    if (!root_.is_map())
      throw InputError(root_.spot, "a plan's question must be a section of keys and values");
    top_ = read_arguments(root_, parameters_of(""), mistakes_, "a plan's question");
    read_top();
    read_workload();
    read_targets();
    read_clusters();
    read_common();
    question_.decode = read_pool("decode");
    question_.prefill = read_pool("prefill");
    read_search();
    mistakes_.throw_if_any();
    note_files(question_.resolved);
    return std::move(question_);
  }

 private:
  Arguments section(const std::string& name) {
    Arguments arguments = read_arguments(section_node(root_, name), parameters_of(name), mistakes_,
                                         fmt::format("section '{}'", name));
    question_.resolved.set(name, resolved_section(arguments, parameters_of(name)));
    return arguments;
  }

  void read_top() {
    question_.resolved = YamlNode::map();
    question_.resolved.set("schema", YamlNode::scalar(kPlanQuestionSchema));
    if (top_.has("name")) question_.name = top_.text("name");
    question_.resolved.set("name", YamlNode::scalar(question_.name));
    if (top_.has("model")) {
      question_.model = top_.tree("model");
      question_.resolved.set("model", question_.model);
    }
    question_.seed = static_cast<std::uint64_t>(top_.integer("seed"));
    question_.verify = top_.flag("verify");
    question_.resolved.set("seed", top_.tree("seed"));
    question_.resolved.set("verify", top_.tree("verify"));
  }

  double rate(const Arguments& arguments, const std::string& key, const std::string& what) {
    try {
      return parse_count_rate(arguments.text(key), what, arguments.spot(key));
    } catch (const InputError& error) {
      mistakes_.add(error);
      return 0;
    }
  }

  void read_workload() {
    const Arguments arguments = section("workload");
    if (!arguments.has("prompt") || !arguments.has("answer")) return;
    PlanWorkload& work = question_.workload;
    work.prompt = arguments.integer("prompt");
    work.answer = arguments.integer("answer");
    work.growth = arguments.numbers("growth");
    if (arguments.has("output") == arguments.has("requests")) {
      mistakes_.add(arguments.has("output") ? arguments.spot("requests") : arguments.section(),
                    "the workload is either 'output' or 'requests'",
                    "output: 1 M tokens/min, or requests: 20 requests/s");
      return;
    }
    if (arguments.has("output"))
      work.requests = rate(arguments, "output", "tokens") / std::max(1, work.answer);
    else
      work.requests = rate(arguments, "requests", "requests");
    work.output = work.requests * work.answer;
    work.input = work.requests * work.prompt;
  }

  void read_targets() {
    const Arguments arguments = section("targets");
    PlanTargets& targets = question_.targets;
    for (const auto& [name, target] : {std::pair{"tpot", &PlanTargets::tpot},
                                       {"step", &PlanTargets::step},
                                       {"ttft", &PlanTargets::ttft}})
      if (arguments.has(name)) targets.*target = arguments.time(name);
    if (arguments.has("headroom")) targets.headroom = arguments.number("headroom");
    if (!arguments.has("tpot") && !arguments.has("step"))
      mistakes_.add(arguments.section(), "the targets need 'tpot' or 'step'",
                    "without one the largest batch would win: targets: {tpot: 50 ms}");
  }

  // Whole numbers, ascending, each once.
  std::vector<int> sizes(const Arguments& arguments, const std::string& key) {
    std::set<int> sizes;
    if (!arguments.has(key)) return {};
    for (const double size : arguments.numbers(key)) {
      if (size != std::floor(size) || size > 16384)
        mistakes_.add(arguments.spot(key), fmt::format("{} are whole numbers of nodes", key));
      sizes.insert(static_cast<int>(size));
    }
    if (sizes.empty() && arguments.given(key))
      mistakes_.add(arguments.spot(key), fmt::format("{} is empty", key), "as [1, 2, 4]");
    return {sizes.begin(), sizes.end()};
  }

  void read_cluster(const YamlNode& item) {
    const std::vector<Parameter>& parameters = parameters_of("clusters");
    const Arguments own = read_arguments(item, parameters, mistakes_, "a cluster");
    if (!own.has("name") || !own.has("cluster") || !own.has("gpu_hour")) return;
    PlanCluster cluster{.name = own.text("name"),
                        .section = own.tree("cluster"),
                        .max_nodes = own.integer("max_nodes"),
                        .decode_nodes = sizes(own, "decode_nodes"),
                        .prefill_nodes = sizes(own, "prefill_nodes"),
                        .gpu_hour = own.number("gpu_hour"),
                        .gpu_watts = own.number("gpu_watts"),
                        .node_watts = own.number("node_watts"),
                        .spot = own.tree("cluster").spot};
    if (own.has("calibration")) cluster.calibration = own.tree("calibration");
    for (const PlanCluster& other : question_.clusters)
      if (other.name == cluster.name)
        mistakes_.add(own.spot("name"), fmt::format("two clusters are named '{}'", other.name));
    question_.clusters.push_back(std::move(cluster));
    resolved_clusters_.items.push_back(resolved_section(own, parameters));
  }

  void read_clusters() {
    if (!top_.has("clusters")) return;
    const YamlNode& list = top_.tree("clusters");
    if (!list.is_list() || list.items.empty()) {
      mistakes_.add(list.spot, "clusters are a list",
                    "- {name: H200, cluster: h200-sxm-ib400, gpu_hour: 3}");
      return;
    }
    resolved_clusters_ = YamlNode::list();
    for (const YamlNode& item : list.items) read_cluster(item);
    question_.resolved.set("clusters", std::move(resolved_clusters_));
  }

  // The sections of a scenario that the question may have.
  void check_sections(const YamlNode& sections, const std::vector<std::string>& passed_over) {
    for (const NodeEntry& entry : sections.entries) {
      const auto& planned = planned_sections();
      if (std::find(passed_over.begin(), passed_over.end(), entry.key) != passed_over.end())
        continue;
      if (std::find(planned.begin(), planned.end(), entry.key) != planned.end())
        mistakes_.add(entry.spot, fmt::format("'{}' is not a policy: the plan sets it", entry.key),
                      "leave it out here");
      if (!entry.value.is_map()) continue;
      const auto refuse = [&](const char* section, const char* key, const char* why) {
        for (const NodeEntry& own : entry.value.entries)
          if (entry.key == section && own.key == key)
            mistakes_.add(own.spot, fmt::format("'{}.{}' {}", section, key, why));
      };
      refuse("workload", "tokens_per_gpu", "is what the plan looks for");
      refuse("workload", "phase", "is that of the pool");
      refuse("parallel", "ep", "is all GPUs of an instance");
      refuse("parallel", "pp", "is not planned with: a step of a pipeline is not a token's time");
    }
  }

  void read_common() {
    question_.common = YamlNode::map();
    if (!top_.has("scenario")) return;
    question_.common = top_.tree("scenario");
    if (!question_.common.is_map())
      mistakes_.add(question_.common.spot, "scenario has sections of a scenario",
                    "scenario: {trace: {kind: lognormal, sigma: 0.8}}");
    check_sections(question_.common, {});
    question_.resolved.set("scenario", question_.common);
  }

  PlanPolicy read_policy(const YamlNode& item, const std::string& pool) {
    const YamlNode* name = item.find("name");
    if (!item.is_map() || name == nullptr || !name->is_scalar()) {
      mistakes_.add(item.spot, fmt::format("a policy of {} needs a 'name'", pool),
                    "- {name: eplb, placement: {kind: eplb, redundant: 32}}");
      return {};
    }
    PlanPolicy policy{.name = name->text, .sections = item};
    std::erase_if(policy.sections.entries,
                  [](const NodeEntry& entry) { return entry.key == "name"; });
    check_sections(policy.sections, {});
    return policy;
  }

  PlanPool read_pool(const std::string& name) {
    if (top_.has(name) && top_.tree(name).is_scalar() && top_.tree(name).text == "none") {
      if (name == "decode")
        mistakes_.add(top_.tree(name).spot, "answers are what is planned",
                      "only prefill can be none");
      question_.resolved.set(name, YamlNode::scalar("none"));
      return {.planned = false};
    }
    const Arguments arguments = section(name);
    PlanPool pool{.nodes = sizes(arguments, "nodes")};
    if (!arguments.has("policies")) {
      pool.policies = {{.name = "default", .sections = YamlNode::map()}};
      return pool;
    }
    const YamlNode& list = arguments.tree("policies");
    if (!list.is_list() || list.items.empty())
      mistakes_.add(list.spot, "policies are a list",
                    "- {name: eplb, placement: {kind: eplb, redundant: 32}}");
    for (const YamlNode& item : list.items) {
      pool.policies.push_back(read_policy(item, name));
      for (std::size_t i = 0; i + 1 < pool.policies.size(); ++i)
        if (pool.policies[i].name == pool.policies.back().name)
          mistakes_.add(item.spot, fmt::format("two policies of {} are named '{}'", name,
                                               pool.policies[i].name));
    }
    return pool;
  }

  void read_search() {
    const Arguments arguments = section("search");
    if (!arguments.has("batch_step")) return;  // a mistake that is reported already
    question_.batch_step = arguments.integer("batch_step");
    question_.finalists = arguments.integer("finalists");
  }

  const YamlNode& root_;
  Arguments top_;
  Mistakes mistakes_;
  PlanQuestion question_;
  YamlNode resolved_clusters_;
};

}  // namespace

PlanQuestion read_question(const YamlNode& root, const std::string& name) {
  return Reader(root, name).read();
}

PlanQuestion read_question(const std::string& path, const std::vector<std::string>& overrides) {
  YamlNode root = parse_yaml(read_source(path));
  Mistakes mistakes;
  apply_overrides(root, overrides, mistakes);
  mistakes.throw_if_any();
  return read_question(root, std::filesystem::path(path).stem().string());
}

}  // namespace moesim
