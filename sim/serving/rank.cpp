#include "sim/serving/rank.hpp"

#include <algorithm>

#include "sim/base/check.hpp"

namespace moesim {

Rank::Rank(ServingState& state, const PoolSetup& setup, PoolKind kind, int pool, int rank)
    : state_(state),
      batching_(*setup.batching),
      kind_(kind),
      pool_(pool),
      rank_(rank),
      // What arrives in a decode pool is a whole KV cache of its own.
      cache_(setup.kv_tokens, state.setup.options.page,
             state.setup.options.prefix_cache && kind != PoolKind::kDecode),
      line_(state, *setup.queue) {}

// The request's part of the rank's load, where the tokens of its target from `from` on are to be
// computed.
void Rank::count(Life& life, int from) {
  const std::int64_t target = life.target(), done = from;
  waiting_tokens_ -= life.waiting_tokens;
  waiting_pairs_ -= life.waiting_pairs;
  life.waiting_tokens = target - done;
  life.waiting_pairs = target * target - done * done;
  waiting_tokens_ += life.waiting_tokens;
  waiting_pairs_ += life.waiting_pairs;
}

void Rank::queue(int id, Stage stage, double now) {
  Life& life = state_.life(id);
  life.stage = stage;
  life.pool = pool_;
  life.rank = rank_;
  RequestRecord& record = state_.record(id);
  if (kind_ != PoolKind::kDecode) record.prefill_rank = rank_;
  if (kind_ != PoolKind::kPrefill) record.decode_rank = rank_;
  if (stage == Stage::kQueued) count(life, cache_.cached(*life.request, life.target()));
  line_.add(id, now, cache_);
}

int Rank::admission_tokens(const Life& life) const {
  const ServingOptions& options = state_.setup.options;
  if (kind_ == PoolKind::kPrefill || options.preemption != KvPolicy::kReserve) return life.target();
  const Request& request = *life.request;
  const std::int64_t wanted = static_cast<std::int64_t>(request.input) +
                              std::max(request.output, options.max_new_tokens) +
                              state_.setup.draft_tokens;
  return static_cast<int>(std::min(wanted, cache_.tokens()));
}

void Rank::plan(double now, bool no_more, Sequences& sequences, Departures& departures) {
  now_ = now;
  parts_.clear();
  take_returned(now);
  const BatchPlan plan =
      batching_.plan({.now = Seconds(now),
                      .waiting = line_.size(),
                      .oldest = Seconds(line_.empty() ? 0 : line_.oldest()),
                      .prompts = static_cast<int>(prompts_.size()),
                      .answers = static_cast<int>(answers_.size() + returning_.size()),
                      .answer_tokens = state_.answer_tokens(),
                      .no_more = no_more});
  admit_arrived(plan);
  answering_ = plan.answers;
  const bool all_stay = !answering_ || grow_answers(now, departures);
  if (all_stay) swap_in(now);
  int budget = plan.prompt_tokens;
  for (std::size_t i = 0; i < prompts_.size() && budget > 0; ++i)
    budget -= compute(prompts_[i], budget, plan.cut);
  if (kind_ != PoolKind::kDecode && all_stay && swapped_.empty()) admit(plan, budget);
  if (!answering_ && parts_.empty()) {
    answering_ = true;
    grow_answers(now, departures);
  }
  fill(sequences);
  wake_ = plan.until.value > now ? plan.until.value : kForever.value;
  for (const int id : returning_) wake_ = std::min(wake_, state_.life(id).ready);
}

// They hold their pages already.
void Rank::admit_arrived(const BatchPlan& plan) {
  while (kind_ == PoolKind::kDecode && !line_.empty() && admitted() < plan.requests) {
    const int id = line_.first();
    line_.remove(id);
    start_answer(id, state_.life(id).target() - 1);
  }
}

void Rank::admit(const BatchPlan& plan, int budget) {
  if (line_.empty() || admitted() >= plan.requests) return;
  line_.refresh(cache_);
  while (!line_.empty() && admitted() < plan.requests) {
    const int id = line_.first();
    if (!admits(id, plan, budget)) return;  // those behind it wait, too
    line_.remove(id);
    state_.life(id).stage = Stage::kPrompt;
    prompts_.push_back(id);
    budget -= compute(id, budget, plan.cut);
  }
}

// Whether there are tokens left for the request, and room for its KV cache, which it then has.
bool Rank::admits(int id, const BatchPlan& plan, int budget) {
  Life& life = state_.life(id);
  if (budget <= 0 && !plan.ahead) return false;
  const int cached = cache_.cached(*life.request, life.target());
  const bool whole = !plan.cut && !plan.ahead;
  const int rest = life.target() - cached;
  if (whole && rest > budget && (rest <= plan.longest || !parts_.empty())) return false;
  if (!cache_.take(*life.request, admission_tokens(life), life.held)) return false;
  life.computed = life.found = cached;
  count(life, cached);
  return true;
}

// The next tokens of a prompt, as many as the budget has; how many those are.
int Rank::compute(int id, int budget, bool cut) {
  Life& life = state_.life(id);
  if (budget <= 0) return 0;
  const int rest = life.target() - life.computed;
  const int tokens = cut ? std::min(rest, budget) : rest;
  if (!life.begun) {
    life.begun = true;
    state_.record(id).admitted = now_;
    state_.record(id).cached = life.computed;
  }
  parts_.push_back({.id = id, .tokens = tokens});
  return tokens;
}

void Rank::start_answer(int id, int held) {
  Life& life = state_.life(id);
  life.stage = Stage::kAnswer;
  answers_.push_back({.id = id,
                      .kind = life.request->kind,
                      .held = held,
                      .room = cache_.room(life.held),
                      .left = life.request->output - life.answered,
                      .last = life.last_token});
}

void Rank::write_back(const Answer& answer) {
  Life& life = state_.life(answer.id);
  life.answered = life.request->output - answer.left;
  life.last_token = answer.last;
}

void Rank::fill(Sequences& sequences) {
  sequences.clear();
  prompt_tokens_ = answer_tokens_ = 0;
  if (answering_) {
    const int tokens = state_.answer_tokens();
    for (const Answer& answer : answers_)
      sequences.push_back({.new_tokens = static_cast<double>(tokens),
                           .earlier = static_cast<double>(answer.held),
                           .decode = true});
    answer_tokens_ = tokens * static_cast<int>(answers_.size());
  }
  for (const Part& part : parts_) {
    sequences.push_back({.new_tokens = static_cast<double>(part.tokens),
                         .earlier = static_cast<double>(state_.life(part.id).computed)});
    prompt_tokens_ += part.tokens;
  }
}

void Rank::clear() {
  cache_.clear();
  line_.clear();
  for (const Answer& answer : answers_) write_back(answer);
  prompts_.clear();
  answers_.clear();
  swapped_.clear();
  returning_.clear();
  parts_.clear();
  host_free_ = 0;
  coming = 0;
  waiting_tokens_ = waiting_pairs_ = 0;
}

RankLoad Rank::load() const {
  return {.rank = rank_,
          .waiting = line_.size() + coming,
          .running = running(),
          .waiting_tokens = waiting_tokens_,
          .waiting_pairs = waiting_pairs_,
          .kv_tokens = cache_.held_tokens()};
}

}  // namespace moesim
