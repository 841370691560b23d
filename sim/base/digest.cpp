#include "sim/base/digest.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <fstream>

namespace moesim {
namespace {

constexpr std::uint64_t kOffset = 0xcbf29ce484222325ULL;

std::uint64_t mix(std::uint64_t hash, std::string_view bytes) {
  for (char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

std::string text_of(std::uint64_t hash) { return fmt::format("fnv1a64:{:016x}", hash); }

}  // namespace

std::uint64_t hash_of(std::string_view bytes) { return mix(kOffset, bytes); }

std::string digest(std::string_view bytes) { return text_of(hash_of(bytes)); }

std::string file_digest(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::uint64_t hash = kOffset;
  std::array<char, 65536> buffer;
  while (file.read(buffer.data(), buffer.size()) || file.gcount() > 0)
    hash = mix(hash, {buffer.data(), static_cast<std::size_t>(file.gcount())});
  return text_of(hash);
}

}  // namespace moesim
