// What the fit of an exchange library starts from, and which of its coefficients are unknown.
#pragma once

#include <string>
#include <vector>

#include "sim/calibration/exchange_fields.hpp"

namespace moesim {

struct ExchangePrior {
  const ExchangeField* field = nullptr;
  double typical = 1;  // on Hopper, SI units
  double lowest = 0;
  double highest = 0;         // 0: none
  double weight = 0.03;       // relative distance of 1 costs as much as a row that is off by this
  double weight_of_rows = 0;  // the same, times the square root of the rows
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

// Every coefficient with the four digits that a file holds.
ExchangeCost rounded(ExchangeCost cost);

}  // namespace moesim
