// Digests of input files, for a result's provenance: 64-bit FNV-1a, written as hex; the same on
// every machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace moesim {

std::uint64_t hash_of(std::string_view bytes);
std::string digest(std::string_view bytes);
std::string file_digest(const std::filesystem::path& path);

}  // namespace moesim
