#include "sim/engine/executor.hpp"

#include <fmt/format.h>

#include <simgrid/s4u/Engine.hpp>

#include "sim/engine/part_graph.hpp"

namespace moesim {

namespace {

const Operation& operation_of(const Task& task) {
  return task.fragment->graph.nodes[static_cast<std::size_t>(task.node)].operation;
}

Phase phase_of(const Operation& operation) {
  return std::visit([](const auto& kind) { return kind.phase; }, operation);
}

std::string name_of(const TaskNode& node) {
  return node.label.empty() ? to_string(phase_of(node.operation)) : node.label;
}

}  // namespace

Engine::Core::Core(const Cluster& cluster, const NetworkOptions& options)
    : cluster_(cluster),
      platform_(cluster),
      clock_([this] { settle(); }),
      network_(make_network(options, cluster, clock_, platform_)),
      streams_(cluster.gpus(), cluster.gpu().sms, clock_, *this) {}

void Engine::Core::add(Producer& producer, GpuPart part) {
  producers_.push_back(std::make_unique<ProducerRun>());
  producers_.back()->producer = &producer;
  producers_.back()->part = part;
  producers_.back()->current.raw().assign(static_cast<std::size_t>(cluster_.gpus()), -1);
}

Seconds Engine::Core::run() {
  const Seconds begin = clock_.now();
  for (; entered_ < producers_.size(); ++entered_) {
    ProducerRun& run = *producers_[entered_];
    fetch(run);
    for (const GpuId gpu : run.current.ids()) enter(run, gpu);
  }
  settle();
  platform_.engine().run();
  check_done();
  return clock_.now() - begin;
}

void Engine::Core::change_network(const NetworkOptions& options) {
  MOESIM_CHECK(free_exchanges_.size() == exchanges_.size(), "no exchange is under way");
  free_exchanges_.clear();
  exchanges_.clear();
  former_networks_.push_back(std::move(network_));
  network_ = make_network(options, cluster_, clock_, platform_);
}

void Engine::Core::fetch(ProducerRun& run) {
  std::optional<TaskGraph> graph = run.producer->next();
  if (!graph) {
    run.exhausted = true;
    return;
  }
  FragmentRun& fragment = take_fragment();
  fragment.producer = &run;
  fragment.number = run.given++;
  fragment.begin(on_all_gpus(std::move(*graph), run.part, cluster_.gpus()), cluster_.gpus(),
                 run.alive.empty() ? nullptr : run.alive.back());
  for (std::size_t node = 0; node < fragment.graph.nodes.size(); ++node) {
    const auto* exchange = std::get_if<Exchange>(&fragment.graph.nodes[node].operation);
    if (exchange == nullptr) continue;
    fragment.nodes[node].exchange = &take_exchange();
    fragment.nodes[node].exchange->begin(*exchange,
                                         {.fragment = &fragment, .node = static_cast<int>(node)});
  }
  run.alive.push_back(&fragment);
  for (const auto& [node, gpu] : fragment.ready_at_once()) ready_.push_back({&fragment, node, gpu});
}

FragmentRun& Engine::Core::take_fragment() {
  if (free_fragments_.empty()) {
    fragments_.push_back(std::make_unique<FragmentRun>());
    free_fragments_.push_back(fragments_.back().get());
  }
  FragmentRun& fragment = *free_fragments_.back();
  free_fragments_.pop_back();
  return fragment;
}

ExchangeRun& Engine::Core::take_exchange() {
  if (free_exchanges_.empty()) {
    exchanges_.push_back(
        std::make_unique<ExchangeRun>(cluster_, clock_, *network_, streams_, *this));
    free_exchanges_.push_back(exchanges_.back().get());
  }
  ExchangeRun& exchange = *free_exchanges_.back();
  free_exchanges_.pop_back();
  return exchange;
}

void Engine::Core::settle() {
  for (std::size_t at = 0, end = 0; at < ready_.size() || end < ended_.size();) {
    if (end < ended_.size()) {
      pass(Task(ended_[end++]));
    } else {
      start(Task(ready_[at++]));
    }
    if (at == ready_.size()) ready_.clear(), at = 0;
    if (end == ended_.size()) ended_.clear(), end = 0;
  }
}

// GPUs that have ended all fragments stand before the one that may come.
void Engine::Core::wake(Producer& producer) {
  for (const auto& run : producers_) {
    if (run->producer != &producer || !run->exhausted) continue;
    run->exhausted = false;
    const int before = run->given;
    fetch(*run);
    for (const GpuId gpu : run->current.ids())
      if (run->given > before && run->current[gpu] == before) begin(*run, gpu);
  }
}

FragmentRun& Engine::Core::fragment_of(ProducerRun& run, int number) const {
  const std::size_t first = static_cast<std::size_t>(run.given) - run.alive.size();
  const std::size_t at = static_cast<std::size_t>(number) - first;
  MOESIM_CHECK(at < run.alive.size(), "the fragment is under way");
  return *run.alive[at];
}

// `gpu` goes on to the producer's next fragment, if there is one.
void Engine::Core::enter(ProducerRun& run, GpuId gpu) {
  if (++run.current[gpu] < run.given) begin(run, gpu);
}

void Engine::Core::begin(ProducerRun& run, GpuId gpu) {
  const int number = run.current[gpu];
  FragmentRun& fragment = fragment_of(run, number);
  for (const int node : fragment.entries()) ready_.push_back({&fragment, node, gpu});
  if (number == run.given - 1 && !run.exhausted) fetch(run);
  if (--fragment.exits_left[gpu] == 0) leave(fragment, gpu);
}

void Engine::Core::start(const Task& task) {
  ProducerRun& run = *task.fragment->producer;
  if (task.fragment->number == run.given - 1 && !run.exhausted) fetch(run);
  const Operation& operation = operation_of(task);
  if (const auto* compute = std::get_if<Compute>(&operation)) {
    const KernelTime time = compute->time[task.gpu];
    if (time.total().value > 0) return streams_.launch(task, compute->stream, time);
    ended_.push_back(task);
  } else if (const auto* transfer = std::get_if<Transfer>(&operation)) {
    start_transfer(task, *transfer);
  } else if (std::holds_alternative<Hold>(operation)) {
    start_hold(task);
  } else {
    task.fragment->nodes[static_cast<std::size_t>(task.node)].exchange->ready(task.gpu);
  }
}

void Engine::Core::start_transfer(const Task& task, const Transfer& transfer) {
  FragmentRun::Node& state = task.fragment->nodes[static_cast<std::size_t>(task.node)];
  const bool stays = transfer.source == transfer.target && transfer.from == transfer.to;
  const bool moves = !stays && transfer.size.value > 0;
  if (task.gpu == transfer.source && moves) {
    state.begin = clock_.now();
    if (free_transfers_.empty()) {
      free_transfers_.push_back(static_cast<int>(transfers_.size()));
      transfers_.emplace_back();
    }
    const int slot = free_transfers_.back();
    free_transfers_.pop_back();
    transfers_[static_cast<std::size_t>(slot)] = task;
    network_->copy(transfer, *this, {.a = slot});
  } else if (task.gpu == transfer.source && !stays) {
    transfer_arrived(*task.fragment, task.node);
  }
  if (task.gpu != transfer.target) return ended_.push_back(task);
  state.target_ready = true;
  if (state.arrived || stays) ended_.push_back(task);
}

void Engine::Core::handle(const Event& event) {
  const Task task = transfers_[static_cast<std::size_t>(event.a)];
  free_transfers_.push_back(event.a);
  const auto& transfer = std::get<Transfer>(operation_of(task));
  const Seconds begin = task.fragment->nodes[static_cast<std::size_t>(task.node)].begin;
  tell_span({task.fragment, task.node, transfer.source}, -1, begin, clock_.now());
  if (transfer.target != transfer.source)
    tell_span({task.fragment, task.node, transfer.target}, -1, begin, clock_.now());
  transfer_arrived(*task.fragment, task.node);
}

void Engine::Core::transfer_arrived(FragmentRun& fragment, int node) {
  FragmentRun::Node& state = fragment.nodes[static_cast<std::size_t>(node)];
  state.arrived = true;
  const Task source{&fragment, node, {}};
  if (state.target_ready)
    ended_.push_back({&fragment, node, std::get<Transfer>(operation_of(source)).target});
}

void Engine::Core::kernel_ended(const Task& task, int stream, Seconds begin) {
  tell_span(task, stream, begin, clock_.now());
  ended_.push_back(task);
}

void Engine::Core::exchange_active(const Task& task, Seconds begin, Seconds end) {
  tell_span(task, -1, begin, end);
}

void Engine::Core::tell_span(const Task& task, int stream, Seconds begin, Seconds end) {
  const TaskGraph& graph = task.fragment->graph;
  const TaskNode& node = graph.nodes[static_cast<std::size_t>(task.node)];
  const LayerPass at = node.own.value_or(LayerPass{graph.layer, graph.pass});
  const ProducerRun& run = *task.fragment->producer;
  run.producer->span({.gpu = GpuId(task.gpu.value - run.part.first.value),
                      .stream = stream,
                      .phase = phase_of(node.operation),
                      .begin = begin,
                      .end = end,
                      .step = graph.step,
                      .layer = at.layer,
                      .pass = at.pass,
                      .label = &node.label});
}

// (node, gpu) has ended.
void Engine::Core::pass(const Task& task) {
  FragmentRun& fragment = *task.fragment;
  const ProducerRun& run = *fragment.producer;
  const GpuId known(task.gpu.value - run.part.first.value);
  if (known.value >= 0 && known.value < run.part.gpus)
    run.producer->done(fragment.number, task.node, known, clock_.now());
  FragmentRun::Node& node = fragment.nodes[static_cast<std::size_t>(task.node)];
  node.ended[task.gpu] = 1;
  const auto release = [&](FragmentRun& of, int successor) {
    if (--of.nodes[static_cast<std::size_t>(successor)].waiting[task.gpu] == 0)
      ready_.push_back({&of, successor, task.gpu});
  };
  for (const int successor : node.successors) release(fragment, successor);
  for (const int successor : node.later) release(*fragment.next, successor);
  if (node.successors.empty() && --fragment.exits_left[task.gpu] == 0) leave(fragment, task.gpu);
}

void Engine::Core::leave(FragmentRun& fragment, GpuId gpu) {
  ProducerRun& run = *fragment.producer;
  if (--fragment.gpus_left == 0) {
    MOESIM_CHECK(run.alive.front() == &fragment, "fragments end in their order");
    run.producer->fragment_done(fragment.number, clock_.now());
    run.alive.pop_front();
    recycle(fragment);
  }
  enter(run, gpu);
}

void Engine::Core::recycle(FragmentRun& fragment) {
  for (std::size_t node = 0; node < fragment.graph.nodes.size(); ++node) {
    ExchangeRun* exchange = fragment.nodes[node].exchange;
    if (exchange == nullptr) continue;
    MOESIM_CHECK(exchange->finished(), "an exchange has ended before its fragment has");
    free_exchanges_.push_back(exchange);
  }
  free_fragments_.push_back(&fragment);
}

void Engine::Core::check_done() const {
  constexpr int kNamed = 20;
  std::string waiting;
  int nodes = 0;
  for (const auto& run : producers_) {
    for (const FragmentRun* fragment : run->alive) {
      for (std::size_t node = 0; node < fragment->graph.nodes.size(); ++node) {
        if (++nodes > kNamed) continue;
        const TaskNode& task = fragment->graph.nodes[node];
        const ExchangeRun* exchange = fragment->nodes[node].exchange;
        waiting += fmt::format("; fragment {} node {} ({}){}", fragment->number, node,
                               name_of(task), exchange ? ": " + exchange->waiting_for() : "");
      }
    }
  }
  if (nodes > kNamed) waiting += fmt::format("; and {} more nodes", nodes - kNamed);
  MOESIM_CHECK(waiting.empty(), "nothing is left to happen, but work is waiting" + waiting);
}

}  // namespace moesim
