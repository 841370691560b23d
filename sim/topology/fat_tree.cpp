// Leaf and spine (a two-level fat tree), as Ethernet/RoCE fabrics are built: all NICs of a few
// nodes on one leaf switch, the leaves joined by a spine, the way up possibly oversubscribed.
// Routing is adaptive, so that all uplinks of a leaf are one fat link. NVSwitch inside the nodes.
#include "sim/topology/graph_builder.hpp"

namespace moesim {
namespace {

class FatTree final : public Topology {
 public:
  explicit FatTree(const Arguments& arguments)
      : nodes_per_leaf_(arguments.integer("nodes_per_leaf")), spine_(spine_of(arguments)) {}

  Cluster build(const ClusterSpec& spec) const final {
    GraphBuilder builder(spec);
    builder.add_gpus();
    add_nvswitch_per_node(builder, spec);
    builder.add_nics_beside_gpus();
    add_leaf_spine(builder, spec, nodes_per_leaf_, spine_);
    return std::move(builder).finish();
  }

 private:
  int nodes_per_leaf_ = 0;
  Spine spine_;
};

const Register<Topology, FatTree> kFatTree{
    {.name = "fat_tree",
     .summary = "NVSwitch nodes under leaf switches and a spine, oversubscribed or not",
     .source = "C. Leiserson, Fat-trees, IEEE Trans. Computers C-34, 1985",
     .parameters = leaf_spine_parameters()}};

}  // namespace
}  // namespace moesim
