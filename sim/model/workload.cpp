#include "sim/model/workload.hpp"

namespace moesim {

std::string Workload::phase_name() const {
  switch (phase) {
    case WorkloadPhase::kPrefill:
      return "prefill";
    case WorkloadPhase::kDecode:
      return "decode";
    case WorkloadPhase::kMixed:
      return "mixed";
    case WorkloadPhase::kTraining:
      return "training";
  }
  return "";
}

int Workload::prompt_tokens() const {
  if (phase == WorkloadPhase::kPrefill || phase == WorkloadPhase::kTraining) return tokens_per_gpu;
  return phase == WorkloadPhase::kMixed ? mixed_prompt_tokens : 0;
}

Workload Workload::one_pass() const {
  Workload pass = *this;
  pass.tokens_per_gpu = pass_tokens();
  pass.mixed_prompt_tokens /= micro_batches;
  pass.micro_batches = 1;
  return pass;
}

double Workload::output_per_token() const {
  double yielded = 1, right = 1;
  for (int draft = 0; draft < draft_tokens; ++draft) yielded += right *= draft_acceptance;
  return yielded / (1 + draft_tokens);
}

}  // namespace moesim
