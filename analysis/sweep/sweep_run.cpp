#include "analysis/sweep/sweep_run.hpp"

#include <csignal>

#include "analysis/experiment.hpp"
#include "analysis/progress.hpp"

namespace moesim {
namespace {

// Ended by somebody who wants the sweep to end, not by what it did.
bool was_stopped(const Outcome& outcome, const SweepRunOptions& options) {
  if (outcome.signal == SIGINT || outcome.signal == SIGTERM) return true;
  return outcome.signal == SIGKILL && !options.killed_is_failed;
}

}  // namespace

std::vector<const SweepAim*> pending_aims(const SweepPlan& plan,
                                          const std::set<std::string>& finished) {
  std::set<std::string> known = finished;
  std::vector<const SweepAim*> pending;
  for (const SweepAim& aim : plan.aims)
    if (aim.error.empty() && known.insert(aim.run).second) pending.push_back(&aim);
  return pending;
}

void run_aims(const SweepPlan& plan, const std::vector<const SweepAim*>& aims, SweepStore& store,
              const SweepRunOptions& options) {
  std::vector<Variant> variants;
  for (const SweepAim* aim : aims)
    variants.push_back({aim->name + ", seed " + std::to_string(aim->seed),
                        [&plan, aim] { return simulate_aim(plan, *aim); }});
  Progress progress("runs", options.show_progress);
  const auto total = static_cast<std::int64_t>(aims.size());
  run_variants(variants, {.jobs = options.jobs,
                          .on_done = [&](int done) { progress.update(done, total); },
                          .on_outcome =
                              [&](std::size_t i, const Outcome& outcome) {
                                if (was_stopped(outcome, options)) return;
                                store.put(outcome.exit_code == 0
                                              ? record_of(plan, *aims[i], outcome.document)
                                              : failed_record(plan, *aims[i], outcome.exit_code,
                                                              outcome.error));
                              }});
}

}  // namespace moesim
