// What a kernel costs on a GPU, and what an exchange library adds to the wire.
//
// A cost model is put together from calibrations (sim/calibration). Everything left of it asks
// through this header only.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sim/base/units.hpp"
#include "sim/model/collective.hpp"
#include "sim/model/exchange_cost.hpp"
#include "sim/model/moe_model.hpp"

namespace moesim {

// Time of a kernel alone on its GPU. Only the compute part slows down when SMs are taken away.
struct KernelTime {
  Seconds compute;
  Seconds memory;
  int launches = 0;  // kernels that a host launches for it
  Seconds total() const { return compute + memory; }
  KernelTime& operator+=(KernelTime other) {
    compute += other.compute;
    memory += other.memory;
    launches += other.launches;
    return *this;
  }
};

// One call of the grouped expert FFN of one GPU: permute, GEMMs, activation, un-permute.
struct ExpertWork {
  int hidden = 0;
  int width = 0;     // expert width / tensor parallel
  int matrices = 3;  // 3 = gated, 2 = plain
  DType dtype = DType::kBf16;
  int top_k = 1;
  std::span<const int> tokens;  // rows of each local expert slot, [slots]; 0 = not active
  double input_tokens = 0;      // distinct tokens in the kernel's input buffer
  int routed_experts = 0;       // experts that the kernel sorts routes among; 0 = its own slots
  double usual_rows = 0;        // rows per expert that its tiles are tuned for (the routes of the
                                // whole group / experts); 0 = the mean over `tokens`
};

// Of a model's routed experts, or of a 1 / `shards` slice of each. `rows` must live as long.
inline ExpertWork expert_work(const MoeModel& model, std::span<const int> rows, double input_tokens,
                              double usual_rows = 0, int shards = 1) {
  return {.hidden = model.hidden,
          .width = model.expert_width / shards,
          .matrices = model.expert_matrices,
          .dtype = model.expert_dtype,
          .top_k = model.top_k,
          .tokens = rows,
          .input_tokens = input_tokens,
          .routed_experts = model.experts,
          .usual_rows = usual_rows};
}

// C[m,n] = A[m,k] · B[k,n], for each group.
struct GemmWork {
  double m = 0, n = 0, k = 0;
  DType dtype = DType::kBf16;
  double groups = 1;        // products of the same shape in one call
  bool quantised = false;   // activations are in the type already; else they are brought to it
  double result_bytes = 2;  // for an element of C; a product that is added to a sum reads that, too
};

// Attention core of one layer and GPU (no projections).
struct AttentionWork {
  double query_tokens = 0;  // new tokens on the GPU
  double kv_read = 0;       // bytes of KV cache that are read once
  double flops = 0;
  // What forms of attention kernels look at beside that.
  AttentionKind kind = AttentionKind::kMha;
  bool decode = false;
  double sequences = 0;           // that the new tokens belong to
  int heads = 0;                  // of queries, on the GPU
  int kv_heads = 0;               // that the kernel reads: 1 where a latent is absorbed
  int query_width = 0;            // columns of a query and key of one head
  int value_width = 0;            // columns of a value of one head
  int kv_width = 0;               // cached columns of a token for each of its KV heads
  double attended = 0;            // mean tokens that a new token attends to
  double longest = 0;             // the most that one attends to
  DType kv_dtype = DType::kBf16;  // of the KV cache
};

// Top-k selection of one layer and GPU from ready-made logits (no router GEMM).
struct GateWork {
  double tokens = 0;
  int experts = 0;
  int top_k = 1;
};

// How far a prediction may be off, from the calibration's held-out rows: 0.06 = ± 6 %.
struct HeldOutError {
  std::string kernel;
  double mape = 0;
  bool measured = false;  // false: a datasheet roofline, nobody measured it

  bool operator==(const HeldOutError&) const = default;
};

class CostModel {
 public:
  virtual ~CostModel() = default;
  virtual KernelTime experts(const ExpertWork& work) const = 0;
  virtual KernelTime gemm(const GemmWork& work) const = 0;
  virtual KernelTime attention(const AttentionWork& work) const = 0;
  virtual KernelTime gate(const GateWork& work) const = 0;
  // Memory-bound elementwise work over so many bytes (norms).
  virtual KernelTime memory_pass(Bytes bytes) const = 0;
  // `library` is "deepep_normal", "deepep_low_latency", "nccl", …; `phase` "dispatch" or "combine";
  // `crosses_nodes` says whether the group spans several NVLink domains.
  virtual ExchangeCost exchange(const std::string& library, const std::string& phase,
                                bool crosses_nodes) const = 0;
  // The fastest form that a calibration has for a collective of `size` bytes (collective.hpp) over
  // ports of these rates. `library` is "nccl", "trtllm", …; whatever it lacks is NCCL's.
  virtual CollectiveChoice collective(CollectiveKind kind, const CollectiveGroup& group, Bytes size,
                                      const PortRates& rates, const std::string& library) const = 0;
  // What was used so far: for the result's provenance, warnings and uncertainty.
  virtual std::vector<HeldOutError> errors() const = 0;
  virtual std::vector<std::string> warnings() const = 0;
  virtual std::vector<std::string> names() const = 0;  // calibrations, in the order of merging
};

}  // namespace moesim
