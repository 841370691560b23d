// Some GPUs of a cluster as a cluster of their own, without its hosts.
#include "sim/model/cluster.hpp"

namespace moesim {

Cluster Cluster::part(const std::vector<GpuId>& members) const {
  Cluster part(*this);
  part.attachments_ = {};
  part.domains_ = {};
  part.gpus_of_node_ = {};
  part.nodes_ = 0;
  part.host_.reset();
  NodeId last;
  for (const GpuId member : members) {
    Attachment attachment = attachments_[member];
    if (attachment.node != last) {
      part.gpus_of_node_.raw().emplace_back();
      ++part.nodes_;
    }
    last = attachment.node;
    attachment.node = NodeId(part.nodes_ - 1);
    std::vector<GpuId>& node = part.gpus_of_node_[attachment.node];
    attachment.rail = static_cast<int>(node.size());
    node.push_back(GpuId(part.gpus()));
    part.attachments_.raw().push_back(std::move(attachment));
    part.domains_.raw().push_back(domains_[member]);
  }
  return part;
}

}  // namespace moesim
