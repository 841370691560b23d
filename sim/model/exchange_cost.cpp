#include "sim/model/exchange_cost.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

// Of the p-norm: two equal limits take 9 % longer than one alone, a limit of 0.7 adds nothing.
constexpr double kSharpness = 8;

Seconds time_of_sms(const ExchangeCost& cost, const ExchangeWork& work) {
  if (work.sms <= 0) return Seconds(0);
  const Seconds one = cost.token_work * work.tokens + cost.row_work * work.rows +
                      transfer_time(work.local, cost.rate_per_sm) +
                      transfer_time(work.staged, cost.staging_rate_per_sm);
  return one / work.sms;
}

Seconds time_of_nic(const ExchangeCost& cost, const ExchangeWork& work, BytesPerSecond nic) {
  const double peers = work.ranks - static_cast<double>(work.ranks) / work.domains;
  if (peers <= 0) return Seconds(0);
  const double remote = work.messages * peers / work.ranks;
  return slower_of(transfer_time(work.network, nic * cost.network_efficiency),
                   cost.in_flight * (remote / peers));
}

}  // namespace

Seconds slower_of(Seconds a, Seconds b) {
  const Seconds most = std::max(a, b);
  if (most.value <= 0) return most;
  return most * std::pow(1 + std::pow(std::min(a, b) / most, kSharpness), 1 / kSharpness);
}

Seconds transfer_time(Bytes bytes, BytesPerSecond rate) {
  return rate.value > 0 ? bytes / rate : Seconds(0);
}

Seconds ExchangeTime::total() const { return notify + start_up + std::max(local, network); }

ExchangeTime exchange_time(const ExchangeCost& cost, const ExchangeWork& work,
                           const PortRates& rates) {
  const double peers = work.ranks - static_cast<double>(work.ranks) / work.domains;
  const Seconds port = transfer_time(work.local, rates.nvlink * cost.local_efficiency) +
                       cost.per_message * work.messages;
  ExchangeTime time{.local = slower_of(time_of_sms(cost, work), port),
                    .network = time_of_nic(cost, work, rates.nic)};
  const Seconds wire = slower_of(time.local, time.network);
  // Rounding goes to the port that is slower anyway; without bytes on the one, to the other.
  const bool over_network =
      work.network.value > 0 && (time.network >= time.local || work.local.value <= 0);
  (over_network ? time.network : time.local) = wire;
  if (over_network && work.local.value <= 0) time.local = Seconds(0);
  time.notify = cost.notify + cost.notify_share * wire +
                cost.notify_per_doubling * std::log2(static_cast<double>(work.domains));
  time.start_up = cost.start_up + cost.start_up_per_expert * work.experts +
                  cost.start_up_per_byte * Bytes(work.row_bytes) + cost.per_peer * peers;
  if (wire.value > 0) time.start_up += cost.ramp * (wire / (wire + cost.ramp_scale));
  return time;
}

}  // namespace moesim
