#include "sim/gradient_traffic.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/model/collective_exchange.hpp"

namespace moesim {
namespace {

int moe_index(const MoeModel& model, int layer) {
  const auto found = std::find(model.moe_layers.begin(), model.moe_layers.end(), layer);
  return found == model.moe_layers.end() ? -1 : static_cast<int>(found - model.moe_layers.begin());
}

}  // namespace

double dense_parameters_of(const MoeModel& model, int layer) {
  const double h = model.hidden;
  double all = attention_parameters(model);
  if (moe_index(model, layer) >= 0)
    all +=
        h * model.experts + h * model.expert_matrices * model.shared_experts * model.shared_width;
  else
    all += h * model.dense_matrices * model.dense_width;
  const double embedding = h * model.vocabulary;
  if (layer == 0) all += embedding;
  if (layer == model.layers - 1 && !model.tied_embeddings) all += embedding;
  return all;
}

GradientTraffic::GradientTraffic(const Scenario& scenario, const CostModel& cost,
                                 const Placement& placement, std::vector<int> stages,
                                 std::vector<int> layers)
    : scenario_(scenario), cost_(cost), stages_(std::move(stages)), layers_(std::move(layers)) {
  for (const LayerPlacement& layer : placement.layers) {
    int most = 0;
    for (std::size_t rank = 0; rank + 1 < layer.first_slot.size(); ++rank)
      most = std::max(most, layer.first_slot[rank + 1] - layer.first_slot[rank]);
    slots_.push_back(most);
  }
}

// GPUs with the same place in their tensor-parallel group.
GradientTraffic::Groups GradientTraffic::dense_groups() const {
  const Grid& grid = *scenario_.grid;
  Groups groups(static_cast<std::size_t>(grid.parallel().tp));
  for (const int stage : stages_)
    for (const std::vector<GpuId>& shards : grid.tensor_groups(stage))
      for (std::size_t i = 0; i < shards.size(); ++i) groups[i].push_back(shards[i]);
  return groups;
}

GradientTraffic::Groups GradientTraffic::expert_groups() const {
  const Grid& grid = *scenario_.grid;
  const int shards = grid.parallel().etp;
  Groups groups(static_cast<std::size_t>(grid.ranks() * shards));
  for (const int stage : stages_)
    for (const ExpertGroup& group : grid.expert_groups(stage))
      for (const GpuId gpu : group.members)
        groups[static_cast<std::size_t>(grid.rank_of(gpu) * shards + gpu.value % shards)].push_back(
            gpu);
  for (std::vector<GpuId>& group : groups) std::sort(group.begin(), group.end());
  return groups;
}

double GradientTraffic::expert_parameters_of(int layer) const {
  const int index = moe_index(scenario_.model, layer);
  if (index < 0) return 0;
  return slots_[static_cast<std::size_t>(index)] * expert_parameters(scenario_.model) /
         scenario_.grid->parallel().etp;
}

void GradientTraffic::add(TaskGraph& graph, CollectiveKind kind, const Groups& groups, double bytes,
                          const std::string& label) const {
  if (groups.front().size() < 2 || !(bytes > 0)) return;
  std::vector<Collective> collectives;
  for (const std::vector<GpuId>& group : groups)
    collectives.push_back(
        {.group = group, .kind = kind, .size = Bytes(bytes), .phase = Phase::kGradient});
  std::vector<int> after;
  if (!graph.nodes.empty()) after = {static_cast<int>(graph.nodes.size()) - 1};
  graph.add(expand(collectives, *scenario_.cluster, cost_), std::move(after), label);
}

TaskGraph GradientTraffic::reduce(int layer) const {
  const Training& training = scenario_.training;
  const double bytes = bytes_per_parameter(training.gradients);
  const auto kind = training.zero > 0 ? CollectiveKind::kReduceScatter : CollectiveKind::kAllReduce;
  const double dense = dense_parameters_of(scenario_.model, layer) / scenario_.grid->parallel().tp;
  TaskGraph graph;
  add(graph, kind, dense_groups(), dense * bytes, fmt::format("gradients of layer {}", layer));
  add(graph, kind, expert_groups(), expert_parameters_of(layer) * bytes,
      fmt::format("experts' gradients of layer {}", layer));
  return graph;
}

TaskGraph GradientTraffic::update() const {
  const Training& training = scenario_.training;
  const MoeModel& model = scenario_.model;
  double dense = 0, experts = 0;
  for (const int layer : layers_) {
    dense += dense_parameters_of(model, layer) / scenario_.grid->parallel().tp;
    experts += expert_parameters_of(layer);
  }
  const Groups of_dense = dense_groups(), of_experts = expert_groups();
  const auto owned = [&](double parameters, const Groups& groups) {
    return parameters / (training.zero > 0 ? static_cast<double>(groups.front().size()) : 1.0);
  };
  const double weight = bytes_per_parameter(model.dtype);
  const double expert_weight = bytes_per_parameter(model.expert_dtype);
  const double states = 2 * training.state_bytes + training.gradient_bytes;
  const double bytes = owned(dense, of_dense) * (states + weight) +
                       owned(experts, of_experts) * (states + expert_weight);
  IdVector<GpuId, KernelTime> times(scenario_.cluster->gpus());
  for (const GpuId gpu : times.ids())
    if (std::find(stages_.begin(), stages_.end(), scenario_.grid->stage_of(gpu)) != stages_.end())
      times[gpu] = cost_.memory_pass(Bytes(bytes));
  TaskGraph graph;
  graph.add(Compute{.time = std::move(times), .phase = Phase::kOptimizer});
  if (training.zero == 0) return graph;
  add(graph, CollectiveKind::kAllGather, of_dense, dense * weight, "weights");
  add(graph, CollectiveKind::kAllGather, of_experts, experts * expert_weight, "experts' weights");
  return graph;
}

}  // namespace moesim
