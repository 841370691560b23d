#include "sim/calibration/exchange_priors.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/check.hpp"

namespace moesim {
namespace {

constexpr double kTypicalNic = 0.94;
// Assumed: about a barrier over InfiniBand. Tables hold the counting step of two nodes only.
constexpr Seconds kNotifyPerDoubling(4e-6);

const ExchangeField* field_called(std::string_view name) {
  for (const ExchangeField& field : exchange_fields())
    if (field.name == name) return &field;
  MOESIM_CHECK(false, "the name is in the list of exchange fields");
  return nullptr;
}

ExchangePrior prior(const char* name, double typical) {
  return {.field = field_called(name), .prior = {.typical = typical}};
}

ExchangePrior efficiency(const char* name, double typical) {
  ExchangePrior unknown = prior(name, typical);
  unknown.prior.lowest = 0.01;
  unknown.prior.highest = 1;
  return unknown;
}

// Typical values are those of H200 and of two Hopper nodes, rounded.
std::vector<ExchangePrior> normal_local(bool dispatch) {
  std::vector<ExchangePrior> unknowns = {prior("start_up", 24e-6),
                                         prior("start_up_per_byte", dispatch ? 0.2e-9 : 1.5e-9),
                                         prior("token_work", 0.3e-6),
                                         prior("row_work", dispatch ? 60e-9 : 5e-9),
                                         prior("rate_per_sm", dispatch ? 25e9 : 20e9),
                                         efficiency("local_efficiency", dispatch ? 0.68 : 0.72),
                                         prior("ramp", dispatch ? 15e-6 : 70e-6),
                                         prior("ramp_scale", dispatch ? 25e-6 : 200e-6)};
  unknowns[4].prior.lowest = 1e8;
  unknowns[7].prior.lowest = 1e-6;
  return unknowns;
}

std::vector<ExchangePrior> normal_network(bool dispatch) {
  std::vector<ExchangePrior> unknowns = {prior("start_up", 24e-6),
                                         prior("notify_share", 0.003),
                                         prior("staging_rate_per_sm", dispatch ? 50e9 : 25e9),
                                         efficiency("network_efficiency", kTypicalNic),
                                         prior("ramp", dispatch ? 50e-6 : 120e-6),
                                         prior("ramp_scale", dispatch ? 70e-6 : 160e-6)};
  unknowns[2].prior.lowest = 1e8;
  unknowns[3].prior.weight_of_rows = 0.3;
  unknowns[5].prior.lowest = 1e-6;
  return unknowns;
}

std::vector<ExchangePrior> low_latency_local(bool dispatch) {
  return {prior("start_up", dispatch ? 6.8e-6 : 8.6e-6),
          prior("start_up_per_expert", dispatch ? 13e-9 : 4e-9),
          prior("start_up_per_byte", dispatch ? 0.18e-9 : 0.1e-9),
          prior("token_work", dispatch ? 2.1e-6 : 0.6e-6),
          prior("per_message", 1e-9),
          efficiency("local_efficiency", dispatch ? 0.63 : 0.51)};
}

std::vector<ExchangePrior> low_latency_network(bool dispatch) {
  return {prior("start_up", dispatch ? 16e-6 : 22e-6), prior("per_peer", 20e-9),
          efficiency("network_efficiency", kTypicalNic)};
}

std::vector<ExchangePrior> nccl_local() {
  std::vector<ExchangePrior> unknowns = {prior("start_up", 7e-6), prior("per_message", 0.15e-6),
                                         efficiency("local_efficiency", 0.75), prior("ramp", 30e-6),
                                         prior("ramp_scale", 30e-6)};
  unknowns[4].prior.lowest = 1e-7;
  return unknowns;
}

std::vector<ExchangePrior> nccl_network() {
  return {prior("start_up", 30e-6), prior("per_peer", 2e-6),
          efficiency("network_efficiency", 0.92)};
}

std::vector<ExchangePrior> other_local() {
  return {prior("start_up", 20e-6), efficiency("local_efficiency", 0.5)};
}

std::vector<ExchangePrior> other_network() {
  return {prior("start_up", 60e-6), prior("per_peer", 0.5e-6), prior("in_flight", 5e-6),
          efficiency("network_efficiency", 0.8)};
}

}  // namespace

std::vector<ExchangePrior> exchange_priors(const std::string& library, const std::string& phase,
                                           bool crosses_nodes) {
  const bool dispatch = phase == "dispatch";
  if (library == "deepep_normal")
    return crosses_nodes ? normal_network(dispatch) : normal_local(dispatch);
  if (library == "deepep_low_latency")
    return crosses_nodes ? low_latency_network(dispatch) : low_latency_local(dispatch);
  if (library == "nccl") return crosses_nodes ? nccl_network() : nccl_local();
  return crosses_nodes ? other_network() : other_local();
}

ExchangeCost network_base(const std::string& library, const std::string& phase,
                          const ExchangeCost* local) {
  ExchangeCost cost;
  for (const ExchangePrior& unknown : exchange_priors(library, phase, false))
    unknown.field->set(cost, local != nullptr ? unknown.field->get(*local) : unknown.prior.typical);
  if (library == "deepep_normal") set_notify(cost, Seconds(30e-6), 2);
  return cost;
}

void set_notify(ExchangeCost& cost, Seconds notify, int domains) {
  cost.notify_per_doubling = kNotifyPerDoubling;
  cost.notify =
      std::max(Seconds(0), notify - kNotifyPerDoubling * std::log2(static_cast<double>(domains)));
}

void center_on_nic(std::vector<ExchangePrior>& priors, double network_efficiency) {
  for (ExchangePrior& unknown : priors)
    if (unknown.prior.weight_of_rows > 0)
      unknown.prior.typical = std::min(kTypicalNic, network_efficiency);
}

}  // namespace moesim
