// A cluster: GPUs and the directed links between them, as a Boost graph, and the route a message
// takes.
//
// The graph is the truth. From it each GPU's attachment (its NVLink port, its way out through a NIC
// to a leaf switch) and the paths between leaf switches are derived once, so that a route is a few
// array reads: nothing of size GPUs² is stored. One `route()` feeds every network fidelity.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/error.hpp"
#include "sim/base/ids.hpp"
#include "sim/base/units.hpp"
#include "sim/model/moe_model.hpp"

namespace moesim {

struct GpuSpec {
  std::string name;  // "H200 SXM"
  Bytes memory;
  BytesPerSecond memory_bandwidth;
  std::map<DType, FlopsPerSecond> peak;  // dense, without sparsity
  int sms = 0;
  BytesPerSecond pcie;  // to the host, one way
  // Peak of a dtype; a dtype the GPU has no units for runs at the peak of the next wider one that
  // it is unpacked to (mxfp4 and int8 weights to bf16).
  FlopsPerSecond peak_of(DType dtype) const;
  DType runs_as(DType dtype) const;  // that dtype, or the wider one
};

// What a node has beside its GPUs: of copies between host memory, disks and GPUs, and of work on
// the CPU. Rates are one way, and what copies reach.
struct HostSpec {
  BytesPerSecond bandwidth;  // between host memory and one GPU
  Seconds latency;           // of such a copy, its launch included
  std::optional<Bytes> memory;
  BytesPerSecond memory_bandwidth;  // of all GPUs' copies together, and of the CPU
  FlopsPerSecond cpu;
  BytesPerSecond disk;
  Seconds disk_latency;
};

// NIC to leaf switch is kNic; leaf to spine is kSpine. kHost leads to host memory, kDisk from there
// to the node's disks.
enum class LinkKind { kNvLink, kPcie, kNic, kSpine, kHost, kDisk };
std::string to_string(LinkKind kind);   // "nvlink", …
std::string shown_name(LinkKind kind);  // "NVLink", …

struct Link {
  std::string name;  // "node0.gpu3.nvlink_out", …: unique
  LinkKind kind = LinkKind::kNvLink;
  BytesPerSecond bandwidth;  // what is left of it for the run
  Seconds latency;
  // Shares of the whole bandwidth that are lost: to other traffic, to collisions of hashed paths.
  double background = 0, hash_loss = 0;
  // Set by Cluster:
  LinkId id;
  // False: the NICs beside it cannot fill it. Routes leave it out, and keep its latency.
  bool can_fill = true;
};

class ClusterGraph;  // sim/model/cluster_graph.hpp

// Where weights are.
enum class Store { kGpu, kHost, kDisk };

// How traffic between GPUs on different rails of different nodes travels (DESIGN §5).
enum class RouteRule {
  kDirect,      // source NIC → fabric → target NIC
  kPxn,         // NVLink to the peer on the target's rail, then that peer's NIC (NCCL PXN)
  kSourceRail,  // the source's rail to the peer in the target node, then NVLink (DeepEP)
};

// The links of one message, in order; `relay` forwards it, if anybody does.
struct Route {
  static constexpr int kMaximumLinks = 12;
  std::array<LinkId, kMaximumLinks> links{};
  int count = 0;
  int relay_after = 0;  // links before the relay; meaningless without one
  GpuId relay;
  bool crosses_spine = false;  // between leaves, also where the spine cannot be full
  Seconds latency;
  void append(LinkId link, Seconds link_latency);
};

// Another numbering of GPUs: in every `block` of neighbours each takes the number of the one
// `stride` further on, and the last of a block those of its first.
struct GpuShift {
  int stride = 1, block = 1;  // block divides the number of GPUs, stride the block
  GpuId operator()(GpuId gpu) const {
    const int place = gpu.value % block;
    return GpuId(gpu.value - place + (place + stride) % block);
  }
};

class Cluster {
 public:
  // Derives attachments and fabric paths. `graph` has GPUs numbered from 0, node by node. Throws
  // InputError at `spot` where a bandwidth is not above 0, or two GPUs cannot reach each other.
  // `host`: where the graph has copy engines, memories and disks.
  Cluster(ClusterGraph graph, GpuSpec gpu, Spot spot, std::optional<HostSpec> host = {});

