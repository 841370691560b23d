// Classes of requests in the order of their priority, as vLLM's `priority` policy.
#include "sim/queue/queue.hpp"

namespace moesim {
namespace {

class Priority final : public QueueOrder {
 public:
  explicit Priority(const Arguments&) {}
  double key(const QueuedRequest& queued) const override { return queued.priority; }
};

const Register<QueueOrder, Priority> kPriority{
    {.name = "priority",
     .summary = "classes of requests by their priority, each in the order of arrival",
     .source = "vLLM's priority scheduling; policies.md 4.8"}};

}  // namespace
}  // namespace moesim
