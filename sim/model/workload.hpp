// What a step of a scenario does: how many new tokens each GPU brings, of which sequences.
#pragma once

#include <string>

namespace moesim {

// A mixed step has answers under way and parts of prompts in one batch (chunked prefill).
enum class WorkloadPhase { kPrefill, kDecode, kMixed, kTraining };

// How much of the routing is drawn: ids cost more, counts make distinct destinations an
// expectation.
enum class RoutingChoice { kAuto, kIds, kCounts };

struct Workload {
  WorkloadPhase phase = WorkloadPhase::kPrefill;
  int tokens_per_gpu = 0;  // new tokens of each GPU in a step; training: in a micro-batch
  // Mean tokens of a sequence; but in decode and mixed steps: of an answer's KV cache.
  int context = 0;
  int steps = 1;         // measured
  int warmup_steps = 0;  // run before, not measured
  RoutingChoice routing = RoutingChoice::kAuto;
  int micro_batches = 1;  // of a step
  // Mixed: new tokens that are of prompts, and how long those prompts are.
  int mixed_prompt_tokens = 0, mixed_prompt = 0;
  // Decode: tokens of an answer that a step checks beside its next one, and the share of them that
  // is right where those before were.
  int draft_tokens = 0;
  double draft_acceptance = 0;

  std::string phase_name() const;  // "prefill", …
  bool decode() const { return phase == WorkloadPhase::kDecode; }
  // Of each GPU: new tokens that are of prompts; answers under way.
  int prompt_tokens() const;
  int answers() const { return (tokens_per_gpu - prompt_tokens()) / (1 + draft_tokens); }
  // Of each GPU in a micro-batch: new tokens.
  int pass_tokens() const {
    return phase == WorkloadPhase::kTraining ? tokens_per_gpu : tokens_per_gpu / micro_batches;
  }
  Workload one_pass() const;  // a step that is one of its micro-batches
  // Mean tokens of a prompt.
  int prompt() const { return phase == WorkloadPhase::kMixed ? mixed_prompt : context; }
  // Tokens that a step yields for each new token that it computes: below 1 where drafts are wrong.
  double output_per_token() const;
};

}  // namespace moesim
