#include "sim/pipeline.hpp"

#include "sim/exchange/library.hpp"

namespace moesim {
namespace {

constexpr double kTokenBytes = 4;  // of a sampled token on its way back to the first stage

}  // namespace

bool is_pipelined(const Scenario& scenario) {
  return scenario.grid->stages() > 1 || scenario.workload.micro_batches > 1 ||
         scenario.workload.phase == WorkloadPhase::kTraining;
}

Scenario scenario_of_passes(const Scenario& scenario) {
  Scenario passes = scenario;
  passes.workload = scenario.workload.one_pass();
  passes.workload.steps *= scenario.workload.micro_batches;
  passes.workload.warmup_steps *= scenario.workload.micro_batches;
  return passes;
}

std::vector<std::string> pipeline_warnings(const Scenario& scenario) {
  if (scenario.workload.phase == WorkloadPhase::kTraining)
    return {
        "training: no calibration has measured backward kernels: products are priced as forward "
        "ones of their shapes, attention as 2.5 times its forward pass"};
  if (scenario.grid->stages() == 1 || scenario.workload.warmup_steps > 0) return {};
  return {
      "pipeline: the first of the measured steps fills it; workload.warmup_steps: 1 leaves "
      "that out"};
}

std::vector<HeldOutError> unmeasured_kernels(const Scenario& scenario) {
  if (scenario.workload.phase != WorkloadPhase::kTraining) return {};
  return {{.kernel = "attention backward"}, {.kernel = "experts backward"}};
}

Pipeline::Pipeline(const Scenario& scenario, const Stretch& passes, const CostModel& cost,
                   Engine& engine, RunRecorder& recorder, const RunListener& listener)
    : stages_(scenario, passes, engine, recorder, listener),
      grid_(*scenario.grid),
      given_(static_cast<std::size_t>(grid_.stages())) {
  for (int stage = 0; stage < grid_.stages(); ++stage)
    stages_.add_lane([this, stage] { return next_operation(stage); });
  if (scenario.workload.phase == WorkloadPhase::kTraining) training_.emplace(stages_, cost);
}

Pipeline::Pieces Pipeline::next_operation(int stage) {
  if (training_) return training_->next_operation(stage);
  const int operation = given_[static_cast<std::size_t>(stage)]++;
  const int batches = stages_.scenario().workload.micro_batches;
  const MicroBatch batch{.step = operation / batches, .index = operation % batches};
  Pieces pieces;
  if (batch.step == stages_.steps()) return pieces;
  if (stage > 0)
    pieces.push_back({.wait = {{Signal::kActivation, batch.step, batch.index}}});
  else if (batch.step > 0)
    pieces.push_back({.wait = {{Signal::kSlot, batch.step, batch.index}}});
  add_layers(stage, batch, pieces);
  if (stage + 1 < grid_.stages())
    add_way_on(stage, batch, pieces);
  else
    add_end(stage, batch, pieces);
  return pieces;
}

void Pipeline::add_layers(int stage, MicroBatch batch, Pieces& pieces) {
  const int layers = stages_.scenario().model.layers;
  const auto carried = std::make_shared<Carried>();
  for (int layer = 0; layer < layers; ++layer)
    if (grid_.stage_of_layer(layer, layers) == stage)
      pieces.push_back({.build = [=, this] { return build_layer(batch, layer, *carried); }});
  pieces.push_back({.build = [=, this] {
    return placed(stages_.passes().builder.build_rest(stages_.pass_of(batch), *carried), batch.step,
                  batch.index);
  }});
}

TaskGraph Pipeline::build_layer(MicroBatch batch, int layer, Carried& carried) {
  LayerLoad load;
  TaskGraph graph = stages_.passes().builder.build(stages_.pass_of(batch), layer,
                                                   stages_.placement(), &load, carried);
  stages_.built(batch, layer, graph.layer, load);
  return placed(std::move(graph), batch.step, batch.index);
}

void Pipeline::add_way_on(int stage, MicroBatch batch, Pieces& pieces) {
  const double tokens = stages_.passes().scenario.workload.tokens_per_gpu;
  const double held = tokens * (grid_.parallel().scattered ? 1 : grid_.parallel().tp);
  pieces.push_back(stages_.transfer(stage, stage + 1,
                                    {Signal::kActivation, batch.step, batch.index},
                                    Bytes(held * bf16_row(stages_.scenario().model))));
}

// Logits, and the way back to the first stage.
void Pipeline::add_end(int stage, MicroBatch batch, Pieces& pieces) {
  pieces.push_back({.build = [=, this] {
    return placed(stages_.passes().builder.build_head(stages_.pass_of(batch)), batch.step,
                  batch.index);
  }});
  if (batch.index == stages_.scenario().workload.micro_batches - 1)
    pieces.back().ended = [this](Seconds time) { stages_.step_ended(time); };
  if (batch.step + 1 == stages_.steps()) return;
  const double tokens = stages_.passes().scenario.workload.tokens_per_gpu;
  pieces.push_back(stages_.transfer(stage, 0, {Signal::kSlot, batch.step + 1, batch.index},
                                    Bytes(tokens * kTokenBytes)));
}

}  // namespace moesim
