// The longest answer first, SGLang's `lof`: long answers that begin late make the batch run thin at
// the end. SGLang sorts by the most tokens that a request may ask for; here that is its answer.
#include "sim/queue/queue.hpp"

namespace moesim {
namespace {

class LongestAnswer final : public QueueOrder {
 public:
  explicit LongestAnswer(const Arguments&) {}
  double key(const QueuedRequest& queued) const override { return -queued.request.output; }
};

const Register<QueueOrder, LongestAnswer> kLongestAnswer{
    {.name = "longest_answer",
     .summary = "the request with the longest answer first (SGLang's lof)",
     .source = "SGLang's schedule policy; policies.md 4.8"}};

}  // namespace
}  // namespace moesim
