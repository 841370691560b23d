// NVLink domains that may be larger than a node (GB200 NVL72: 18 trays of 4 GPUs on one set of
// NVSwitches). With NICs, each domain has a leaf and all leaves a spine; nothing of it blocks.
#include <fmt/format.h>

#include "sim/topology/graph_builder.hpp"

namespace moesim {
namespace {

class NvLinkDomain final : public Topology {
 public:
  explicit NvLinkDomain(const Arguments& arguments)
      : domain_gpus_(arguments.has("domain_gpus") ? arguments.integer("domain_gpus") : 0),
        spot_(arguments.spot("domain_gpus")) {}

  Cluster build(const ClusterSpec& spec) const final {
    const int domain_gpus = domain_gpus_ > 0 ? domain_gpus_ : spec.gpus_per_node;
    if (domain_gpus % spec.gpus_per_node != 0)
      throw InputError(
          spot_,
          fmt::format("domain_gpus must be a multiple of gpus_per_node ({})", spec.gpus_per_node),
          "an NVLink domain holds whole nodes");
    const int domain_nodes = domain_gpus / spec.gpus_per_node;
    GraphBuilder builder(spec);
    builder.add_gpus();
    builder.add_nics_beside_gpus();
    for (int first = 0; first < spec.nodes; first += domain_nodes)
      add_nvswitch(builder, spec, first, std::min(first + domain_nodes, spec.nodes));
    add_leaf_spine(builder, spec, domain_nodes, {});
    return std::move(builder).finish();
  }

 private:
  int domain_gpus_ = 0;  // 0 = a node's
  Spot spot_;
};

const Register<Topology, NvLinkDomain> kNvLinkDomain{
    {.name = "nvlink_domain",
     .summary = "NVSwitch domains of one or more nodes, on a non-blocking fabric",
     .source = "NVIDIA GB200 NVL72 data sheet",
     .parameters = {{.name = "domain_gpus",
                     .type = ParameterType::kInteger,
                     .doc = "GPUs that share NVSwitches (72 = NVL72); by default those of a node",
                     .minimum = 1}}}};

}  // namespace
}  // namespace moesim
