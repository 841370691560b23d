#include "sim/draw_sequences.hpp"

#include "sim/base/random.hpp"
#include "sim/lengths/lengths.hpp"

namespace moesim {

IdVector<GpuId, Sequences> draw_sequences(const Scenario& scenario) {
  const Workload& work = scenario.workload;
  const auto lengths = Registry<Lengths>::make(scenario.lengths);
  IdVector<GpuId, Sequences> all(scenario.cluster->gpus());
  for (const GpuId gpu : all.ids()) {
    Rng rng = Random(scenario.seed).stream(Purpose::kLengths, gpu.value);
    std::vector<double> cached;
    for (int i = 0; i < work.answers(); ++i) cached.push_back(lengths->draw(work.context, rng));
    all[gpu] = answers(cached, 1 + work.draft_tokens);
    const int left = work.prompt_tokens();
    std::vector<double> prompt_lengths;
    for (double tokens = 0; tokens < left; tokens += prompt_lengths.back())
      prompt_lengths.push_back(lengths->draw(work.prompt(), rng));
    for (const Sequence& prompt : prompts(left, prompt_lengths)) all[gpu].push_back(prompt);
  }
  return all;
}

}  // namespace moesim
