#include "analysis/plan/plan_json.hpp"

#include <set>

#include "analysis/csv_row.hpp"
#include "analysis/plan/plan_text.hpp"

namespace moesim {
namespace {

template <class Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

const char* latency_key(PlanPoolKind pool) {
  return pool == PlanPoolKind::kDecode ? "tpot_s" : "ttft_s";
}

Json option_json(const PlanQuestion& question, const PlanOption& option) {
  return {{"pool", pool_text(option.pool)},
          {"cluster", question.clusters[option.cluster].name},
          {"nodes", option.nodes},
          {"policy", pool_of(question, option.pool).policies[option.policy].name}};
}

Json point_json(const OperatingPoint& point, PlanPoolKind pool) {
  const StepAnswer& step = point.step;
  return {{"batch_per_gpu", point.batch},
          {"step_s", step.step.value},
          {latency_key(pool), point.latency.value},
          {"tokens_per_s", step.tokens_per_s},
          {"tokens_per_s_per_gpu", step.tokens_per_s / step.gpus},
          {"step_error", or_null(step.error)},
          {"unmeasured_share", step.unmeasured},
          {"memory_bytes_max", step.memory_bytes},
          {"gpu_max_over_mean", step.gpu_max_over_mean},
          {"fidelity", step.fidelity},
          {"calibrations", step.calibrations}};
}

Json candidate_json(const PlanQuestion& question, const Candidate& candidate) {
  Json json = option_json(question, candidate.option);
  json["state"] = to_string(candidate.state);
  json["why"] = candidate.why;
  json["largest_batch_per_gpu"] = candidate.room.batch;
  const PlanPoolKind pool = candidate.option.pool;
  json["screened"] = candidate.screened ? point_json(*candidate.screened, pool) : Json(nullptr);
  json["decided"] = candidate.decided ? point_json(*candidate.decided, pool) : Json(nullptr);
  return json;
}

Json size_json(const PlanQuestion& question, const PlanAnswer& answer, const PoolSize& size) {
  const PlanOption& option = answer.candidates[size.candidate].option;
  return {{"instances", size.instances},
          {"instance", option_json(question, option)},
          {"nodes", size.nodes},
          {"gpus", size.gpus},
          {"capacity_tokens_per_s", size.capacity},
          {"point", point_json(size.point, option.pool)}};
}

Json deployment_json(const PlanQuestion& question, const PlanAnswer& answer,
                     const Deployment& deployment) {
  Json json = {{"cluster", question.clusters[deployment.cluster].name},
               {"nodes", deployment.nodes},
               {"gpus", deployment.gpus},
               {"dollars_per_hour", deployment.dollars_per_hour},
               {"dollars_per_million_tokens", deployment.dollars_per_million},
               {"dollars_per_million_tokens_at_capacity", deployment.dollars_per_million_full},
               {"kwh_per_million_tokens", deployment.kwh_per_million},
               {"headroom", deployment.headroom},
               {"firmness", firmness_text(deployment)},
               {"basis", basis_text(deployment)},
               {"datasheet_only", is_datasheet(deployment)}};
  json["nodes_within_error"] = nullptr;
  if (deployment.band)
    json["nodes_within_error"] = {{"error", deployment.band->error},
                                  {"low", deployment.band->low},
                                  {"high", or_null(deployment.band->high)}};
  json["decode"] = size_json(question, answer, deployment.decode);
  json["prefill"] =
      deployment.prefill ? size_json(question, answer, *deployment.prefill) : Json(nullptr);
  return json;
}

Json answer_json(const PlanQuestion& question, const PlanAnswer& answer) {
  const auto name = [&](const std::optional<std::size_t>& index) {
    return index ? Json(question.clusters[answer.deployments[*index].cluster].name) : Json(nullptr);
  };
  return {{"meets", answer.cheapest.has_value()},
          {"sentence", answer_sentence(question, answer)},
          {"rivals", rivals_text(question, answer)},
          {"smallest", name(answer.smallest)},
          {"cheapest", name(answer.cheapest)},
          {"cheapest_measured", name(cheapest_measured(answer))}};
}

Json misses_json(const PlanQuestion& question, const PlanAnswer& answer) {
  Json list = Json::array();
  for (const Miss& miss : answer.misses)
    list.push_back({{"cluster", question.clusters[miss.cluster].name},
                    {"pool", pool_text(miss.pool)},
                    {"needed_over_there", miss.ratio > 0 ? Json(miss.ratio) : Json(nullptr)},
                    {"text", miss.text},
                    {"mend", miss.mend}});
  return list;
}

Json pareto_json(const PlanQuestion& question, const PlanAnswer& answer) {
  Json list = Json::array();
  for (const ParetoPoint& point : answer.pareto) {
    Json json = option_json(question, point.option);
    json["batch_per_gpu"] = point.batch;
    json["tpot_s"] = point.latency.value;
    json["tokens_per_s_per_gpu"] = point.tokens_per_s_per_gpu;
    json["front"] = point.front;
    list.push_back(std::move(json));
  }
  return list;
}

Json what_ifs_json(const PlanQuestion& question, const PlanAnswer& answer) {
  Json list = Json::array();
  for (const WhatIf& what_if : answer.what_ifs) {
    const bool known = what_if.why_not.empty();
    list.push_back(
        {{"cluster", question.clusters[answer.deployments[what_if.deployment].cluster].name},
         {"name", what_if.name},
         {"share_of_workload", known ? Json(what_if.share) : Json(nullptr)},
         {"nodes", known ? or_null(what_if.nodes) : Json(nullptr)},
         {"note", known ? what_if.note : what_if.why_not}});
  }
  return list;
}

Json growth_json(const PlanQuestion& question, const PlanAnswer& answer) {
  Json list = Json::array();
  for (const GrowthStep& step : answer.growth) {
    const bool met = step.cluster.has_value();
    list.push_back({{"factor", step.factor},
                    {"cluster", met ? Json(question.clusters[*step.cluster].name) : Json(nullptr)},
                    {"nodes", met ? Json(step.nodes) : Json(nullptr)},
                    {"dollars_per_hour", met ? Json(step.dollars_per_hour) : Json(nullptr)}});
  }
  return list;
}

// What the figures of the deployments rest on.
Json provenance_json(const PlanQuestion& question, const PlanAnswer& answer) {
  std::set<std::string> calibrations, fidelities;
  for (const Deployment& deployment : answer.deployments)
    for (const PoolSize* pool : pools_of(deployment)) {
      const StepAnswer& step = pool->point.step;
      calibrations.insert(step.calibrations.begin(), step.calibrations.end());
      fidelities.insert(step.fidelity);
    }
  return {{"moesim", MOESIM_VERSION},
          {"seed", question.seed},
          {"calibrations", calibrations},
          {"fidelities", fidelities},
          {"screened_with", "analytic"}};
}

}  // namespace

Json plan_document(const PlanQuestion& question, const PlanAnswer& answer) {
  Json json = {{"schema", kPlanSchema}, {"question", to_json(question.resolved)}};
  const PlanWorkload& work = question.workload;
  json["workload"] = {{"output_tokens_per_s", work.output},
                      {"input_tokens_per_s", work.input},
                      {"requests_per_s", work.requests}};
  json["answer"] = answer_json(question, answer);
  json["deployments"] = Json::array();
  for (const Deployment& deployment : answer.deployments)
    json["deployments"].push_back(deployment_json(question, answer, deployment));
  json["misses"] = misses_json(question, answer);
  json["pareto"] = pareto_json(question, answer);
  json["what_ifs"] = what_ifs_json(question, answer);
  json["growth"] = growth_json(question, answer);
  json["candidates"] = Json::array();
  for (const Candidate& candidate : answer.candidates)
    json["candidates"].push_back(candidate_json(question, candidate));
  json["verified"] = nullptr;
  if (answer.verified)
    json["verified"] = {{"requests", answer.verified->requests},
                        {"ttft_mean_s", answer.verified->ttft_mean.value},
                        {"ttft_p99_s", answer.verified->ttft_p99.value},
                        {"tpot_mean_s", answer.verified->tpot_mean.value},
                        {"tpot_p99_s", answer.verified->tpot_p99.value},
                        {"slo_attainment", answer.verified->attainment}};
  json["not_included"] = not_included(question);
  json["warnings"] = answer.warnings;
  json["provenance"] = provenance_json(question, answer);
  json["simulated_steps"] = answer.simulated;
  return json;
}

std::string candidates_csv(const PlanQuestion& question, const PlanAnswer& answer) {
  std::string text =
      "pool,cluster,nodes,policy,state,largest_batch_per_gpu,batch_per_gpu,step_s,latency_s,"
      "tokens_per_s,tokens_per_s_per_gpu,step_error,fidelity\n";
  for (const Candidate& candidate : answer.candidates) {
    const PlanOption& option = candidate.option;
    CsvRow row;
    row.put(pool_text(option.pool))
        .put(question.clusters[option.cluster].name)
        .add(option.nodes)
        .put(pool_of(question, option.pool).policies[option.policy].name)
        .put(to_string(candidate.state))
        .add(candidate.room.batch);
    const auto& point = candidate.decided ? candidate.decided : candidate.screened;
    if (point) {
      const StepAnswer& step = point->step;
      row.add(point->batch)
          .add(step.step.value)
          .add(point->latency.value)
          .add(step.tokens_per_s)
          .add(step.tokens_per_s / step.gpus);
      if (step.error)
        row.add(*step.error);
      else
        row.put("");
      row.put(step.fidelity);
    } else {
      for (int i = 0; i < 7; ++i) row.put("");
    }
    text += row.line();
  }
  return text;
}

}  // namespace moesim
