// Which GPUs and which NVLink domains the tokens of each source reach: what an exchange that sends
// one copy per destination must know.
#pragma once

#include "sim/exchange/exchange_policy.hpp"

namespace moesim {

using RowMatrix = IdMatrix<GpuId, GpuId, double>;  // rows of activations, [source × gpu]
using DomainId = Id<struct DomainTag>;             // GPUs that reach each other without a NIC

// The NVLink (or PCIe) domains of a cluster: its nodes, except where NVLink spans several nodes.
struct Domains {
  IdVector<GpuId, DomainId> of;
  IdVector<DomainId, std::vector<GpuId>> members;  // in ascending order
  IdVector<GpuId, int> place;                      // of a GPU in its domain
  int count() const { return static_cast<int>(members.size()); }
  // The GPU of `domain` with the same place as `gpu` in its own.
  GpuId peer(DomainId domain, GpuId gpu) const;
};
Domains domains_of(const Cluster& cluster);

// Rows are tokens of the source, each counted once per destination however many of its routes go
// there; expected numbers where only counts are known.
struct Reach {
  RowMatrix gpus;                             // [source × gpu], the source itself included
  IdMatrix<GpuId, DomainId, double> domains;  // [source × domain], its own included
};

// Exact where the assignment has ids. With counts only the expectation, where every token of a
// source draws its experts in the conditional Poisson design with the source's shares, and each
// route of an expert takes a copy in the proportion of the assignment. Padding rows count as tokens
// of their own.
Reach reach_of(const ExchangeRequest& request, const Domains& domains);

// Routes, [source × gpu], padding included.
RowMatrix routes_by_gpu(const ExchangeRequest& request);

}  // namespace moesim
