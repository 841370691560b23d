#include "sim/trace/unfinished_file.hpp"

#include <fmt/format.h>

#include <system_error>

namespace moesim {

UnfinishedFile::UnfinishedFile(std::filesystem::path path, Spot spot)
    : path_(std::move(path)), unfinished_(path_), spot_(std::move(spot)) {
  unfinished_ += ".unfinished";
}

UnfinishedFile::~UnfinishedFile() {
  std::error_code error;
  if (!finished_) std::filesystem::remove(unfinished_, error);
}

void UnfinishedFile::need(bool done) const {
  if (!done)
    throw InputError(spot_, fmt::format("cannot write '{}'", path_.string()),
                     "is there a folder of that name, the right to write to it, and room?");
}

void UnfinishedFile::finish() {
  std::error_code error;
  std::filesystem::rename(unfinished_, path_, error);
  need(!error);
  finished_ = true;
}

}  // namespace moesim
