#include "analysis/summary.hpp"

#include "analysis/event_summary.hpp"
#include "analysis/gate_metrics.hpp"
#include "analysis/metrics.hpp"
#include "analysis/metrics_json.hpp"
#include "analysis/offload_summary.hpp"
#include "analysis/phases.hpp"
#include "analysis/rebalance_summary.hpp"
#include "analysis/serving_summary.hpp"
#include "analysis/uncertainty.hpp"

namespace moesim {
namespace {

Json provenance_json(const RunResult& result) {
  Json kernels = Json::array();
  for (const HeldOutError& error : result.errors)
    kernels.push_back(
        {{"kernel", error.kernel},
         {"measured", error.measured},
         {"held_out_mape",
          error.measured || error.mape > 0 ? number_or_null(error.mape) : Json(nullptr)}});
  Json inputs = Json::array();
  for (const auto& [file, digest] : result.inputs)
    inputs.push_back({{"file", file}, {"digest", digest}});
  return {{"moesim", MOESIM_VERSION},
          {"calibrations", result.calibrations},
          {"kernels", kernels},
          {"fidelity", result.fidelity},
          {"tolerance", number_or_null(result.tolerance)},
          {"network_error",
           result.network_error ? number_or_null(*result.network_error) : Json(nullptr)},
          {"routing", result.routing_detail},
          {"inputs", inputs}};
}

Json band_json(Band band) {
  return {{"low", number_or_null(band.low)}, {"high", number_or_null(band.high)}};
}

Json uncertainty_json(const RunResult& result, const Metrics& metrics) {
  const std::optional<Uncertainty> uncertainty = estimate_uncertainty(result, metrics);
  if (!uncertainty) return Json::object();
  return {{"tokens_per_s", band_json(uncertainty->rate(metrics.tokens_per_s))},
          {"tokens_per_s_per_gpu", band_json(uncertainty->rate(metrics.tokens_per_s_per_gpu))},
          {"step_time_s.mean", band_json(uncertainty->time(metrics.step_time.mean))},
          {"mfu", band_json(uncertainty->rate(result.mfu))}};
}

Json metrics_json(const RunResult& result, const Metrics& metrics) {
  Json imbalance = imbalance_json(metrics.imbalance);
  imbalance["balancedness_vllm"] = number_or_null(metrics.balancedness_vllm);
  const StepTimes& times = metrics.step_time;
  return {{"tokens_per_s", number_or_null(metrics.tokens_per_s)},
          {"tokens_per_s_per_gpu", number_or_null(metrics.tokens_per_s_per_gpu)},
          {"step_time_s",
           {{"mean", number_or_null(times.mean)},
            {"p50", number_or_null(times.p50)},
            {"p95", number_or_null(times.p95)},
            {"p99", number_or_null(times.p99)},
            {"max", number_or_null(times.max)}}},
          {"breakdown_s", breakdown_json(metrics.breakdown)},
          {"communication_s", communication_json(metrics.communication)},
          {"imbalance", imbalance},
          {"straggler_wait_fraction", number_or_null(metrics.straggler_wait_fraction)},
          {"drop_rate", number_or_null(metrics.drop_rate)},
          {"token_drop_rate", number_or_null(metrics.token_drop_rate)},
          {"padding_waste", number_or_null(metrics.padding_waste)},
          {"bytes",
           {{"nvlink", number_or_null(metrics.nvlink_bytes)},
            {"network", number_or_null(metrics.network_bytes)},
            {"migration", number_or_null(metrics.migration_bytes)}}},
          {"link_use",
           {{"nvlink_max", number_or_null(std::max(result.links.largest_use(LinkKind::kNvLink),
                                                   result.links.largest_use(LinkKind::kPcie)))},
            {"nic_max", number_or_null(result.links.largest_use(LinkKind::kNic))},
            {"spine_max", number_or_null(result.links.largest_use(LinkKind::kSpine))}}},
          {"gpu_use", number_or_null(result.gpu_use)},
          {"mfu", number_or_null(result.mfu)},
          {"memory_bytes_max", number_or_null(metrics.memory_bytes_max)}};
}

Json gate_json(const Scenario& scenario, const RunResult& result) {
  const GateMetrics metrics = gate_metrics(result);
  Json json = {{"kind", scenario.gate.kind}};
  if (!metrics.gated) {
    json["routes_changed"] = 0;
    json["rerouted"] = number_or_null(metrics.rerouted);
    return json;
  }
  json["routes_changed"] = number_or_null(metrics.routes_changed);
  json["routes_per_token"] = number_or_null(metrics.routes_per_token);
  json["free_share"] = number_or_null(metrics.free_share);
  json["unrouted_tokens"] = number_or_null(metrics.unrouted_tokens);
  json["confidence"] = number_or_null(metrics.confidence);
  json["rerouted"] = number_or_null(metrics.rerouted);
  json["losses"] = Json::object();
  for (const auto& [name, value] : metrics.losses) json["losses"][name] = number_or_null(value);
  return json;
}

Json layers_json(const Scenario& scenario, const RunResult& result) {
  Json layers = Json::array();
  for (const LayerRecord& layer : result.layers) {
    layers.push_back({{"layer", layer.layer},
                      {"model_layer", layer.model_layer},
                      {"time_s", number_or_null(layer.seconds)},
                      {"imbalance", imbalance_json(layer.imbalance)},
                      {"hottest_gpu", layer.hottest_gpu},
                      {"hottest_expert", layer.hottest_expert},
                      {"dropped_routes", layer.dropped_routes}});
    if (!scenario.step_placement.kind.empty() && scenario.step_placement.kind != "none")
      layers.back()["travelling_experts"] = number_or_null(layer.travelling_experts);
  }
  return layers;
}

Json gpus_json(const RunResult& result) {
  Json gpus = Json::array();
  for (const GpuRecord& gpu : result.gpu_records)
    gpus.push_back({{"gpu", gpu.gpu},
                    {"node", gpu.node},
                    {"breakdown_s", breakdown_json(gpu.breakdown)},
                    {"routes_per_step", number_or_null(gpu.routes)},
                    {"busy", number_or_null(gpu.busy)},
                    {"memory_bytes", number_or_null(gpu.memory_bytes)}});
  return gpus;
}

Json phases_json(const std::vector<PhaseUse>& phases) {
  Json json = Json::object();
  for (const PhaseUse& use : phases)
    json[to_string(use.phase)] = {{"bytes", number_or_null(use.bytes)},
                                  {"use", number_or_null(use.use)}};
  return json;
}

Json link_json(const LinkRecord& link) {
  return {{"name", link.name},
          {"class", to_string(link.kind)},
          {"bytes", number_or_null(link.bytes)},
          {"use", number_or_null(link.use)},
          {"background", number_or_null(link.background)},
          {"hash_loss", number_or_null(link.hash_loss)},
          {"phases", phases_json(link.phases)}};
}

Json links_json(const LinkReport& report) {
  Json classes = Json::array(), hottest = Json::array();
  for (const LinkClassRecord& all : report.classes)
    classes.push_back(
        {{"class", to_string(all.kind)},
         {"links", all.links},
         {"bytes", number_or_null(all.bytes)},
         {"use_mean", number_or_null(all.use_mean)},
         {"use_max", number_or_null(all.busiest.use)},
         {"busiest", all.busiest.name.empty() ? Json(nullptr) : Json(all.busiest.name)},
         {"phases", phases_json(all.phases)}});
  for (const LinkRecord& link : report.hottest) hottest.push_back(link_json(link));
  return {{"classes", classes}, {"hottest", hottest}};
}

// `share` is in seconds of the step, as DESIGN §7 defines it; `share_of_step` is the ratio.
Json hot_json(const RunResult& result, const Metrics& metrics) {
  Json hot = Json::array();
  for (const HotSpot& spot : result.hot)
    hot.push_back({{"layer", spot.layer},
                   {"gpu", spot.gpu},
                   {"expert", spot.expert},
                   {"share", number_or_null(spot.seconds)},
                   {"share_of_step", number_or_null(spot.seconds / metrics.step_time.mean)}});
  return hot;
}

}  // namespace

std::vector<std::string> all_warnings(const RunResult& result) {
  std::vector<std::string> warnings = result.warnings;
  if (const auto uncertainty = estimate_uncertainty(result, compute_metrics(result)))
    if (std::string warning = uncertainty->warning(); !warning.empty())
      warnings.push_back(std::move(warning));
  if (std::string warning = gate_warning(gate_metrics(result)); !warning.empty())
    warnings.push_back(std::move(warning));
  if (result.serving)
    for (std::string& warning :
         serving_warnings(*result.serving, compute_serving_metrics(*result.serving, {})))
      warnings.push_back(std::move(warning));
  return warnings;
}

Json summary_document(const Scenario& scenario, const RunResult& result) {
  const Metrics metrics = compute_metrics(result);
  Json document = {{"schema", kSummarySchema},
                   {"scenario", to_json(scenario.resolved)},
                   {"seed", result.seed},
                   {"warnings", all_warnings(result)},
                   {"provenance", provenance_json(result)},
                   {"uncertainty", uncertainty_json(result, metrics)},
                   {"metrics", metrics_json(result, metrics)},
                   {"layers", layers_json(scenario, result)},
                   {"gpus", gpus_json(result)},
                   {"hot", hot_json(result, metrics)},
                   {"links", links_json(result.links)},
                   {"gate", gate_json(scenario, result)},
                   {"rebalance", rebalance_json(result.rebalances)}};
  if (result.serving) {
    document["serving"] = serving_document(scenario, result);
    add_serving_metrics(document["serving"], document["metrics"]);
    // Of a step it is known; what it does to queues is not.
    if (Json& uncertainty = document["uncertainty"]; uncertainty.is_object())
      for (const char* rate : {"tokens_per_s", "tokens_per_s_per_gpu"}) uncertainty.erase(rate);
  }
  if (result.offload) document["offload"] = offload_json(result);
  if (!result.events.empty()) document["events"] = events_json(result);
  return document;
}

}  // namespace moesim
