#include "analysis/experiment.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <map>
#include <memory>

#include "analysis/child.hpp"
#include "sim/base/check.hpp"

namespace moesim {
namespace {

volatile std::sig_atomic_t interrupt_seen = 0;

// While it lives, Ctrl-C is noted and not acted upon; it reaches us only inside ppoll, so that none
// is missed between a look at the note and the wait.
class InterruptWatch {
 public:
  InterruptWatch() {
    interrupt_seen = 0;
    struct sigaction action {};
    action.sa_handler = [](int) { interrupt_seen = 1; };
    sigaction(SIGINT, &action, &action_before_);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigprocmask(SIG_BLOCK, &blocked, &mask_before_);
  }
  ~InterruptWatch() {
    sigaction(SIGINT, &action_before_, nullptr);
    sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
  }
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;
  const sigset_t& mask_before() const { return mask_before_; }

 private:
  struct sigaction action_before_ {};
  sigset_t mask_before_{};
};

using Running = std::map<std::size_t, std::unique_ptr<Child>>;  // by the number of the variant

// A signal that came while ppoll found news at once is still waiting.
bool interrupt_waits() {
  sigset_t waiting;
  sigpending(&waiting);
  if (sigismember(&waiting, SIGINT) != 1) return false;
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  int taken = 0;
  return sigwait(&interrupt, &taken) == 0;
}

void wait_for_news(const Running& running, const sigset_t& mask) {
  std::vector<pollfd> pipes;
  for (const auto& [number, child] : running) child->add_pipes(pipes);
  const int ready = ppoll(pipes.data(), pipes.size(), nullptr, &mask);
  MOESIM_CHECK(ready >= 0 || errno == EINTR, "the pipes are open");
  if (interrupt_seen != 0 || interrupt_waits()) throw Interrupted();
}

}  // namespace

std::vector<Outcome> run_variants(const std::vector<Variant>& variants,
                                  const ExperimentOptions& options) {
  std::vector<Outcome> outcomes(variants.size());
  const auto jobs = static_cast<std::size_t>(std::max(1, options.jobs));
  const InterruptWatch watch;
  Running running;
  std::size_t started = 0;
  int ended = 0;
  while (started < variants.size() || !running.empty()) {
    for (; started < variants.size() && running.size() < jobs; ++started)
      running[started] =
          std::make_unique<Child>(variants[started], options.share_stderr, watch.mask_before());
    wait_for_news(running, watch.mask_before());
    std::erase_if(running, [&](auto& entry) {
      if (entry.second->read_more()) return false;
      outcomes[entry.first] = entry.second->finish();
      if (options.on_outcome) {
        options.on_outcome(entry.first, outcomes[entry.first]);
        outcomes[entry.first].document = {};
      }
      if (options.on_done) options.on_done(++ended);
      return true;
    });
  }
  return outcomes;
}

void throw_if_failed(const std::vector<Outcome>& outcomes) {
  for (const Outcome& outcome : outcomes)
    if (outcome.exit_code != 0) throw VariantFailed(outcome.exit_code, outcome.error);
}

}  // namespace moesim
