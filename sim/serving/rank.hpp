// A data-parallel rank: the requests that it has, and what of them it computes in a step.
#pragma once

#include <set>
#include <vector>

#include "sim/serving/life.hpp"
#include "sim/serving/waiting_line.hpp"

namespace moesim {

// Part of a pool in which prompts, answers or both are computed.
enum class PoolKind { kAll, kPrefill, kDecode };

// Requests for which something else must be done, by whoever has the ranks.
struct Departures {
  std::vector<int> ended;      // the last token is out
  std::vector<int> prefixed;   // the prompt is computed, and the answer belongs elsewhere
  std::vector<int> displaced;  // must compute its KV cache again, elsewhere
};

class Rank {
 public:
  Rank(ServingState& state, const PoolSetup& setup, PoolKind kind, int pool, int rank);

  // A request comes to wait here: with nothing of it (kQueued), or with its KV cache (kArrived).
  void queue(int id, Stage stage, double now);
  // What the next step has: nothing, or sequences. `sequences` is filled in place.
  void plan(double now, bool no_more, Sequences& sequences, Departures& departures);
  // The step that was planned has ended.
  void end_step(double begin, double end, Departures& departures);
  // The rank has failed: everything that it had is lost.
  void clear();

  bool alive = true;
  int coming = 0;     // requests whose KV cache is on its way here
  int preempted = 0;  // requests, since the pool's last step began
  int prompt_tokens() const { return prompt_tokens_; }  // new ones of the step
  int answer_tokens() const { return answer_tokens_; }
  // New tokens of the step by class of requests are added to `tokens`.
  void add_classes(std::vector<std::int64_t>& tokens) const;
  double wake() const { return wake_; }  // when to plan again, where no rank has anything
  // Prompts that the planned step completes.
  std::vector<int> completing() const;

  int queued() const { return line_.size(); }
  int away() const { return static_cast<int>(swapped_.size() + returning_.size()); }
  // Admitted, those in host memory too.
  int running() const { return static_cast<int>(prompts_.size() + answers_.size()) + away(); }
  RankLoad load() const;
  KvCache& cache() { return cache_; }
  const KvCache& cache() const { return cache_; }
  // Room that a request is admitted with.
  int admission_tokens(const Life& life) const;
  // Whether there is that room for one that comes; those in host memory are before it.
  bool has_room(const Life& life) const {
    return swapped_.empty() && cache_.has_room(admission_tokens(life));
  }

 private:
  // An answer under way; the loop over these is what a run's time goes to.
  struct Answer {
    int id = 0, kind = 0;
    int held = 0;     // tokens in the KV cache
    int room = 0;     // tokens for which its pages have room
    int left = 0;     // tokens that are not out yet
    double last = 0;  // when the last one came out
  };
  struct Part {
    int id = 0, tokens = 0;
  };

  // rank.cpp
  // What a plan counts: who is in host memory comes back whenever there is room.
  int admitted() const { return running() - static_cast<int>(swapped_.size()); }
  void admit_arrived(const BatchPlan& plan);
  void admit(const BatchPlan& plan, int budget);
  bool admits(int id, const BatchPlan& plan, int budget);
  int compute(int id, int budget, bool cut);
  void start_answer(int id, int held);
  void write_back(const Answer& answer);  // of an answer that leaves `answers_`, to its Life
  void fill(Sequences& sequences);
  void count(Life& life, int from);

  // rank_step.cpp
  void end_prompts(double end, Departures& departures);
  void end_prompt(int id, double end, Departures& departures);
  void end_answers(double begin, double end, Departures& departures);
  void finish(int id, double end, Departures& departures);
  int accepted(const Answer& answer) const;

  // rank_memory.cpp
  bool grow_answers(double now, Departures& departures);
  // The request that arrived last loses its pages; `growing` stays at the answer it is at, or at
  // the one behind it.
  void displace_last(std::size_t& growing, double now, Departures& departures);
  void requeue(int id, double now, Departures& departures);
  void swap_out(int id, int held, double now);
  void swap_in(double now);
  void take_returned(double now);
  double copy(double from, int tokens);

  ServingState& state_;
  const Batching& batching_;
  PoolKind kind_;
  int pool_ = 0, rank_ = 0;
  KvCache cache_;
  WaitingLine line_;
  std::vector<int> prompts_;  // admitted, in that order
  std::vector<Answer> answers_;
  std::set<SentAt> swapped_;
  std::set<int> returning_;
  double host_free_ = 0;       // when the link to host memory has done what it was asked
  double now_ = 0, wake_ = 0;  // of the last plan
  std::int64_t waiting_tokens_ = 0, waiting_pairs_ = 0;
  // The step that is planned.
  std::vector<Part> parts_;
  bool answering_ = false;
  int prompt_tokens_ = 0, answer_tokens_ = 0;
};

}  // namespace moesim
