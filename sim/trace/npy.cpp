#include "sim/trace/npy.hpp"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cstring>
#include <string_view>

#include "sim/base/check.hpp"
#include "sim/trace/half.hpp"
#include "sim/trace/zip.hpp"

namespace moesim {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays are read as they lie in memory");

template <class T>
T load(const std::string& data, std::size_t at) {
  T value;
  std::memcpy(&value, data.data() + at, sizeof(T));
  return value;
}

// What follows `'key':` in the header, a Python dict written by NumPy.
std::string_view value_of(std::string_view header, std::string_view key) {
  const std::size_t at = header.find(fmt::format("'{}':", key));
  if (at == std::string_view::npos) return {};
  std::string_view value = header.substr(at + key.size() + 3);
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  return value;
}

bool parse_shape(std::string_view text, std::vector<std::int64_t>& shape) {
  if (text.empty() || text.front() != '(') return false;
  text = text.substr(1, text.find(')') - 1);
  while (!text.empty()) {
    const std::size_t digit = text.find_first_of("0123456789");
    if (digit == std::string_view::npos) return true;
    std::int64_t extent = 0;
    const auto [end, error] =
        std::from_chars(text.data() + digit, text.data() + text.size(), extent);
    if (error != std::errc()) return false;
    shape.push_back(extent);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  return true;
}

bool is_supported(char kind, std::size_t width) {
  if (kind == 'f') return width == 2 || width == 4 || width == 8;
  if (kind == 'U') return width % 4 == 0;
  if (kind == 'b') return width == 1;
  return (kind == 'i' || kind == 'u') && (width == 1 || width == 2 || width == 4 || width == 8);
}

void append_utf8(std::string& text, std::uint32_t point) {
  const auto add = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (point < 0x80) {
    add(point);
  } else if (point < 0x800) {
    add(0xC0 | point >> 6);
    add(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    add(0xE0 | point >> 12);
    add(0x80 | (point >> 6 & 0x3F));
    add(0x80 | (point & 0x3F));
  } else {
    add(0xF0 | point >> 18);
    add(0x80 | (point >> 12 & 0x3F));
    add(0x80 | (point >> 6 & 0x3F));
    add(0x80 | (point & 0x3F));
  }
}

}  // namespace

std::int64_t NpyArray::size() const {
  std::int64_t product = 1;
  for (const std::int64_t extent : shape) product *= extent;
  return product;
}

std::int64_t NpyArray::integer(std::int64_t i) const {
  const std::size_t at = static_cast<std::size_t>(i) * width;
  switch (kind) {
    case 'i':
      return width == 1   ? load<std::int8_t>(data, at)
             : width == 2 ? load<std::int16_t>(data, at)
             : width == 4 ? load<std::int32_t>(data, at)
                          : load<std::int64_t>(data, at);
    case 'f':
      return static_cast<std::int64_t>(number(i));
    default:
      MOESIM_CHECK(kind != 'U', "texts are not asked for as numbers");
      return width == 1   ? load<std::uint8_t>(data, at)
             : width == 2 ? load<std::uint16_t>(data, at)
             : width == 4 ? static_cast<std::int64_t>(load<std::uint32_t>(data, at))
                          : static_cast<std::int64_t>(load<std::uint64_t>(data, at));
  }
}

double NpyArray::number(std::int64_t i) const {
  if (kind != 'f') return static_cast<double>(integer(i));
  const std::size_t at = static_cast<std::size_t>(i) * width;
  return width == 2   ? static_cast<double>(half_to_float(load<std::uint16_t>(data, at)))
         : width == 4 ? static_cast<double>(load<float>(data, at))
                      : load<double>(data, at);
}

std::string NpyArray::text(std::int64_t i) const {
  MOESIM_CHECK(kind == 'U', "only texts are asked for as texts");
  std::string text;
  for (std::size_t at = static_cast<std::size_t>(i) * width;
       at < (static_cast<std::size_t>(i) + 1) * width; at += 4)
    if (const std::uint32_t point = load<std::uint32_t>(data, at); point != 0)
      append_utf8(text, point);
  return text;
}

NpyArray parse_npy(std::string bytes, const std::string& name, const Spot& spot) {
  const auto fail = [&](const std::string& what) {
    throw InputError(spot, fmt::format("array '{}' {}", name, what));
  };
  if (!bytes.starts_with("\x93NUMPY") || bytes.size() < 12) fail("is not in NumPy's format");
  const int version = bytes[6];
  if (version < 1 || version > 3) fail(fmt::format("has the format version {}", version));
  const std::size_t prefix = version == 1 ? 10 : 12;
  const std::size_t length =
      version == 1 ? load<std::uint16_t>(bytes, 8) : load<std::uint32_t>(bytes, 8);
  if (bytes.size() < prefix + length) fail("is cut off");
  const std::string header = bytes.substr(prefix, length);

  NpyArray array;
  const std::string_view type = value_of(header, "descr");
  std::size_t digits = 0;
  if (type.size() > 4 && (type[0] == '\'' || type[0] == '"'))
    for (std::size_t i = 3; i < type.size() && type[i] >= '0' && type[i] <= '9'; ++i)
      digits = digits * 10 + static_cast<std::size_t>(type[i] - '0');
  if (digits > 0) array.kind = type[2];
  array.width = array.kind == 'U' ? 4 * digits : digits;
  if (digits == 0 || type[1] == '>' || !is_supported(array.kind, array.width))
    fail(fmt::format("has the type {}", type.substr(0, type.find(','))));
  if (!value_of(header, "fortran_order").starts_with("False")) fail("is in Fortran order");
  if (!parse_shape(value_of(header, "shape"), array.shape)) fail("has no shape");

  array.data = bytes.substr(prefix + length);
  std::uint64_t room = array.data.size() / array.width;
  for (const std::int64_t extent : array.shape) {
    if (extent > 0 && static_cast<std::uint64_t>(extent) > room) fail("is cut off");
    if (extent > 0) room /= static_cast<std::uint64_t>(extent);
  }
  return array;
}

std::map<std::string, NpyArray> parse_npz(const std::string& bytes, const Spot& spot) {
  std::map<std::string, NpyArray> arrays;
  for (ZipMember& member : unzip(bytes, spot)) {
    std::string name = member.name;
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    arrays[name] = parse_npy(std::move(member.content), name, spot);
  }
  return arrays;
}

}  // namespace moesim
