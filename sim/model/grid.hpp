// Who shares what: the GPUs of a run as pipeline stages, tensor-parallel groups of the dense parts,
// and groups of ranks that share the experts.
//
// World = stages × dp × tp for the dense parts, and stages × edp × ep × etp for the experts, the
// last factor innermost (the order of Megatron-LM; policies.md 4.9). A rank of an expert-parallel
// group is the place of a placement's GPU: its `etp` shards each hold a slice of its experts.
//
// With `attention_gpus` the two parts are on GPUs of their own (MegaScale-Infer, policies.md 3.7):
// the first so many have the dense parts and no expert, the others experts and nothing else. All of
// them are ranks of the one group that exchanges tokens.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/model/cluster.hpp"

namespace moesim {

struct Parallel {
  int ep = 0;  // ranks that share the routed experts of a layer
  int tp = 1, pp = 1, etp = 1;
  // Whether the tokens of a tp group are scattered over its GPUs between the dense parts. Without,
  // all of them hold all tokens, and one all-reduce gathers what their experts computed.
  bool scattered = true;
  std::string collectives = "nccl";  // library of the groups' collectives
  // Shared experts as further experts in the kernel of each GPU's routed ones, of its own tokens.
  bool fused_shared = false;
  // Parts of the model that a stage has, and whether they are dealt in the other direction: the
  // first layers to the last stage.
  int chunks = 1;
  bool mirrored = false;
  int attention_gpus = 0;  // 0: every GPU has experts and dense parts

  bool attends(GpuId gpu) const { return attention_gpus == 0 || gpu.value < attention_gpus; }
  bool holds_experts(GpuId gpu) const { return gpu.value >= attention_gpus; }
  // Of an expert-parallel group: `ep`, and those that have no expert.
  int ranks() const { return ep + attention_gpus; }
};

using GpuGroups = std::vector<std::vector<GpuId>>;

// GPUs that exchange tokens among themselves: shard s of every rank.
struct ExpertGroup {
  std::vector<GpuId> members;              // [ranks], by rank
  std::shared_ptr<const Cluster> cluster;  // of the members alone, numbered by rank
};

class Grid {
 public:
  // `parallel` must divide the cluster (grid_mistake).
  Grid(Parallel parallel, std::shared_ptr<const Cluster> cluster);

  // One expert-parallel group of all GPUs, and nothing else is shared.
  bool plain() const { return plain_; }
  const Parallel& parallel() const { return parallel_; }
  const Cluster& cluster() const { return *cluster_; }
  int stages() const { return parallel_.pp; }
  int stage_gpus() const { return cluster_->gpus() / parallel_.pp; }
  // Of a stage, with attention.
  int attention_gpus() const { return splits() ? parallel_.attention_gpus : stage_gpus(); }
  bool splits() const { return parallel_.attention_gpus > 0; }
  // The first rank that has experts; so have all behind it.
  GpuId first_holder() const { return GpuId(parallel_.attention_gpus); }
  int expert_replicas() const { return stage_gpus() / (ranks() * parallel_.etp); }
  int ranks() const { return parallel_.ranks(); }
  // Of a stage's GPUs, where each one with attention brings so many [GPUs of the stage].
  std::vector<int> brought(int tokens_per_gpu) const;
  // The GPUs of the first expert-parallel group: what placements are made for.
  const std::shared_ptr<const Cluster>& ranks_cluster() const { return groups_[0][0].cluster; }

  int stage_of(GpuId gpu) const { return gpu.value / stage_gpus(); }
  int rank_of(GpuId gpu) const { return gpu.value / parallel_.etp % ranks(); }
  // Of a stage: every expert-parallel group (edp × etp of them); the GPUs that share a rank (edp ×
  // ep groups of etp); those that share the dense parts (dp groups of tp).
  const std::vector<ExpertGroup>& expert_groups(int stage = 0) const { return groups_[at(stage)]; }
  const GpuGroups& shard_groups(int stage = 0) const { return shards_[at(stage)]; }
  const GpuGroups& tensor_groups(int stage = 0) const { return tensors_[at(stage)]; }

  // Layers of a model of so many, dealt evenly over the stages, the first ones to stage 0, and the
  // same again for every further chunk.
  int stage_of_layer(int layer, int layers) const;
  int chunk_of_layer(int layer, int layers) const;
  int stage_of(LayerId moe_layer, const MoeModel& model) const {
    return stage_of_layer(model.moe_layers[moe_layer.index()], model.layers);
  }

 private:
  int block_of_layer(int layer, int layers) const;
  static std::size_t at(int stage) { return static_cast<std::size_t>(stage); }

  Parallel parallel_;
  std::shared_ptr<const Cluster> cluster_;
  bool plain_ = false;
  std::vector<std::vector<ExpertGroup>> groups_;  // [stage]
  std::vector<GpuGroups> shards_, tensors_;       // [stage]
};

// What is wrong with a division of so many GPUs: the key, why, and what would do. An empty key:
// nothing.
struct GridMistake {
  std::string key, message, hint;
};
GridMistake grid_mistake(const Parallel& parallel, int gpus);

}  // namespace moesim
