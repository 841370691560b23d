// Zip archives whose members are stored or deflated (APPNOTE 6.3; NumPy writes such, with ZIP64
// fields in the local headers).
#pragma once

#include <string>
#include <vector>

#include "sim/base/error.hpp"

namespace moesim {

struct ZipMember {
  std::string name;
  std::string content;
};

// All members, in the order of the central directory, checked against their CRC-32. Throws
// InputError at `spot` where the archive is damaged or uses what we do not read (encryption, other
// compression).
std::vector<ZipMember> unzip(const std::string& bytes, const Spot& spot);

}  // namespace moesim
