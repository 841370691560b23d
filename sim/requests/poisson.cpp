// Requests of many independent users: exponential times between arrivals.
#include <cmath>

#include "sim/requests/generated.hpp"

namespace moesim {
namespace {

class Poisson final : public RequestSource {
 public:
  explicit Poisson(const Arguments& arguments) : generated_(arguments) {}

  RequestList requests(Random random) const override {
    return generated_.requests(random, [](Rng& rng) { return -std::log1p(-rng.uniform()); });
  }
  std::vector<RequestClass> classes() const override { return generated_.classes(); }

 private:
  GeneratedRequests generated_;
};

const Register<RequestSource, Poisson> kPoisson{
    {.name = "poisson",
     .summary = "requests arrive at random, independent of each other",
     .parameters = generator_parameters()}};

}  // namespace
}  // namespace moesim
