// What the GPUs of a stage compute beside the routed experts, as parts of a layer.
//
// With tensor parallelism a group works on the tokens of all its GPUs. Batches of different
// sequences take different times: data-parallel groups then reach their exchanges one after the
// other.
#pragma once

#include <functional>
#include <map>
#include <tuple>

#include "sim/calibration/dense_cost.hpp"
#include "sim/model/grid.hpp"
#include "sim/model/scenario.hpp"
#include "sim/model/token_range.hpp"
#include "sim/overlap/overlap.hpp"
#include "sim/shared_parts.hpp"

namespace moesim {

// One after the other.
void append(Part& part, Part more);

class DenseParts {
 public:
  // The sequences are those of the scenario's workload until others are set.
  DenseParts(const Scenario& scenario, const CostModel& cost);

  // Of the parts from now on: what each GPU of the cluster brings [gpus].
  void set_sequences(IdVector<GpuId, Sequences> sequences);

  // The attention of model layer `layer`; with what stands before the first one, and before a layer
  // for multi-token prediction.
  void add_attention(int layer, const TokenRanges& tokens, LayerParts& parts) const;
  void add_ffn(int stage, const TokenRanges& tokens, LayerParts& parts) const;
  Part router(int stage, const TokenRanges& tokens) const;
  Part shared_experts(int stage, const TokenRanges& tokens) const;
  Part logits(const TokenRanges& tokens) const;  // of the last stage, and sampling

  // That a GPU of the stage sees in router and shared experts [gpus].
  IdVector<GpuId, double> tokens_of_router(int stage, const TokenRanges& tokens) const;

  // The same kernel on every GPU of a stage.
  Part kernel(KernelTime time, Phase phase, int stage, std::string label = {}) const;
  // What each GPU brings, at 16 bits.
  HeldBytes rows(const TokenRanges& tokens) const;

 private:
  // [gpus]: a time for the sequences of each group of a stage.
  using TimeOf = std::function<KernelTime(const Sequences&)>;
  Sequences batch_of(const std::vector<GpuId>& group, const TokenRanges& ranges) const;
  PartTimes times_of(int stage, const TokenRanges& ranges, const TimeOf& time) const;
  // A kernel whose time depends on how many tokens a GPU of the stage sees [gpus].
  Part kernel_of(const IdVector<GpuId, double>& tokens, int stage, Phase phase, std::string label,
                 const std::function<KernelTime(double)>& time) const;
  const std::pair<PartTimes, PartTimes>& attention(int layer, int stage,
                                                   const TokenRanges& tokens) const;
  void begin(int layer, int stage, const TokenRanges& tokens, Part& part) const;
  Part embeddings(int stage, const TokenRanges& tokens) const;
  // That a GPU sees in the dense parts [gpus].
  IdVector<GpuId, double> tokens_of_group(int stage, const TokenRanges& tokens) const;

  const Scenario& scenario_;
  const CostModel& cost_;
  const Grid& grid_;
  MoeModel shard_;  // a GPU's, of the dense parts
  IdVector<GpuId, Sequences> sequences_;
  // Layers and steps have the same sequences: prepare and core by class of attention, stage, and
  // tokens.
  mutable std::map<std::tuple<int, int, std::vector<TokenRange>>, std::pair<PartTimes, PartTimes>>
      attention_;
};

}  // namespace moesim
