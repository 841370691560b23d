// Whether a shift of GPUs is a symmetry of the cluster.
//
// Routes are made of what GPUs are attached to and of the paths between leaf switches, so it is
// enough that the shift maps these onto each other. A map of all GPUs' attachments that is well
// defined is also one to one, because the shift is: the images are all there is.
#include <algorithm>

#include "sim/model/cluster.hpp"

namespace moesim {

class Cluster::SymmetryCheck {
  // What numbers from 0 on are mapped to.
  class Images {
   public:
    // False if `from` was mapped to something else. −1, for none, stays what it is.
    bool map(int from, int to) {
      if (from < 0 || to < 0) return from == to;
      const auto at = static_cast<std::size_t>(from);
      if (to_.size() <= at) to_.resize(at + 1, -1);
      if (to_[at] < 0) to_[at] = to;
      return to_[at] == to;
    }
    bool map(const std::vector<LinkId>& from, const std::vector<LinkId>& to) {
      return std::ranges::equal(from, to,
                                [&](LinkId a, LinkId b) { return map(a.value, b.value); });
    }
    int size() const { return static_cast<int>(to_.size()); }
    // −1 = was not mapped.
    int operator[](int from) const {
      return from < size() ? to_[static_cast<std::size_t>(from)] : -1;
    }

   private:
    std::vector<int> to_;
  };

 public:
  SymmetryCheck(const Cluster& cluster, const GpuShift& shift) : cluster_(cluster), shift_(shift) {}

  bool holds() { return map_attachments() && map_rail_peers() && map_fabric() && is_even(); }

  IdVector<LinkId, LinkId> links() const {
    IdVector<LinkId, LinkId> images(cluster_.links().size());
    for (const LinkId link : images.ids())
      images[link] = links_[link.value] >= 0 ? LinkId(links_[link.value]) : link;
    return images;
  }

 private:
  bool map(const Path& from, const Path& to) {
    return from.latency == to.latency && links_.map(from.links, to.links);
  }

  bool map_attachments() {
    for (const GpuId gpu : cluster_.attachments_.ids()) {
      const Attachment &from = cluster_.attachments_[gpu], &to = cluster_.attachments_[shift_(gpu)];
      if (!nodes_.map(from.node.value, to.node.value) || !rails_.map(from.rail, to.rail) ||
          !domains_.map(cluster_.domains_[gpu], cluster_.domains_[shift_(gpu)]) ||
          !leaves_.map(from.leaf, to.leaf) || !links_.map(from.up, to.up) ||
          !links_.map(from.down, to.down) || !map(from.out, to.out) || !map(from.in, to.in))
        return false;
    }
    return true;
  }

  bool map_rail_peers() const {
    for (int node = 0; node < cluster_.nodes(); ++node) {
      const auto &from = cluster_.gpus_of(NodeId(node)),
                 &to = cluster_.gpus_of(NodeId(nodes_[node]));
      for (int rail = 0; rail < rails_.size(); ++rail)
        if (shift_(from[static_cast<std::size_t>(rail) % from.size()]) !=
            to[static_cast<std::size_t>(rails_[rail]) % to.size()])
          return false;
    }
    return true;
  }

  bool map_fabric() {
    for (int from = 0; from < leaves_.size(); ++from) {
      for (int to = 0; to < leaves_.size(); ++to) {
        if (leaves_[from] < 0 || leaves_[to] < 0) continue;  // nobody is attached
        const auto& path = cluster_.leaf_path(from, to);
        const auto& image = cluster_.leaf_path(leaves_[from], leaves_[to]);
        if (path.has_value() != image.has_value() || (path && !map(*path, *image))) return false;
      }
    }
    return true;
  }

  bool is_even() const {
    return std::ranges::all_of(cluster_.links(), [&](const Link& link) {
      if (links_[link.id.value] < 0) return true;
      const Link& image = cluster_.link(LinkId(links_[link.id.value]));
      return link.bandwidth == image.bandwidth && link.latency == image.latency;
    });
  }

  const Cluster& cluster_;
  const GpuShift shift_;
  Images nodes_, rails_, domains_, leaves_, links_;
};

std::optional<IdVector<LinkId, LinkId>> Cluster::links_after(const GpuShift& shift) const {
  SymmetryCheck check(*this, shift);
  if (!check.holds()) return std::nullopt;
  return check.links();
}

}  // namespace moesim
