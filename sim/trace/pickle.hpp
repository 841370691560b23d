// The part of Python's pickle format that torch.save needs for dicts of plain values and tensors.
//
// Nothing in a pickle is ever run: the only names it may refer to are tensors' storages,
// torch._utils._rebuild_tensor_v2 and collections.OrderedDict. Everything else is refused by name.
// Source of the opcodes: CPython's Lib/pickletools.py, protocols 2 to 5.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/base/error.hpp"
#include "sim/trace/npy.hpp"

namespace moesim {

struct PickleValue;
using PickleRef = PickleValue*;  // lives as long as the Pickle it is from

// A storage as a pickle names it: the numbers lie elsewhere in the archive.
struct PickleStorage {
  char kind = 'i';        // of its elements, as in NpyArray; 'B' for bfloat16
  std::size_t width = 0;  // bytes of an element
  std::string key;
  std::int64_t elements = 0;
};

struct PickleValue {
  enum class Kind {
    kNone,
    kBool,
    kInteger,
    kReal,
    kText,
    kSequence,
    kDict,
    kCollective,
    kStorage,
    kName
  };
  Kind kind = Kind::kNone;
  std::int64_t integer = 0;  // or a bool
  double real = 0;
  std::string text;                                      // or "module name" of a kName
  std::vector<PickleRef> items;                          // of a list or tuple
  std::vector<std::pair<PickleRef, PickleRef>> entries;  // of a dict
  NpyArray tensor;                                       // row by row, little-endian
  PickleStorage storage;

  // The entry of a dict with this text as its key; null where there is none.
  const PickleValue* find(std::string_view key) const;
};

// The bytes of the storage with this key.
using StorageBytes = std::function<std::string_view(const std::string& key)>;

// Values refer to each other, in circles where a pickle says so.
struct Pickle {
  std::deque<PickleValue> values;
  PickleRef root = nullptr;
};

// Parses one pickle. Throws InputError at `spot`: cut off, damaged, or something not listed above.
Pickle parse_pickle(std::string_view bytes, const StorageBytes& storages, const Spot& spot);

}  // namespace moesim
