// Tensors as PyTorch pickles them: a view of a storage with an offset and strides.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sim/trace/pickle.hpp"

namespace moesim {

// "torch.IntStorage", …: kind and width of its elements; none where that is no storage we read.
std::optional<PickleStorage> storage_type(std::string_view name);

// The arguments of torch._utils._rebuild_tensor_v2: storage, offset, size, stride, and more that
// does not matter here. bfloat16 becomes float32. Throws InputError at `spot`.
NpyArray rebuild_tensor(std::span<const PickleRef> arguments, const StorageBytes& storages,
                        const Spot& spot);

// bfloat16 numbers as float32.
std::string widen_bfloat16(std::string_view bytes);

}  // namespace moesim
