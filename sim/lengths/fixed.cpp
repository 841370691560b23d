// All sequences are as long as the workload says.
#include "sim/lengths/lengths.hpp"

namespace moesim {
namespace {

class Fixed final : public Lengths {
 public:
  explicit Fixed(const Arguments&) {}
  double draw(double mean, Rng&) const override { return mean; }
};

const Register<Lengths, Fixed> kFixed{
    {.name = "fixed", .summary = "all sequences are as long as the workload says"}};

}  // namespace
}  // namespace moesim
