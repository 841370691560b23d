// Copies in turn over the occurrences of an expert (TensorRT-LLM): the i-th route to e inside a
// block of 1024 routes of a source takes copy (i + block [+ rank]) mod n. The offsets keep the
// first copies from getting what does not divide. With counts only, the copies share each source's
// routes equally.
#include <algorithm>

#include "sim/replica/dealing.hpp"

namespace moesim {
namespace {

constexpr std::int64_t kBlock = 1024;  // routes that one thread block of the kernel works on

class OccurrenceRoundRobin final : public Replica {
 public:
  explicit OccurrenceRoundRobin(const Arguments& arguments)
      : offset_by_rank_(arguments.flag("offset_by_rank")) {}
  RoutingDetail needs() const override { return RoutingDetail::kCounts; }

  Assignment assign(const ReplicaRequest& request) const override {
    if (!request.routing.has_ids()) return deal_counts_evenly(request);
    IdVector<ExpertId, int> seen(request.placement.experts());
    GpuId source;
    std::int64_t block = -1;
    return assign_each_route(request, [&](const RoutePlace& at, const std::vector<SlotId>& slots) {
      const std::int64_t now =
          (static_cast<std::int64_t>(at.token) * request.routing.top_k + at.choice) / kBlock;
      if (at.source != source || now != block) std::fill(seen.begin(), seen.end(), 0);
      source = at.source;
      block = now;
      const std::int64_t turn = seen[at.expert]++ + block + (offset_by_rank_ ? at.source.value : 0);
      return slots[static_cast<std::size_t>(turn) % slots.size()];
    });
  }

 private:
  bool offset_by_rank_ = true;
};

const Register<Replica, OccurrenceRoundRobin> kOccurrenceRoundRobin{
    {.name = "occurrence_rr",
     .summary = "copies in turn over the routes to an expert, in blocks of 1024 routes",
     .source = "TensorRT-LLM",
     .parameters = {{.name = "offset_by_rank",
                     .type = ParameterType::kFlag,
                     .doc = "the turn starts at the source's rank (ranks with tokens of their own)",
                     .fallback = "true"}}}};

}  // namespace
}  // namespace moesim
