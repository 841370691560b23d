// What an all-to-all of an exchange library costs: its start-up, and how long a rank's bytes take
// over NVLink and over the NIC. `moesim validate` predicts measurements with it, and the exchange
// kinds charge it in a run, so that both say the same of the same traffic.
//
// The form follows the kernels (after the sources of DeepEP, NCCL and pplx-kernels):
//   SMs     (tokens·token_work + rows·row_work + local bytes/rate_per_sm
//            + staged bytes/staging_rate_per_sm) / SMs of the kernel
//   NVLink  local bytes / (local_efficiency · port) + messages·per_message
//   NIC     network bytes / (network_efficiency · NIC), and in_flight for each message to one peer
//   wire    the slowest of these, rounded where two are close (p-norm)
//   time    start_up + what is added to it + notify + wire + ramp·wire / (wire + ramp_scale)
// The ramp is what a pipeline of chunks loses before it is full: nothing for an exchange of a few
// rows, `ramp` for a long one.
#pragma once

#include "sim/base/units.hpp"

namespace moesim {

using SecondsPerByte = Quantity<1, -1, 0>;

// Coefficients of a library, phase and scope. A zero leaves its term out.
struct ExchangeCost {
  Seconds start_up;                  // of the data kernel, the latency of the links included
  Seconds start_up_per_expert;       // for each expert of the layer
  SecondsPerByte start_up_per_byte;  // of a row: the time a row needs to pass
  Seconds per_peer;                  // for each rank outside the own NVLink domain
  Seconds notify;                    // counting step before it; a rendezvous of all ranks
  Seconds notify_per_doubling;       // of the NVLink domains: a round of its barrier
  double notify_share = 0;           // of the wire's time
  Seconds ramp, ramp_scale;
  Seconds token_work, row_work;        // of one SM, for a token it reads and for a row it sends
  BytesPerSecond rate_per_sm;          // at which one SM moves rows over NVLink
  BytesPerSecond staging_rate_per_sm;  // at which one SM moves rows to and from the NIC's buffers
  Seconds per_message;                 // of the NVLink port
  Seconds in_flight;                   // from one message to a peer to the next, over NICs
  double local_efficiency = 1;         // payload rate / NVLink port rate
  double network_efficiency = 1;       // payload rate / NIC rate
};

// The traffic of a rank, mean over the ranks.
struct ExchangeWork {
  double tokens = 0;           // that it sends
  double rows = 0;             // copies of them, its own included
  double messages = 0;         // rows, where a message is a row
  double row_bytes = 0;        // of one row
  int experts = 0;             // of the layer
  int ranks = 1, domains = 1;  // of the group; NVLink domains that it spans
  double sms = 0;              // that move rows; 0: not limited by SMs
  Bytes local, network;        // over its NVLink port and its NIC
  Bytes staged;                // into and out of the NIC's buffers
};

// One way.
struct PortRates {
  BytesPerSecond nvlink, nic;
};

struct ExchangeTime {
  Seconds notify, start_up;  // the ramp is in the start-up
  Seconds local, network;    // of the rank's bytes over either port, alone
  Seconds total() const;     // dispatch to last byte where every rank has the same traffic
};

// The longer of two times that limit each other: hardly more than the longer one where they differ,
// 9 % more where they are equal.
Seconds slower_of(Seconds a, Seconds b);
// Zero where there is no rate.
Seconds transfer_time(Bytes bytes, BytesPerSecond rate);

ExchangeTime exchange_time(const ExchangeCost& cost, const ExchangeWork& work,
                           const PortRates& rates);

}  // namespace moesim
