#include "sim/pool_steps.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "sim/base/check.hpp"
#include "sim/model/memory.hpp"

namespace moesim {
namespace {

// What a GPU's new tokens of prompts add to the cache of all layers.
double prompt_kv(const MoeModel& model, const Sequences& own) {
  double bytes = 0;
  for (const Sequence& sequence : own)
    if (!sequence.decode)
      bytes += (kv_bytes_of_sequence(model, sequence.earlier + sequence.new_tokens) -
                kv_bytes_of_sequence(model, sequence.earlier))
                   .value;
  return bytes;
}

// The node that is last to compute attention in a layer's fragment; −1: none does.
int last_attention(const TaskGraph& graph) {
  for (int node = static_cast<int>(graph.nodes.size()) - 1; node >= 0; --node) {
    const Operation& operation = graph.nodes[static_cast<std::size_t>(node)].operation;
    const auto* compute = std::get_if<Compute>(&operation);
    if (compute != nullptr && compute->phase == Phase::kAttention) return node;
  }
  return -1;
}

// Adds the uses of all phases, so many times.
void add(const LinkUses& uses, double times, LinkUse& sum) {
  for (const LinkUse& use : uses) {
    sum.bytes.raw().resize(use.bytes.size());
    sum.wire_bytes.raw().resize(use.wire_bytes.size());
    for (const LinkId link : use.bytes.ids()) {
      sum.bytes[link] += times * use.bytes[link];
      sum.wire_bytes[link] += times * use.wire_bytes[link];
    }
  }
}

}  // namespace

IdVector<GpuId, Sequences> on_gpus(const StepBatch& batch, const Grid& grid) {
  const GpuGroups& groups = grid.tensor_groups(0);
  MOESIM_CHECK(batch.ranks.size() == groups.size(), "a batch has every rank of the pool");
  IdVector<GpuId, Sequences> all(grid.cluster().gpus());
  for (std::size_t rank = 0; rank < groups.size(); ++rank) {
    const Sequences& own = batch.ranks[rank];
    const std::vector<GpuId>& group = groups[rank];
    if (group.size() == 1) {
      all[group.front()] = own;
      continue;
    }
    const auto tokens = static_cast<std::int64_t>(std::llround(new_tokens(own)));
    const auto members = static_cast<std::int64_t>(group.size());
    for (std::int64_t i = 0; i < members; ++i) {
      const std::int64_t first = tokens * i / members, end = tokens * (i + 1) / members;
      all[group[static_cast<std::size_t>(i)]] =
          slice(own, static_cast<double>(first), static_cast<double>(end - first));
    }
  }
  return all;
}

Workload workload_of(const IdVector<GpuId, Sequences>& batch, const Workload& usual) {
  Workload work = usual;
  double most = 0, prompts = 0, lengths = 0, prompt_count = 0, answers = 0, cached = 0;
  for (const Sequences& own : batch) {
    most = std::max(most, new_tokens(own));
    double of_prompts = 0;
    for (const Sequence& sequence : own) {
      if (sequence.decode) {
        answers += 1;
        cached += sequence.earlier;
        continue;
      }
      of_prompts += sequence.new_tokens;
      lengths += sequence.earlier + sequence.new_tokens;
      prompt_count += 1;
    }
    prompts = std::max(prompts, of_prompts);
  }
  work.tokens_per_gpu = std::max(1, static_cast<int>(std::lround(most)));
  work.phase = answers == 0   ? WorkloadPhase::kPrefill
               : prompts == 0 ? WorkloadPhase::kDecode
                              : WorkloadPhase::kMixed;
  if (work.phase != WorkloadPhase::kDecode) work.draft_tokens = 0;
  const double prompt = prompt_count > 0 ? std::max(1.0, std::round(lengths / prompt_count)) : 1;
  work.context =
      static_cast<int>(answers > 0 ? std::max(1.0, std::round(cached / answers)) : prompt);
  work.mixed_prompt_tokens =
      work.phase == WorkloadPhase::kMixed ? static_cast<int>(std::lround(prompts)) : 0;
  work.mixed_prompt = static_cast<int>(prompt);
  return work;
}

PoolSteps::PoolSteps(Stretch& stretch, Engine& engine, GpuPart part, KvSends* sends)
    : stretch_(stretch),
      engine_(engine),
      sends_(sends),
      host_(stretch.scenario.launching),
      layer_(stretch.scenario.model.layers + 2) {
  if (sends_ != nullptr) sends_->listen([this](const Span& sent) { span(sent); });
  engine.add(*this, part);
  stretch.rebalancer.background().pace();
  engine.add(stretch.rebalancer.background(), part);
}

PoolStep PoolSteps::simulate(const StepBatch& batch, int number) {
  const Scenario& scenario = stretch_.scenario;
  IdVector<GpuId, Sequences> own = on_gpus(batch, *scenario.grid);
  const Workload work = workload_of(own, scenario.workload);
  begin_ = engine_.now();
  if (sends_ != nullptr) {
    IdVector<GpuId, double> bytes(own.size());
    for (const GpuId gpu : own.ids())
      bytes[gpu] = prompt_kv(scenario.model, own[gpu]) / scenario.model.layers;
    sends_->begin(bytes, scenario.model.layers, number);
  }
  stretch_.builder.set_batch(std::move(own), work, batch.classes);
  recorder_.emplace(scenario, 0);
  number_ = number;
  layer_ = 0;
  carried_ = {};
  BackgroundCopies& copies = stretch_.rebalancer.background();
  copies.step_begins(served_, begin_);
  engine_.wake(*this);
  engine_.wake(copies);
  run_engine();
  count_served();
  recorder_->step_ended(0, end_ - begin_);
  RunResult result;
  recorder_->finish(result);
  PoolStep step{.record = result.steps.front(),
                .kv_sent = (end_ - begin_).value,
                .expert_loads = std::move(result.expert_loads),
                .links = std::exchange(links_, {})};
  if (sends_ != nullptr && sends_->any())
    step.kv_sent = std::max(step.kv_sent, (sends_->arrived() - begin_).value);
  return step;
}

Seconds PoolSteps::run_alone(TaskGraph graph) {
  begin_ = engine_.now();
  alone_ = std::move(graph);
  engine_.wake(*this);
  run_engine();
  count_served();
  return end_ - begin_;
}

// Other pools use the engine between this one's steps.
void PoolSteps::run_engine() {
  const LinkUses before = engine_.link_uses();
  engine_.run();
  add(engine_.link_uses(), 1, links_);
  add(before, -1, links_);
}

void PoolSteps::count_served() {
  served_ += end_ - begin_;
  stretch_.rebalancer.background().serve_until(served_);
}

std::optional<TaskGraph> PoolSteps::next() {
  if (alone_) {
    under_way_.push_back({});
    return std::exchange(alone_, std::nullopt);
  }
  const int layers = stretch_.scenario.model.layers;
  if (layer_ > layers) return std::nullopt;
  const int layer = layer_++;
  if (layer == layers) {
    TaskGraph rest = joined(stretch_.builder.build_rest(number_, carried_),
                            stretch_.builder.build_head(number_));
    under_way_.push_back({});
    return host_.launch(std::move(rest), false);
  }
  TaskGraph graph = host_.launch(build_layer(layer), layer == 0);
  under_way_.push_back({.layer = layer, .attention = last_attention(graph)});
  return graph;
}

TaskGraph PoolSteps::build_layer(int layer) {
  LayerLoad load;
  TaskGraph graph =
      stretch_.builder.build(number_, layer, *stretch_.rebalancer.placement(), &load, carried_);
  if (load.gpu.empty()) return graph;
  recorder_->layer_built(0, graph.layer, load);
  stretch_.failover.layer_built(LayerId(graph.layer), load);
  stretch_.rebalancer.layer_built(LayerId(graph.layer), load);
  return graph;
}

void PoolSteps::done(int fragment, int node, GpuId gpu, Seconds) {
  if (sends_ == nullptr || !sends_->any()) return;
  const Fragment& ended = under_way_[static_cast<std::size_t>(fragment - ended_)];
  if (ended.layer >= 0 && ended.attention == node) sends_->layer_done(ended.layer, gpu);
}

void PoolSteps::fragment_done(int, Seconds time) {
  const int layer = under_way_.front().layer;
  if (sends_ != nullptr && layer >= 0)
    for (const GpuId gpu : IdRange<GpuId>(stretch_.scenario.cluster->gpus()))
      sends_->layer_done(layer, gpu);
  under_way_.pop_front();
  ++ended_;
  end_ = time;
  if (under_way_.empty()) stretch_.rebalancer.background().step_ends();
}

void PoolSteps::span(const Span& span) {
  if (!recorder_) return;
  Span own = span;
  own.begin -= begin_;
  own.end -= begin_;
  own.step = 0;
  recorder_->span(own);
}

}  // namespace moesim
