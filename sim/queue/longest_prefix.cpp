// The request whose prompt has the most tokens in the prefix cache first: SGLang's `lpm`, which
// falls back to the order of arrival where many wait.
#include "sim/queue/queue.hpp"

namespace moesim {
namespace {

class LongestPrefix final : public QueueOrder {
 public:
  explicit LongestPrefix(const Arguments& arguments) : most_(arguments.integer("most")) {}
  double key(const QueuedRequest& queued) const override { return -queued.cached; }
  int follows_cache() const override { return most_; }

 private:
  int most_ = 1;
};

const Register<QueueOrder, LongestPrefix> kLongestPrefix{
    {.name = "longest_prefix",
     .summary = "the request with the longest cached prefix first (SGLang's lpm)",
     .source = "SGLang's schedule policy; policies.md 4.8",
     .parameters = {{.name = "most",
                     .type = ParameterType::kInteger,
                     .doc = "while more requests wait at a rank, they are admitted in the order of "
                            "arrival; SGLang's is 128",
                     .fallback = "128",
                     .minimum = 1}}}};

}  // namespace
}  // namespace moesim