  // These GPUs alone, numbered in this order, which is that of their nodes; the links are those of
  // the whole.
  Cluster part(const std::vector<GpuId>& members) const;

  int gpus() const { return static_cast<int>(attachments_.size()); }
  int nodes() const { return nodes_; }
  NodeId node_of(GpuId gpu) const { return attachments_[gpu].node; }
  int rail_of(GpuId gpu) const { return attachments_[gpu].rail; }
  // GPUs of a node in order; a rail is an index into this list.
  const std::vector<GpuId>& gpus_of(NodeId node) const { return gpus_of_node_[node]; }
  // The GPU of `node` on the rail of `gpu` (rail modulo the node's GPUs).
  GpuId rail_peer(NodeId node, GpuId gpu) const;
  bool same_node(GpuId a, GpuId b) const { return node_of(a) == node_of(b); }
  // Whether two GPUs reach each other without a NIC.
  bool same_domain(GpuId a, GpuId b) const {
    return domains_[a] >= 0 && domains_[a] == domains_[b];
  }

  const GpuSpec& gpu() const { return gpu_; }
  const std::vector<Link>& links() const { return links_; }  // by LinkId
  const Link& link(LinkId id) const { return links_[id.index()]; }
  const ClusterGraph& graph() const { return *graph_; }

  // source ≠ target.
  Route route(GpuId source, GpuId target, RouteRule rule) const;
  // Between two of a GPU, its node's memory and its node's disks, which differ. Where there is a
  // host.
  Route store_route(GpuId gpu, Store from, Store to) const;
  const std::optional<HostSpec>& host() const { return host_; }

  // The link that takes the place of each [links], if no route can tell the GPUs' other numbers
  // from their own: under every rule, the route between two shifted GPUs is the shifted route, as
  // fast.
  std::optional<IdVector<LinkId, LinkId>> links_after(const GpuShift& shift) const;

 private:
  // Links that can be full, and the latency of all that are passed.
  struct Path {
    std::vector<LinkId> links;
    Seconds latency;
    void append(const Link& link);
  };
  struct Attachment {
    NodeId node;
    int rail = 0;
    std::vector<LinkId> up, down;  // GPU ↔ domain, all links
    Path out, in;                  // GPU ↔ leaf, through its NIC
    int leaf = -1;                 // −1 = no NIC
  };
  // Links between the stores of a GPU, in the direction of the name.
  struct HostPaths {
    std::vector<LinkId> out, in;      // GPU → memory, memory → GPU
    std::vector<LinkId> write, read;  // memory → disk, disk → memory
  };
  class SymmetryCheck;
  void number_links(ClusterGraph& graph, const Spot& spot);
  void number_gpus();
  void attach_domain(GpuId gpu, std::size_t vertex, const Spot& spot);
  void attach_nic(Attachment& attachment, std::size_t vertex, const Spot& spot) const;
  void find_leaf_paths(ClusterGraph& graph);
  void find_host_paths(const Spot& spot);
  void check_reachable(const Spot& spot) const;
  const std::optional<Path>& leaf_path(int from, int to) const {
    return leaf_paths_[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
  }
  void append_local(Route& route, GpuId source, GpuId target) const;
  void append_fabric(Route& route, GpuId source, GpuId target) const;

  std::shared_ptr<const ClusterGraph> graph_;  // of all copies of the cluster
  GpuSpec gpu_;
  std::optional<HostSpec> host_;
  IdVector<GpuId, HostPaths> host_paths_;  // none without hosts
  int nodes_ = 0;
  std::vector<Link> links_;
  IdVector<GpuId, Attachment> attachments_;
  IdVector<GpuId, int> domains_;  // NVSwitch (or PCIe root) that the GPU is on; −1 = none
  IdVector<NodeId, std::vector<GpuId>> gpus_of_node_;
  // [leaf][leaf]; no value: no way.
  std::vector<std::vector<std::optional<Path>>> leaf_paths_;
};

}  // namespace moesim
