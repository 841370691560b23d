// The report of a capacity plan, from plan.json (analysis/plan/plan_json.hpp).
#include <fmt/format.h>

#include <cctype>
#include <map>

#include "analysis/format.hpp"
#include "analysis/report/parts.hpp"
#include "analysis/report/report.hpp"

namespace moesim {
namespace {

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.is_null() ? "–" : value.dump();
}

// The leaves of the question below one of its keys: "targets tpot 50 ms".
void add_leaves(const std::string& name, const Json& value, Json& list) {
  if (!value.is_object() && !value.is_array()) {
    list.push_back(named_text(name, text_of(value)));
    return;
  }
  std::string plain;
  for (const auto& [key, part] : value.items())
    if (part.is_primitive() && !part.is_null())
      plain += fmt::format("{}{}{}", plain.empty() ? "" : ", ",
                           value.is_object() ? key + " " : std::string(), text_of(part));
  if (!plain.empty()) list.push_back(named_text(name, plain));
  for (const auto& [key, part] : value.items())
    if (part.is_structured())
      add_leaves(value.is_object() ? fmt::format("{} {}", name, key)
                                   : fmt::format("{} {}", name, std::stoi(key) + 1),
                 part, list);
}

Json assumptions_of_question(const Json& question) {
  Json list = Json::array();
  for (const auto& [key, value] : question.items())
    if (key != "schema" && key != "name") add_leaves(key, value, list);
  return list;
}

Json cost_bars(const Json& deployments) {
  std::vector<std::string> names;
  std::vector<double> needed, full;
  for (const Json& each : deployments) {
    names.push_back(
        fmt::format("{}, {} nodes", text_of(each.at("cluster")), text_of(each.at("nodes"))));
    needed.push_back(number_at(each, "dollars_per_million_tokens"));
    full.push_back(number_at(each, "dollars_per_million_tokens_at_capacity"));
  }
  Json part = bars_part("Dollars per million output tokens on each cluster",
                        "For the workload asked for, and if every deployment were loaded fully.",
                        {.unit = "$", .value = "per million tokens", .horizontal = true}, names);
  part["series"] = {bar_series("this workload", needed), bar_series("at capacity", full)};
  return part;
}

Json deployments_table(const Json& deployments) {
  Json part = table_part("The smallest deployment of each cluster that meets the targets",
                         {{"cluster"},
                          {"nodes", ""},
                          {"from", ""},
                          {"to", ""},
                          {"GPUs", ""},
                          {"$ per hour", ""},
                          {"$ per million tokens", ""},
                          {"kWh per million tokens", ""},
                          {"per token", "s"},
                          {"first token", "s"},
                          {"tokens/s per GPU", ""},
                          {"headroom", "share"},
                          {"decode policy"},
                          {"costs from"}});
  part["note"] = "From and to: how many nodes it may be within the error of the calibrations.";
  for (const Json& each : deployments)
    part["rows"].push_back(
        {each.at("cluster"), each.at("nodes"), at_path(each, "nodes_within_error.low"),
         at_path(each, "nodes_within_error.high"), each.at("gpus"), each.at("dollars_per_hour"),
         each.at("dollars_per_million_tokens"), each.at("kwh_per_million_tokens"),
         at_path(each, "decode.point.tpot_s"), at_path(each, "prefill.point.ttft_s"),
         at_path(each, "decode.point.tokens_per_s_per_gpu"), each.at("headroom"),
         at_path(each, "decode.instance.policy"), each.at("basis")});
  return part;
}

std::string option_text(const Json& option) {
  return fmt::format("{}, {} nodes, {}", text_of(option.at("cluster")), text_of(option.at("nodes")),
                     text_of(option.at("policy")));
}

// The front of each cluster as a line, its other options as points.
Json pareto_points(const Json& pareto) {
  Json part = chart_part("points", "Throughput per GPU against time per token: Pareto fronts",
                         "Each point is a batch size of an option. No option of the cluster is "
                         "better than its front in both ways.");
  part["x"] = axis("time per token", "s");
  part["y"] = axis("decode throughput per GPU", "tokens/s");
  std::map<std::string, Json> lines, others;
  for (const Json& point : pareto) {
    const Json shown = {{"x", point.at("tpot_s")},
                        {"y", point.at("tokens_per_s_per_gpu")},
                        {"name", fmt::format("{}, batch {}", option_text(point),
                                             text_of(point.at("batch_per_gpu")))}};
    Json& list = (point.at("front") == true ? lines : others)[text_of(point.at("cluster"))];
    list.push_back(shown);
  }
  part["series"] = Json::array();
  for (const auto& [name, points] : lines)
    part["series"].push_back({{"name", name}, {"points", points}, {"line", true}});
  for (const auto& [name, points] : others)
    part["series"].push_back({{"name", name + ", behind"}, {"points", points}, {"line", false}});
  return part;
}

Json what_if_bars(const Json& what_ifs) {
  std::vector<std::string> names;
  std::vector<double> shares;
  for (const Json& each : what_ifs) {
    names.push_back(fmt::format("{}: {}", text_of(each.at("cluster")), text_of(each.at("name"))));
    shares.push_back(number_at(each, "share_of_workload"));
  }
  Json part =
      bars_part("What if: the share of the workload that the same nodes bear",
                "Above 100 %, the targets still hold.",
                {.unit = "share", .value = "share of the workload", .horizontal = true}, names);
  part["series"].push_back(bar_series("share", shares));
  return part;
}

Json what_if_table(const Json& what_ifs) {
  Json part = table_part("What if: the nodes that it would take then",
                         {{"what if"}, {"cluster"}, {"nodes", ""}, {"bears", "share"}, {"note"}});
  for (const Json& each : what_ifs)
    part["rows"].push_back({each.at("name"), each.at("cluster"), each.at("nodes"),
                            each.at("share_of_workload"), each.at("note")});
  return part;
}

Json growth_table(const Json& growth) {
  Json part = table_part("When the load grows",
                         {{"load", "×"}, {"cheapest"}, {"nodes", ""}, {"$ per hour", ""}});
  for (const Json& each : growth)
    part["rows"].push_back(
        {each.at("factor"), each.at("cluster"), each.at("nodes"), each.at("dollars_per_hour")});
  return part;
}

Json misses_table(const Json& misses) {
  Json part =
      table_part("What meets the targets nowhere, and what is missing",
                 {{"cluster"}, {"pool"}, {"needed over there", "×"}, {"miss"}, {"would do"}});
  for (const Json& each : misses)
    part["rows"].push_back({each.at("cluster"), each.at("pool"), each.at("needed_over_there"),
                            each.at("text"), each.at("mend")});
  return part;
}

Json candidates_table(const Json& candidates) {
  Json part = table_part("Every option that was looked at", {{"pool"},
                                                             {"cluster"},
                                                             {"nodes", ""},
                                                             {"policy"},
                                                             {"state"},
                                                             {"largest batch", ""},
                                                             {"tokens/s per GPU", ""},
                                                             {"why"}});
  for (const Json& each : candidates) {
    const Json decided = at_path(each, "decided.tokens_per_s_per_gpu");
    part["rows"].push_back(
        {each.at("pool"), each.at("cluster"), each.at("nodes"), each.at("policy"), each.at("state"),
         each.at("largest_batch_per_gpu"),
         decided.is_null() ? at_path(each, "screened.tokens_per_s_per_gpu") : decided,
         each.at("why")});
  }
  return part;
}

Json sections_of(const Json& plan) {
  Json answer = Json::array(), firm = Json::array(), looked = Json::array();
  const auto add = [](Json& to, const Json& list, Json (*make)(const Json&)) {
    if (!list.empty()) to.push_back(make(list));
  };
  add(answer, plan.at("deployments"), cost_bars);
  add(answer, plan.at("deployments"), deployments_table);
  add(answer, plan.at("misses"), misses_table);
  add(answer, plan.at("pareto"), pareto_points);
  add(firm, plan.at("what_ifs"), what_if_bars);
  add(firm, plan.at("what_ifs"), what_if_table);
  add(firm, plan.at("growth"), growth_table);
  add(looked, plan.at("candidates"), candidates_table);
  Json sections = Json::array();
  for (const auto& [title, parts] :
       {std::pair{"Deployments", answer}, {"How firm is it?", firm}, {"What was tried", looked}})
    if (!parts.empty()) sections.push_back(section(title, "", parts));
  return sections;
}

// Of the cheapest deployment.
Json figures_of(const Json& plan) {
  Json figures = Json::array();
  const Json& deployments = plan.at("deployments");
  for (std::size_t i = 0; i < deployments.size(); ++i) {
    const Json& own = deployments[i];
    if (own.at("cluster") != plan.at("answer").at("cheapest")) continue;
    const auto add = [&](const char* title, const char* key, const char* unit) {
      figures.push_back({{"title", title},
                         {"value", at_path(own, key)},
                         {"unit", unit},
                         {"key", fmt::format("deployments.{}.{}", i, key)}});
    };
    add("nodes of the cheapest", "nodes", "");
    if (own.at("nodes_within_error").is_object())
      figures.back().update({{"low", at_path(own, "nodes_within_error.low")},
                             {"high", at_path(own, "nodes_within_error.high")}});
    add("GPUs", "gpus", "");
    add("$ per hour", "dollars_per_hour", "");
    add("$ per million tokens", "dollars_per_million_tokens", "");
    add("kWh per million tokens", "kwh_per_million_tokens", "");
    add("time per token", "decode.point.tpot_s", "s");
    add("first token", "prefill.point.ttft_s", "s");
    add("headroom", "headroom", "share");
  }
  return figures;
}

std::string list_text(const Json& list) {
  std::string text;
  for (const Json& each : list) text += (text.empty() ? "" : ", ") + text_of(each);
  return text;
}

// As a sentence that stands alone.
std::string sentence(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text.ends_with('.') ? text : text + ".";
}

Json plan_report(const Json& plan, const ResultFiles&) {
  const Json& question = plan.at("question");
  const Json& from = plan.at("provenance");
  const Json& load = plan.at("workload");
  Json warnings = plan.at("warnings");
  for (const Json& each : plan.at("not_included"))
    warnings.push_back("not included: " + (each.is_string() ? text_of(each) : list_text(each)));
  return {{"kind", "plan"},
          {"title", question.value("name", "plan")},
          {"subject", fmt::format("{} tokens/s out, {} tokens/s in",
                                  format_count(number_at(load, "output_tokens_per_s")),
                                  format_count(number_at(load, "input_tokens_per_s")))},
          {"answer", sentence(text_of(plan.at("answer").at("sentence")))},
          {"question",
           "Which is the smallest and the cheapest deployment that meets the targets, "
           "and how firm is that?"},
          {"assumptions", assumptions_of_question(question)},
          {"figures", figures_of(plan)},
          {"sections", sections_of(plan)},
          {"warnings", warnings},
          {"provenance",
           Json::array({named_text("program", "moesim " + text_of(from.at("moesim"))),
                        named_text("network", list_text(from.at("fidelities"))),
                        named_text("screened with", text_of(from.at("screened_with"))),
                        named_text("calibrations", list_text(from.at("calibrations"))),
                        named_text("seed", text_of(from.at("seed"))),
                        named_text("steps simulated", text_of(plan.at("simulated_steps")))})},
          {"command", "moesim plan plan.yaml -o again"}};
}

const RegisterReport kPlan({"moesim.plan/1", "plan.json", plan_report});

}  // namespace
}  // namespace moesim
