// First come, first served.
#include "sim/queue/queue.hpp"

namespace moesim {
namespace {

class Fcfs final : public QueueOrder {
 public:
  explicit Fcfs(const Arguments&) {}
  double key(const QueuedRequest&) const override { return 0; }
};

const Register<QueueOrder, Fcfs> kFcfs{
    {.name = "fcfs", .summary = "first come, first served", .source = "policies.md 4.8"}};

}  // namespace
}  // namespace moesim
