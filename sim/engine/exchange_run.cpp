#include "sim/engine/exchange_run.hpp"

#include <fmt/format.h>

namespace moesim {

ExchangeRun::ExchangeRun(const Cluster& cluster, Clock& clock, Network& network, Streams& streams,
                         ExchangeListener& listener)
    : cluster_(cluster),
      clock_(clock),
      network_(network),
      streams_(streams),
      listener_(listener),
      tell_active_([this](GpuId gpu, Seconds begin, Seconds end) {
        listener_.exchange_active(task_on(gpu), begin, end);
      }) {}

void ExchangeRun::begin(const Exchange& exchange, const Task& task) {
  exchange_ = &exchange;
  task_ = task;
  open_ = false;
  released_ = 0;
  const auto gpus = static_cast<std::size_t>(cluster_.gpus());
  for (const ExchangeLeg& leg : exchange.legs)
    MOESIM_CHECK(leg.bytes.rows() == gpus && leg.bytes.columns() == gpus,
                 "the matrix of a leg has a row and a column for each GPU");
  gpus_.raw().assign(gpus, Gpu{.legs_to_receive = legs(), .legs_to_send = legs()});
  activity_.reset(cluster_.gpus());
  form_groups();
}

void ExchangeRun::form_groups() {
  groups_.assign(std::max<std::size_t>(1, exchange_->groups.size()), {});
  if (exchange_->groups.empty())
    for (const GpuId gpu : gpus_.ids()) groups_.front().members.push_back(gpu);
  for (std::size_t i = 0; i < exchange_->groups.size(); ++i)
    groups_[i].members = exchange_->groups[i];
  for (std::size_t i = 0; i < groups_.size(); ++i)
    for (const GpuId member : groups_[i].members) {
      MOESIM_CHECK(gpus_[member].group < 0, "groups of an exchange are disjoint");
      gpus_[member].group = static_cast<int>(i);
    }
  for (const ExchangeLeg& leg : exchange_->legs)
    for (const GpuId source : leg.bytes.row_ids()) {
      if (exchange_->groups.empty()) return;
      for (const GpuId target : leg.bytes.column_ids())
        MOESIM_CHECK(gpus_[source].group == gpus_[target].group || !(leg.bytes(source, target) > 0),
                     "GPUs of different groups exchange nothing");
    }
}

void ExchangeRun::ready(GpuId gpu) {
  if (gpus_[gpu].group < 0) {
    listener_.exchange_ended(task_on(gpu));
    return release_one();
  }
  if (!open_) open_legs();
  Group& group = group_of(gpu);
  ++group.ready;
  if (!exchange_->rendezvous) return launch(gpu);
  if (group.ready < group.members.size()) return;
  for (const GpuId each : group.members) launch(each);
}

void ExchangeRun::open_legs() {
  open_ = true;
  legs_.resize(exchange_->legs.size());
  int members = 0;
  for (const Group& group : groups_) members += static_cast<int>(group.members.size());
  for (int index = 0; index < legs(); ++index) {
    LegState& state = legs_[static_cast<std::size_t>(index)];
    const ExchangeLeg& leg = exchange_->legs[static_cast<std::size_t>(index)];
    state.missing.raw().assign(gpus_.size(), 1);
    if (cut_through() && index > 0) {
      for (const GpuId source : gpus_.ids())
        for (const GpuId target : gpus_.ids())
          if (source != target && leg.bytes(source, target) > 0) ++state.missing[target];
    }
    state.handle = network_.open({.leg = &leg,
                                  .index = index,
                                  .phase = exchange_->phase,
                                  .schedule = exchange_->schedule,
                                  .listener = this,
                                  .senders = members});
  }
  if (exchange_->signals) expect_signals();
}

// A GPU that has bytes for the target signals with them, so that only the others count.
void ExchangeRun::expect_signals() {
  if (exchange_->legs.empty()) return;
  const ByteMatrix& bytes = exchange_->legs.back().bytes;
  for (const Group& group : groups_)
    for (const GpuId source : group.members)
      for (const GpuId target : group.members)
        if (source != target && !(bytes(source, target) > 0)) ++gpus_[target].signals;
}

void ExchangeRun::launch(GpuId gpu) {
  streams_.take_sms(gpu, exchange_->sms);
  activity_.begin(gpu, clock_.now(), tell_active_);
  const Seconds delay = exchange_->notify + exchange_->start_up;
  clock_.at(clock_.now() + delay, *this, {.kind = kStarted, .a = gpu.value});
}

void ExchangeRun::start(GpuId gpu) {
  gpus_[gpu].started = true;
  for (int leg = 0; leg < legs(); ++leg) {
    const bool has_all = leg == 0 || legs_[static_cast<std::size_t>(leg - 1)].missing[gpu] == 0;
    if (cut_through() || has_all) network_.send(legs_[static_cast<std::size_t>(leg)].handle, gpu);
  }
  activity_.end(gpu, clock_.now());
  if (exchange_->signals && !exchange_->legs.empty()) signal_from(gpu);
  check_complete(gpu);
}

void ExchangeRun::signal_from(GpuId source) {
  const ExchangeLeg& leg = exchange_->legs.back();
  for (const GpuId target : group_of(source).members) {
    if (source == target || leg.bytes(source, target) > 0) continue;
    Gpu& waiting = gpus_[target];
    const Seconds latency = network_.latency(source, target, leg.rule);
    waiting.last_signal = std::max(waiting.last_signal, clock_.now() + latency);
    if (--waiting.signals > 0) continue;
    waiting.signals = 1;  // until the last one is there
    clock_.at(waiting.last_signal, *this, {.kind = kSignalled, .a = target.value});
  }
}

void ExchangeRun::sent(int, GpuId source) {
  --gpus_[source].legs_to_send;
  check_released(source);
}

void ExchangeRun::received(int leg, GpuId target) { arrived_one(leg, target); }

void ExchangeRun::arrived_one(int leg, GpuId target) {
  if (--legs_[static_cast<std::size_t>(leg)].missing[target] == 0) leg_arrived(leg, target);
}

void ExchangeRun::leg_arrived(int leg, GpuId gpu) {
  --gpus_[gpu].legs_to_receive;
  const int next = leg + 1;
  if (next < legs()) {
    const auto index = static_cast<std::size_t>(next);
    if (cut_through()) {
      const auto forwarded = exchange_->legs[index].bytes.row(gpu);
      for (const GpuId target : gpus_.ids())
        if (target != gpu && forwarded[target.index()] > 0) arrived_one(next, target);
    } else if (gpus_[gpu].started) {
      network_.send(legs_[index].handle, gpu);
    }
  }
  check_complete(gpu);
}

void ExchangeRun::check_complete(GpuId gpu) {
  Gpu& at = gpus_[gpu];
  if (at.complete || !at.started || at.legs_to_receive > 0 || at.signals > 0) return;
  at.complete = true;
  Group& group = group_of(gpu);
  ++group.complete;
  if (exchange_->wait_for == WaitFor::kOwn) {
    end(gpu);
  } else if (exchange_->wait_for == WaitFor::kNode) {
    end_node(gpu);
  } else if (group.complete == group.members.size()) {
    for (const GpuId each : group.members) end(each);
  }
}

// Ends the members of the GPU's group on its node when they are all complete.
void ExchangeRun::end_node(GpuId gpu) {
  const auto beside = [&](GpuId other) { return gpus_[other].group == gpus_[gpu].group; };
  const std::vector<GpuId>& node = cluster_.gpus_of(cluster_.node_of(gpu));
  for (const GpuId member : node)
    if (beside(member) && !gpus_[member].complete) return;
  for (const GpuId member : node)
    if (beside(member)) end(member);
}

void ExchangeRun::end(GpuId gpu) {
  gpus_[gpu].ended = true;
  check_released(gpu);
  listener_.exchange_ended(task_on(gpu));
}

void ExchangeRun::check_released(GpuId gpu) {
  if (!gpus_[gpu].ended || gpus_[gpu].legs_to_send > 0) return;
  streams_.return_sms(gpu, exchange_->sms);
  activity_.close(gpu, tell_active_);
  release_one();
}

void ExchangeRun::release_one() {
  if (++released_ < gpus_.size() || !open_) return;
  for (const LegState& leg : legs_) network_.close(leg.handle);
}

void ExchangeRun::flows_began(GpuId source, std::span<const GpuId> targets, Seconds date) {
  activity_.begin(source, date, tell_active_, static_cast<int>(targets.size()));
  for (const GpuId target : targets) activity_.begin(target, date, tell_active_);
}

void ExchangeRun::flow_ended(GpuId source, GpuId target, Seconds date) {
  activity_.end(source, date);
  activity_.end(target, date);
}

void ExchangeRun::handle(const Event& event) {
  const GpuId gpu(event.a);
  if (event.kind == kStarted) return start(gpu);
  gpus_[gpu].signals = 0;
  check_complete(gpu);
}

std::string ExchangeRun::waiting_for() const {
  std::size_t members = 0, ready = 0, started = 0, complete = 0;
  for (const Gpu& gpu : gpus_) started += gpu.started;
  for (const Group& group : groups_) {
    members += group.members.size();
    ready += group.ready;
    complete += group.complete;
  }
  return fmt::format("{} of {} GPUs ready, {} started, {} complete", ready, members, started,
                     complete);
}

}  // namespace moesim
