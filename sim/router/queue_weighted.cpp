// To the rank with the smallest 4 · waiting + running: a request in the queue counts for more than
// one that is served already (LLMServingSim; vLLM's load balancing of data-parallel engines).
#include "sim/router/router.hpp"

namespace moesim {
namespace {

class QueueWeighted final : public Router {
 public:
  explicit QueueWeighted(const Arguments& arguments) : weight_(arguments.number("weight")) {}
  std::size_t choose(const RoutedRequest&, std::span<const RankLoad> ranks) const override {
    return cheapest(ranks,
                    [this](const RankLoad& rank) { return weight_ * rank.waiting + rank.running; });
  }

 private:
  double weight_ = 1;
};

const Register<Router, QueueWeighted> kQueueWeighted{
    {.name = "queue_weighted",
     .summary = "the rank with the fewest requests, where those that wait count more",
     .source = "LLMServingSim's LOAD; policies.md 4.8",
     .parameters = {{.name = "weight",
                     .type = ParameterType::kNumber,
                     .doc = "of a request that waits; one that runs counts 1",
                     .fallback = "4",
                     .minimum = 0}}}};

}  // namespace
}  // namespace moesim
