// Rows of tables of collectives with the columns of nccl_collectives_single_node.csv,
// nccl_collectives_h100_multinode.csv (nccl-tests) and custom_allreduce_single_node.csv (the
// one-kernel all-reduces of serving frameworks).
#pragma once

#include <string>

#include "sim/calibration/exchange_table.hpp"
#include "sim/calibration/measured_table.hpp"
#include "sim/model/collective.hpp"

namespace moesim {

struct CollectiveSample {
  std::string library;  // nccl, trtllm, vllm, …
  CollectiveKind kind = CollectiveKind::kAllReduce;
  std::string system;
  CollectiveGroup group;
  Bytes size;        // as nccl-tests counts it
  Seconds measured;  // 0 = the row does not say
  bool crosses_nodes() const { return group.domains > 1; }
};

bool is_collective_table(const MeasuredTable& table);

struct CollectiveRow {
  CollectiveSample sample;
  std::string reason;  // why there is none
};
CollectiveRow read_collective_row(const MeasuredTable& table, std::size_t row);

// An all-to-all is fitted and predicted as an exchange of the library.
ExchangeSample exchange_of(const CollectiveSample& sample);

}  // namespace moesim
