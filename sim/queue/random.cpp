// In random order: each request has a draw of its own, for the whole run.
#include "sim/queue/queue.hpp"

namespace moesim {
namespace {

class RandomOrder final : public QueueOrder {
 public:
  explicit RandomOrder(const Arguments&) {}
  double key(const QueuedRequest& queued) const override {
    return queued.random.stream(Purpose::kServing, queued.request.id, 0, kOrder).uniform();
  }

 private:
  static constexpr int kOrder = 1;  // apart from the streams of the serving loop itself
};

const Register<QueueOrder, RandomOrder> kRandomOrder{
    {.name = "random", .summary = "in random order", .source = "SGLang's random policy"}};

}  // namespace
}  // namespace moesim
