#include "sim/trace/zip.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <cstdint>
#include <string_view>

#include "sim/trace/little_endian.hpp"

namespace moesim {
namespace {

// Little-endian reading with bounds.
class Cursor {
 public:
  Cursor(std::string_view bytes, const Spot& spot) : bytes_(bytes), spot_(spot) {}

  [[noreturn]] void damaged(const std::string& what) const {
    throw InputError(spot_, fmt::format("the zip archive is damaged: {}", what));
  }
  std::string_view view(std::uint64_t at, std::uint64_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) damaged("it is cut off");
    return bytes_.substr(at, size);
  }
  std::uint64_t number(std::uint64_t at, std::uint64_t size) const {
    return little_endian(view(at, size));
  }

 private:
  std::string_view bytes_;
  const Spot& spot_;
};

struct Entry {
  std::uint64_t method = 0, crc = 0, packed = 0, size = 0, header = 0, next = 0;
  std::string name;
};

// Sizes that do not fit 32 bits are all ones there, and in an extra field of id 1 instead.
void read_zip64(const Cursor& cursor, std::uint64_t at, std::uint64_t length, Entry& entry) {
  const std::uint64_t end = at + length;
  while (at + 4 <= end) {
    const std::uint64_t id = cursor.number(at, 2), size = cursor.number(at + 2, 2);
    std::uint64_t field = at + 4;
    at = field + size;
    if (id != 1) continue;
    for (std::uint64_t* value : {&entry.size, &entry.packed, &entry.header}) {
      if (*value != 0xFFFFFFFFU || field + 8 > at) continue;
      *value = cursor.number(field, 8);
      field += 8;
    }
  }
}

Entry read_entry(const Cursor& cursor, std::uint64_t at) {
  if (cursor.number(at, 4) != 0x02014b50) cursor.damaged("its directory has a bad entry");
  const std::uint64_t name = cursor.number(at + 28, 2), extra = cursor.number(at + 30, 2);
  Entry entry{.method = cursor.number(at + 10, 2),
              .crc = cursor.number(at + 16, 4),
              .packed = cursor.number(at + 20, 4),
              .size = cursor.number(at + 24, 4),
              .header = cursor.number(at + 42, 4),
              .next = at + 46 + name + extra + cursor.number(at + 32, 2),
              .name = std::string(cursor.view(at + 46, name))};
  read_zip64(cursor, at + 46 + name, extra, entry);
  if ((cursor.number(at + 8, 2) & 1U) != 0) cursor.damaged("a member is encrypted");
  return entry;
}

std::string inflate_member(const Cursor& cursor, std::string_view packed, const Entry& entry) {
  std::string content(entry.size, '\0');
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) cursor.damaged("zlib cannot start");
  // avail_* are 32-bit, so large members go through in pieces.
  constexpr std::uint64_t kPiece = 1U << 30;
  std::uint64_t read = 0, written = 0;
  int code = Z_OK;
  while (code == Z_OK) {
    const std::uint64_t in = std::min(kPiece, packed.size() - read);
    const std::uint64_t out = std::min(kPiece, content.size() - written);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data() + read));
    stream.avail_in = static_cast<uInt>(in);
    stream.next_out = reinterpret_cast<Bytef*>(content.data() + written);
    stream.avail_out = static_cast<uInt>(out);
    code = inflate(&stream, Z_NO_FLUSH);
    read += in - stream.avail_in;
    written += out - stream.avail_out;
  }
  inflateEnd(&stream);
  if (code != Z_STREAM_END || written != content.size())
    cursor.damaged(fmt::format("member '{}' does not unpack", entry.name));
  return content;
}

std::string read_member(const Cursor& cursor, const Entry& entry) {
  if (cursor.number(entry.header, 4) != 0x04034b50)
    cursor.damaged(fmt::format("member '{}' is not where it should be", entry.name));
  const std::uint64_t start =
      entry.header + 30 + cursor.number(entry.header + 26, 2) + cursor.number(entry.header + 28, 2);
  const std::string_view packed = cursor.view(start, entry.packed);
  // Deflate packs a thousandfold at most: a larger size is not worth the memory to find out.
  if (entry.size / 1100 > entry.packed + 1)
    cursor.damaged(fmt::format("member '{}' has an impossible size", entry.name));
  std::string content;
  if (entry.method == 0) {
    content = std::string(packed);
  } else if (entry.method == 8) {
    content = inflate_member(cursor, packed, entry);
  } else {
    cursor.damaged(fmt::format("member '{}' has the compression {}", entry.name, entry.method));
  }
  uLong crc = crc32(0, nullptr, 0);
  crc = crc32_z(crc, reinterpret_cast<const Bytef*>(content.data()), content.size());
  if (crc != entry.crc) cursor.damaged(fmt::format("member '{}' has another CRC", entry.name));
  return content;
}

}  // namespace

std::vector<ZipMember> unzip(const std::string& bytes, const Spot& spot) {
  const Cursor cursor(bytes, spot);
  const std::size_t end = bytes.rfind("PK\x05\x06");
  if (end == std::string::npos) cursor.damaged("it is cut off");
  std::uint64_t count = cursor.number(end + 10, 2), at = cursor.number(end + 16, 4);
  // A ZIP64 archive has the true numbers in a record of its own, which a locator before the end
  // points to.
  if (end >= 20 && cursor.number(end - 20, 4) == 0x07064b50) {
    const std::uint64_t record = cursor.number(end - 12, 8);
    count = cursor.number(record + 32, 8);
    at = cursor.number(record + 48, 8);
  }
  std::vector<ZipMember> members;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Entry entry = read_entry(cursor, at);
    members.push_back({.name = entry.name, .content = read_member(cursor, entry)});
    at = entry.next;
  }
  return members;
}

}  // namespace moesim
