// Memory of DeepEP's normal kernels.
#pragma once

#include "sim/base/units.hpp"
#include "sim/model/cluster.hpp"
#include "sim/model/moe_model.hpp"

namespace moesim {

// NVLink and RDMA receive queues of one GPU: for each channel (2 SMs) and peer, 256 rows over
// NVLink and, where there are several nodes, 128 rows each to send and to receive over the NICs.
// After the size hints of DeepEP's default configuration, as known.
Bytes deepep_normal_buffers(const MoeModel& model, const Cluster& cluster, int sms);

}  // namespace moesim
