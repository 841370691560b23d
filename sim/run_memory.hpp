// The memory of a run's GPUs: of what is placed, and of what comes for a while.
#pragma once

#include <optional>

#include "sim/layer_builder.hpp"
#include "sim/model/memory.hpp"
#include "sim/model/run_result.hpp"
#include "sim/offload_sizes.hpp"

namespace moesim {

// Of a forward pass, on each GPU. The share of a layer's routes that a GPU's experts compute is the
// largest that `placement` has on `load` [layers × experts]; without both, every rank's is the
// same. Scenario and builder must live as long.
std::function<Bytes(const Workload&, GpuId)> activations_of(const Scenario& scenario,
                                                            const LayerBuilder& builder,
                                                            const Placement* placement = nullptr,
                                                            const ExpertLoad* load = nullptr);

// What check_memory looks at. Of experts, what the placement says or, with `offload`, what is kept.
// Scenario and builder must live as long.
MemoryRequest memory_request(const Scenario& scenario, const Placement& placement,
                             const LayerBuilder& builder,
                             const std::optional<OffloadSizes>& offload,
                             const ExpertLoad* load = nullptr);

// The memory of experts that travelled. Whether a GPU has it shows only after the run.
void add_temporary_copies(const Scenario& scenario, RunResult& result);

}  // namespace moesim
