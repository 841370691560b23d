#include "sim/exchange/deepep_buffers.hpp"

namespace moesim {
namespace {

constexpr double kNvlinkQueue = 256, kRdmaQueue = 128;  // rows
// Room beside a row: source index, and 128 expert ids, weights and scales at most.
constexpr double kRowExtras = 8 + 128 * (8 + 4 + 4);

}  // namespace

Bytes deepep_normal_buffers(const MoeModel& model, const Cluster& cluster, int sms) {
  const double channels = sms / 2;
  const double row = 2.0 * model.hidden + kRowExtras;
  const auto peers = static_cast<double>(cluster.gpus_of(NodeId(0)).size());
  const double nvlink = channels * peers * kNvlinkQueue * row;
  if (cluster.nodes() == 1) return Bytes(nvlink);
  return Bytes(nvlink + 2 * channels * cluster.nodes() * kRdmaQueue * row);
}

}  // namespace moesim
