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
#include "sim/overlap/overlap.hpp"

namespace moesim {

// Some of the new tokens of each GPU, in the order of its sequences.
struct TokenRange {
  int first = 0, tokens = 0;
};

// One after the other.
void append(Part& part, Part more);

class DenseParts {
 public:
  DenseParts(const Scenario& scenario, const CostModel& cost);

  // The attention of model layer `layer`; with what stands before the first one, and before a layer
  // for multi-token prediction.
  void add_attention(int layer, TokenRange range, LayerParts& parts) const;
  void add_ffn(int stage, int tokens, LayerParts& parts) const;
  Part router(int stage, int tokens) const;
  Part shared_experts(int stage, int tokens) const;
  Part logits(TokenRange range) const;  // of the last stage, and sampling

  double tokens_of_router(int tokens) const;  // that a GPU sees in router and shared experts

  // The same kernel on every GPU of a stage.
  Part kernel(KernelTime time, Phase phase, int stage, std::string label = {}) const;
  // Bytes of the tokens of a tensor-parallel group, of so many of each GPU, at 16 bits.
  Bytes rows_of_group(int tokens) const;

 private:
  // [gpus]: a time for the sequences of each group of a stage.
  using TimeOf = std::function<KernelTime(const Sequences&)>;
  PartTimes times_of(int stage, TokenRange range, const TimeOf& time) const;
  const std::pair<PartTimes, PartTimes>& attention(int layer, int stage, TokenRange range) const;
  void begin(int layer, int stage, TokenRange range, Part& part) const;
  Part embeddings(int stage, int tokens) const;
  double tokens_of_group(int tokens) const;  // that a GPU sees in the dense parts

  const Scenario& scenario_;
  const CostModel& cost_;
  const Grid& grid_;
  MoeModel shard_;  // a GPU's, of the dense parts
  IdVector<GpuId, Sequences> sequences_;
  // Every step has the same sequences: prepare and core by class of attention, stage, and range.
  mutable std::map<std::tuple<int, int, int, int>, std::pair<PartTimes, PartTimes>> attention_;
};

}  // namespace moesim
