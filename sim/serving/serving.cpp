#include "sim/serving/serving.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "sim/base/check.hpp"
#include "sim/serving/arrivals.hpp"
#include "sim/serving/handover.hpp"
#include "sim/serving/pool.hpp"

namespace moesim {
namespace {

class Server {
 public:
  Server(const RequestList& list, const ServingSetup& setup, const StepClocks& clocks,
         const ServingListener& listener)
      : state_{.list = list, .setup = setup}, arrivals_(list), listener_(listener) {
    const bool two = state_.two_pools();
    pools_.reserve(setup.pools.size());
    for (std::size_t i = 0; i < setup.pools.size(); ++i)
      pools_.emplace_back(state_, *clocks[i],
                          !two     ? PoolKind::kAll
                          : i == 0 ? PoolKind::kPrefill
                                   : PoolKind::kDecode,
                          static_cast<int>(i));
    if (two) handover_.emplace(state_, pools_[0], pools_[1]);
    note_requests();
  }

  ServingResult run() {
    while (true) {
      begin_steps(false);
      if (next_time() == kForever.value) begin_steps(true);
      const double next = next_time();
      if (next == kForever.value) break;
      now_ = next;
      end_steps();
      if (handover_) handover_->land(now_);
      if (!over()) receive();
      if (handover_) handover_->take_room(now_);
    }
    note_end();
    return std::move(state_.result);
  }

 private:
  bool over() const {
    const double duration = state_.setup.options.duration.value;
    return duration > 0 && now_ >= duration;
  }

  double next_time() const {
    double next = over() ? kForever.value : arrivals_.next(now_);
    for (const Pool& pool : pools_) {
      if (pool.stepping()) next = std::min(next, pool.end());
      if (!over()) next = std::min(next, pool.wake());
    }
    if (handover_ && !over()) next = std::min(next, handover_->next());
    return next;
  }

  // The last pool first: what it displaces is computed again by the first. True if any began.
  bool begin_steps(bool flush) {
    if (over()) return false;
    bool any = false;
    for (int i = static_cast<int>(pools_.size()) - 1; i >= 0; --i) {
      if (pool(i).stepping()) continue;
      Departures departures;
      const bool began = pool(i).begin_step(
          {.now = now_,
           .flush = flush,
           .all_sent = arrivals_.all_sent(),
           .under_way = arrivals_.under_way(),
           .outside = i > 0 ? handover_->kept() : static_cast<int>(homeless_.size())},
          departures);
      for (const int id : departures.displaced) route(id);
      if (began && i == 0 && handover_) handover_->begin_prefill(now_);
      any = any || began;
    }
    return any;
  }

  void end_steps() {
    for (int i = 0; i < static_cast<int>(pools_.size()); ++i) {
      if (!pool(i).stepping() || pool(i).end() > now_) continue;
      Departures departures;
      const StepOutcome outcome = pool(i).end_step(departures);
      for (const int id : departures.prefixed) handover_->prompt_done(id);
      for (std::size_t n = 0; n < departures.ended.size(); ++n) end_one();
      for (const int rank : outcome.failed) fail(i, rank);
      for (const int rank : outcome.returned) pool(i).rank(rank).alive = true;
      if (!outcome.returned.empty() && i == 0)
        for (const int id : std::exchange(homeless_, {})) route(id);
      ++steps_;
      if (listener_)
        listener_({.now = Seconds(now_),
                   .steps = steps_,
                   .finished = ended_,
                   .requests = static_cast<int>(state_.lives.size())});
    }
  }

  void receive() {
    while (arrivals_.next(now_) <= now_) {
      const int id = arrivals_.send();
      state_.record(id).arrival =
          state_.list.concurrency > 0 ? now_ : state_.life(id).request->arrival.value;
      if (can_be_served(*state_.life(id).request)) {
        route(id);
        continue;
      }
      state_.record(id).refused = true;
      state_.life(id).stage = Stage::kDone;
      end_one();
    }
  }

