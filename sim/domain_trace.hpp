// Routes of tokens that are of several domains: each has a trace of its own, and the tokens of a
// step are shared out in the proportion of its requests.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/model/request.hpp"
#include "sim/model/scenario.hpp"
#include "sim/trace/trace.hpp"

namespace moesim {

class DomainTrace final : public Trace {
 public:
  struct Domain {
    std::unique_ptr<Trace> trace;
    std::uint64_t seed = 0;  // is added to the run's: a generator draws other popular experts
    double share = 1;        // of all tokens, for what does not know the step's
  };
  explicit DomainTrace(std::vector<Domain> domains);

  void fit(const MoeModel& model, Mistakes& mistakes) override;
  Routing route(const RoutingRequest& request) const override;
  Routing profile_route(const RoutingRequest& request) const override;
  ExpertLoad profile(int steps, std::span<const int> tokens, Random random) const override;
  std::vector<std::string> notes() const override;

 private:
  template <class Route>
  Routing mixed(const RoutingRequest& request, const Route& route) const;
  // Of `tokens` of each source, those of each domain: [domains][sources].
  std::vector<std::vector<int>> shared_out(std::span<const int> tokens,
                                           std::span<const double> shares) const;
  std::vector<double> usual_shares() const;

  std::vector<Domain> domains_;  // [request classes]
};

// The scenario's trace; where request classes have domains, one for each class. A recorded trace is
// cut down to the domain's tokens; a generator draws it with a seed of its own. Throws InputError
// where a record has no such domain.
std::unique_ptr<Trace> trace_of_classes(const Scenario& scenario);

}  // namespace moesim
