// What the fit of an exchange library starts from, and which of its coefficients are unknown.
#pragma once

#include <string>
#include <vector>

#include "sim/calibration/cost_fields.hpp"
#include "sim/calibration/prior_fit.hpp"

namespace moesim {

struct ExchangePrior {
  const ExchangeField* field = nullptr;
  Prior prior;  // typical of Hopper
};

// The unknowns of a library in a phase and scope. A library that is not known is fitted as one
// message per route.
std::vector<ExchangePrior> exchange_priors(const std::string& library, const std::string& phase,
                                           bool crosses_nodes);

// Coefficients of a fit over NICs that are not its unknowns: those of the kernel itself, from the
// fit inside a node, or typical ones where there is none.
ExchangeCost network_base(const std::string& library, const std::string& phase,
                          const ExchangeCost* local);

// The counting step as measured over so many domains.
void set_notify(ExchangeCost& cost, Seconds notify, int domains);

// A normal exchange rarely fills its NIC, so what low latency gets out of one says more.
void center_on_nic(std::vector<ExchangePrior>& priors, double network_efficiency);

}  // namespace moesim
