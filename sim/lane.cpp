#include "sim/lane.hpp"

#include "sim/base/check.hpp"

namespace moesim {

Lane::Lane(std::vector<GpuId> own, Engine& engine, std::function<std::vector<Piece>()> more,
           std::function<void(const Span&)> hear)
    : own_(std::move(own)), engine_(engine), more_(std::move(more)), hear_(std::move(hear)) {}

std::optional<Piece> Lane::take() {
  if (queue_.empty())
    for (Piece& piece : more_()) queue_.push_back(std::move(piece));
  if (queue_.empty()) return std::nullopt;
  Piece piece = std::move(queue_.front());
  queue_.pop_front();
  return piece;
}

TaskGraph Lane::hold(const std::vector<Signal>& signals) {
  TaskGraph graph;
  for (const Signal& signal : signals) {
    std::vector<GpuId> there, missing;
    if (const auto early = early_.find(signal); early != early_.end()) {
      there = std::move(early->second);
      early_.erase(early);
    }
    std::sort(there.begin(), there.end());
    std::set_difference(own_.begin(), own_.end(), there.begin(), there.end(),
                        std::back_inserter(missing));
    if (missing.empty()) continue;
    const int count = static_cast<int>(missing.size());
    const int node = graph.add(Hold{.gpus = std::move(missing), .phase = Phase::kWait});
    held_[signal] = {.fragment = given_, .node = node, .gpus = count};
  }
  return graph;
}

std::optional<TaskGraph> Lane::next() {
  if (!due_) return std::nullopt;
  while (std::optional<Piece> piece = take()) {
    TaskGraph graph = piece->build ? piece->build() : hold(piece->wait);
    if (graph.nodes.empty()) continue;
    const int last = static_cast<int>(graph.nodes.size()) - 1;
    alive_[given_++] = {.last_node = last, .piece = std::move(*piece)};
    due_ = false;
    return graph;
  }
  return std::nullopt;
}

void Lane::arrived(const Signal& signal, GpuId gpu) {
  MOESIM_CHECK(has(gpu), "a signal is for the lane's own GPUs");
  const auto held = held_.find(signal);
  if (held == held_.end()) {
    early_[signal].push_back(gpu);
    return;
  }
  const Held at = held->second;
  if (--held->second.gpus == 0) held_.erase(held);
  engine_.release(*this, at.fragment, at.node, gpu);
}

void Lane::done(int fragment, int node, GpuId gpu, Seconds) {
  const Given& given = alive_.at(fragment);
  if (given.piece.passed) {
    const std::vector<GpuId>& targets = given.piece.targets;
    if (targets.empty() ? has(gpu) && node == given.last_node
                        : targets[static_cast<std::size_t>(node)] == gpu)
      given.piece.passed(gpu);
  }
  if (due_ || !has(gpu) || fragment != given_ - 1) return;
  due_ = true;
  engine_.wake(*this);
}

void Lane::fragment_done(int fragment, Seconds time) {
  const auto given = alive_.find(fragment);
  if (given->second.piece.ended) given->second.piece.ended(time);
  alive_.erase(given);
}

// Waiting is what is left of a GPU's time.
void Lane::span(const Span& span) {
  if (span.phase != Phase::kWait) hear_(span);
}

}  // namespace moesim
