#include "sim/serving/pool.hpp"

#include <algorithm>
#include <utility>

#include "sim/base/check.hpp"

namespace moesim {

Pool::Pool(ServingState& state, StepClock& clock, PoolKind kind, int index)
    : state_(state),
      setup_(state.setup.pools[static_cast<std::size_t>(index)]),
      clock_(clock),
      kind_(kind),
      index_(index) {
  for (int rank = 0; rank < setup_.ranks; ++rank)
    ranks_.emplace_back(state, setup_, kind, index, rank);
  batch_.ranks.resize(ranks_.size());
  state.result.pools.push_back({.name = setup_.name,
                                .gpus = setup_.gpus,
                                .ranks = setup_.ranks,
                                .kv_tokens = setup_.kv_tokens});
}

bool Pool::alive() const {
  return std::any_of(ranks_.begin(), ranks_.end(), [](const Rank& rank) { return rank.alive; });
}

int Pool::present() const {
  int present = 0;
  for (const Rank& rank : ranks_) present += rank.queued() + rank.running();
  return present;
}

bool Pool::begin_step(const StepMoment& moment, Departures& departures) {
  const double now = moment.now;
  const bool no_more = moment.flush || (moment.all_sent && present() == moment.under_way);
  wake_ = kForever.value;
  bool busy = false;
  for (std::size_t i = 0; i < ranks_.size(); ++i) {
    batch_.ranks[i].clear();
    if (!ranks_[i].alive) continue;
    ranks_[i].plan(now, no_more, batch_.ranks[i], departures);
    busy = busy || !batch_.ranks[i].empty();
    wake_ = std::min(wake_, ranks_[i].wake());
  }
  if (!busy && (alive() || moment.under_way == 0)) return false;
  note_classes();
  note_step(moment);
  outcome_ = clock_.step(batch_);
  MOESIM_CHECK(outcome_.time.value > 0, "a step takes time");
  record_.end = now + outcome_.time.value;
  stepping_ = true;
  return true;
}

void Pool::note_classes() {
  if (state_.list.classes.size() < 2) return;
  std::vector<std::int64_t> tokens(state_.list.classes.size());
  for (const Rank& rank : ranks_)
    if (rank.alive) rank.add_classes(tokens);
  std::int64_t all = 0;
  for (const std::int64_t count : tokens) all += count;
  batch_.classes.assign(tokens.size(), 0);
  if (all == 0) return;
  for (std::size_t i = 0; i < tokens.size(); ++i)
    batch_.classes[i] = static_cast<double>(tokens[i]) / static_cast<double>(all);
}

void Pool::note_step(const StepMoment& moment) {
  record_ = {.begin = moment.now, .waiting = moment.outside};
  std::int64_t held = 0, room = 0;
  for (Rank& rank : ranks_) {
    record_.preemptions += std::exchange(rank.preempted, 0);
    if (!rank.alive) continue;
    const int tokens = rank.prompt_tokens() + rank.answer_tokens();
    record_.prompt_tokens += rank.prompt_tokens();
    record_.answer_tokens += rank.answer_tokens();
    record_.running += rank.running() - rank.away();
    record_.waiting += rank.queued() + rank.away();
    record_.rank_tokens_max = std::max(record_.rank_tokens_max, static_cast<double>(tokens));
    held += rank.cache().held_tokens();
    room += rank.cache().tokens();
  }
  record_.kv_use = room > 0 ? static_cast<double>(held) / static_cast<double>(room) : 0;
}

const StepOutcome& Pool::end_step(Departures& departures) {
  stepping_ = false;
  record_.gpu_max_over_mean = outcome_.gpu_max_over_mean;
  record_.stall = outcome_.stall.value;
  state_.result.pools[static_cast<std::size_t>(index_)].steps.push_back(record_);
  state_.result.seconds = std::max(state_.result.seconds, record_.end);
  for (const int failed : outcome_.failed) rank(failed).alive = false;
  for (Rank& rank : ranks_)
    if (rank.alive) rank.end_step(record_.begin, record_.end, departures);
  return outcome_;
}

int Pool::choose_rank(const Life& life, bool room) {
  std::vector<RankLoad> loads;
  for (const Rank& rank : ranks_) {
    if (!rank.alive || (room && !rank.has_room(life))) continue;
    loads.push_back(rank.load());
    if (setup_.router->asks_cached())
      loads.back().cached = rank.cache().cached(*life.request, life.target());
  }
  if (loads.empty()) return -1;
  const RoutedRequest routed{
      .request = *life.request, .tokens = life.target(), .previous = previous_};
  const std::size_t chosen = setup_.router->choose(routed, loads);
  MOESIM_CHECK(chosen < loads.size(), "a router chooses one of the ranks");
  return previous_ = loads[chosen].rank;
}

std::vector<int> Pool::completing() const {
  std::vector<int> ids;
  for (const Rank& rank : ranks_)
    for (const int id : rank.completing()) ids.push_back(id);
  return ids;
}

}  // namespace moesim