  bool can_be_served(const Request& request) {
    const std::int64_t tokens = static_cast<std::int64_t>(request.input) + request.output;
    const int most = state_.setup.options.max_tokens;
    if (most > 0 && tokens > most) return false;
    return std::all_of(pools_.begin(), pools_.end(), [&](Pool& pool) {
      return pool.rank(0).cache().could_hold(tokens + state_.setup.draft_tokens);
    });
  }

  void end_one() {
    arrivals_.end_one(now_);
    ++ended_;
  }

  // To the pool that computes prompts.
  void route(int id) {
    Life& life = state_.life(id);
    const int rank = pool(0).choose_rank(life, false);
    life.stage = Stage::kHomeless;
    if (rank < 0)
      homeless_.push_back(id);
    else
      pool(0).rank(rank).queue(id, Stage::kQueued, now_);
  }

  // A rank is gone, with all that it had: its requests are sent again. Who sent them has the tokens
  // that came out.
  void fail(int failed_pool, int failed) {
    pool(failed_pool).rank(failed).clear();
    std::vector<int> lost;
    for (std::size_t i = 0; i < state_.lives.size(); ++i) {
      Life& life = state_.lives[i];
      const int id = static_cast<int>(i);
      const bool under_way = life.stage != Stage::kUnsent && life.stage != Stage::kHomeless &&
                             life.stage != Stage::kDone;
      if (failed_pool > 0 && life.next_rank == failed) handover_->lose_room(id, now_);
      if (!under_way || life.pool != failed_pool || life.rank != failed) continue;
      if (handover_) handover_->forget(id);
      life.held = {};
      life.computed = 0;
      life.waiting_tokens = life.waiting_pairs = 0;
      ++state_.record(id).retries;
      lost.push_back(id);
    }
    for (const int id : lost) route(id);
  }

  void note_requests() {
    ServingResult& result = state_.result;
    result.classes = state_.list.classes;
    int guessed = 0;
    for (const Request& request : state_.list.requests) {
      MOESIM_CHECK(request.id == static_cast<int>(state_.lives.size()) && request.input > 0 &&
                       request.output > 0,
                   "requests are numbered in the order of arrival and have tokens");
      state_.lives.push_back({.request = &request});
      result.requests.push_back({.id = request.id,
                                 .kind = request.kind,
                                 .arrival = request.arrival.value,
                                 .input = request.input,
                                 .output = request.output});
      guessed += request.blocks.empty() && request.repeated > 0;
    }
    if (guessed > 0 && state_.setup.options.prefix_cache)
      result.notes.push_back(
          fmt::format("{} requests say how much of their prompts was seen before, but not where: "
                      "the prefix cache is taken to have it, on whichever rank they are",
                      guessed));
  }

  void note_end() {
    ServingResult& result = state_.result;
    result.gaps = state_.gaps.by_end();
    const auto refused = std::count_if(result.requests.begin(), result.requests.end(),
                                       [](const RequestRecord& each) { return each.refused; });
    if (refused > 0)
      result.notes.push_back(fmt::format(
          "{} of {} requests were refused: they are longer than the KV cache of a rank, or than "
          "serving.max_tokens",
          refused, result.requests.size()));
    if (over() || (arrivals_.all_sent() && arrivals_.under_way() == 0)) return;
    MOESIM_CHECK(!pool(0).alive() || !pools_.back().alive(), "somebody can go on");
    result.notes.push_back("all ranks of a pool failed for good: requests were left");
  }

  Pool& pool(int index) { return pools_[static_cast<std::size_t>(index)]; }

  ServingState state_;
  std::vector<Pool> pools_;
  std::optional<Handover> handover_;
  Arrivals arrivals_;
  const ServingListener& listener_;
  std::vector<int> homeless_;
  double now_ = 0;
  std::int64_t steps_ = 0;
  int ended_ = 0;
};

}  // namespace

ServingResult serve(const RequestList& list, const ServingSetup& setup, const StepClocks& clocks,
                    const ServingListener& listener) {
  MOESIM_CHECK(!setup.pools.empty() && setup.pools.size() <= 2, "one pool, or prefill and decode");
  MOESIM_CHECK(clocks.size() == setup.pools.size(), "each pool has a clock");
  return Server(list, setup, clocks, listener).run();
}

}  // namespace moesim
