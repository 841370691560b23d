#include "sim/trace/safetensors.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "sim/trace/little_endian.hpp"
#include "sim/trace/rebuild_tensor.hpp"

namespace moesim {
namespace {

using Json = nlohmann::json;

struct Type {
  const char* name;
  char kind;
  std::size_t width;
};
constexpr Type kTypes[] = {{"BOOL", 'b', 1}, {"U8", 'u', 1},   {"I8", 'i', 1},  {"I16", 'i', 2},
                           {"U16", 'u', 2},  {"I32", 'i', 4},  {"U32", 'u', 4}, {"I64", 'i', 8},
                           {"U64", 'u', 8},  {"BF16", 'B', 2}, {"F16", 'f', 2}, {"F32", 'f', 4},
                           {"F64", 'f', 8}};

NpyArray read_tensor(const Json& entry, std::string_view data) {
  const std::string name = entry.at("dtype").get<std::string>();
  const Type* type = std::ranges::find(kTypes, name, &Type::name);
  if (type == std::end(kTypes)) throw std::runtime_error(fmt::format("of the type '{}'", name));
  NpyArray tensor{.kind = type->kind,
                  .width = type->width,
                  .shape = entry.at("shape").get<std::vector<std::int64_t>>()};
  const auto [begin, end] = entry.at("data_offsets").get<std::pair<std::size_t, std::size_t>>();
  if (begin > end || end > data.size()) throw std::runtime_error("cut off");
  std::size_t elements = (end - begin) / type->width;
  for (const std::int64_t extent : tensor.shape) {
    if (extent < 0) throw std::runtime_error("of a negative size");
    elements = extent == 0 ? 0 : elements / static_cast<std::size_t>(extent);
  }
  const bool is_empty = std::ranges::count(tensor.shape, 0) > 0;
  if ((!is_empty && elements != 1) ||
      static_cast<std::size_t>(tensor.size()) * type->width != end - begin)
    throw std::runtime_error("of another size than its shape tells");
  tensor.data = data.substr(begin, end - begin);
  if (tensor.kind != 'B') return tensor;
  return {.kind = 'f', .width = 4, .shape = tensor.shape, .data = widen_bfloat16(tensor.data)};
}

}  // namespace

std::map<std::string, NpyArray> parse_safetensors(std::string_view bytes, const Spot& spot) {
  const std::uint64_t length = little_endian(bytes.substr(0, 8));
  if (bytes.size() < 8 || length > bytes.size() - 8)
    throw InputError(spot, "the safetensors file is cut off");
  const Json header = Json::parse(bytes.substr(8, length), nullptr, false);
  if (!header.is_object()) throw InputError(spot, "the header of the safetensors file is not JSON");
  std::map<std::string, NpyArray> tensors;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    try {
      tensors[name] = read_tensor(entry, bytes.substr(8 + length));
    } catch (const Json::exception&) {
      throw InputError(spot, fmt::format("tensor '{}' has no dtype, shape or data_offsets", name));
    } catch (const std::runtime_error& error) {
      throw InputError(spot, fmt::format("tensor '{}' is {}", name, error.what()));
    }
  }
  return tensors;
}

}  // namespace moesim
