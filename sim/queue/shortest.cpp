// The shortest job first. The length of an answer is not known in practice: `total` says what a
// perfect prediction of it would bring.
#include "sim/queue/queue.hpp"

namespace moesim {
namespace {

class Shortest final : public QueueOrder {
 public:
  explicit Shortest(const Arguments& arguments) : total_(arguments.text("by") == "total") {}
  double key(const QueuedRequest& queued) const override {
    return static_cast<double>(queued.request.input) + (total_ ? queued.request.output : 0);
  }

 private:
  bool total_ = false;
};

const Register<QueueOrder, Shortest> kShortest{
    {.name = "shortest",
     .summary = "the request with the fewest tokens first",
     .source = "policies.md 4.8 [O]",
     .parameters = {{.name = "by",
                     .type = ParameterType::kChoice,
                     .doc = "tokens of its prompt, or of its answer too, as if that were known",
                     .fallback = "prompt",
                     .choices = {"prompt", "total"}}}}};

}  // namespace
}  // namespace moesim
