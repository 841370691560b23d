#include "sim/trace/rebuild_tensor.hpp"

#include <fmt/format.h>

#include <map>

namespace moesim {
namespace {

using Kind = PickleValue::Kind;

std::vector<std::int64_t> numbers_of(const PickleValue& sequence) {
  std::vector<std::int64_t> numbers;
  for (const PickleRef item : sequence.items) numbers.push_back(item->integer);
  return numbers;
}

struct View {
  std::int64_t offset = 0;
  std::vector<std::int64_t> size, stride;
};

// The highest element that the view touches; −1 where it is empty. Throws where it is not sane.
std::int64_t last_element(const View& view, std::int64_t limit) {
  std::int64_t last = view.offset, count = 1;
  for (std::size_t axis = 0; axis < view.size.size(); ++axis) {
    const std::int64_t size = view.size[axis], stride = view.stride[axis];
    if (size < 0 || stride < 0 || size > limit || stride > limit) return limit;
    if (size == 0) return -1;
    if (count > limit / size || (stride > 0 && size - 1 > limit / stride)) return limit;
    count *= size;
    last += (size - 1) * stride;
  }
  return last;
}

// Appends the elements of the axes from `axis` on.
void gather(const View& view, std::size_t axis, std::int64_t at, std::string_view bytes,
            std::size_t width, std::string& out) {
  const std::int64_t size = axis < view.size.size() ? view.size[axis] : 1;
  const bool is_last = axis + 1 >= view.size.size();
  if (is_last && (axis >= view.stride.size() || view.stride[axis] == 1 || size == 1)) {
    out +=
        bytes.substr(static_cast<std::size_t>(at) * width, static_cast<std::size_t>(size) * width);
    return;
  }
  for (std::int64_t i = 0; i < size; ++i, at += view.stride[axis])
    is_last ? void(out += bytes.substr(static_cast<std::size_t>(at) * width, width))
            : gather(view, axis + 1, at, bytes, width, out);
}

}  // namespace

std::optional<PickleStorage> storage_type(std::string_view name) {
  static const std::map<std::string, PickleStorage, std::less<>> types = {
      {"torch.BoolStorage", {.kind = 'b', .width = 1, .key = {}}},
      {"torch.ByteStorage", {.kind = 'u', .width = 1, .key = {}}},
      {"torch.CharStorage", {.kind = 'i', .width = 1, .key = {}}},
      {"torch.ShortStorage", {.kind = 'i', .width = 2, .key = {}}},
      {"torch.IntStorage", {.kind = 'i', .width = 4, .key = {}}},
      {"torch.LongStorage", {.kind = 'i', .width = 8, .key = {}}},
      {"torch.HalfStorage", {.kind = 'f', .width = 2, .key = {}}},
      {"torch.BFloat16Storage", {.kind = 'B', .width = 2, .key = {}}},
      {"torch.FloatStorage", {.kind = 'f', .width = 4, .key = {}}},
      {"torch.DoubleStorage", {.kind = 'f', .width = 8, .key = {}}}};
  const auto found = types.find(name);
  return found == types.end() ? std::nullopt : std::optional(found->second);
}

std::string widen_bfloat16(std::string_view bytes) {
  std::string wide;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    wide.append(2, '\0');
    wide += bytes.substr(i, 2);
  }
  return wide;
}

NpyArray rebuild_tensor(std::span<const PickleRef> arguments, const StorageBytes& storages,
                        const Spot& spot) {
  const auto damaged = [&](const std::string& what) {
    return InputError(spot, fmt::format("the pickle is damaged: {}", what));
  };
  if (arguments.size() < 4 || arguments[0]->kind != Kind::kStorage)
    throw damaged("a tensor has no storage");
  const PickleStorage& storage = arguments[0]->storage;
  const std::string_view bytes = storages(storage.key);
  const View view{.offset = arguments[1]->integer,
                  .size = numbers_of(*arguments[2]),
                  .stride = numbers_of(*arguments[3])};
  const auto elements = static_cast<std::int64_t>(bytes.size() / storage.width);
  if (storage.elements > elements)
    throw damaged(
        fmt::format("storage '{}' has {} of {} elements", storage.key, elements, storage.elements));
  if (view.size.size() != view.stride.size() || view.offset < 0 ||
      last_element(view, elements) >= elements)
    throw damaged(fmt::format("a tensor reaches beyond its storage '{}'", storage.key));
  NpyArray tensor{.kind = storage.kind, .width = storage.width, .shape = view.size};
  if (tensor.size() > 0) gather(view, 0, view.offset, bytes, storage.width, tensor.data);
  if (tensor.kind != 'B') return tensor;
  tensor.data = widen_bfloat16(tensor.data);
  tensor.kind = 'f';
  tensor.width = 4;
  return tensor;
}

}  // namespace moesim
