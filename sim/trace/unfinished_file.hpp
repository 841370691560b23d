// A file that gets its name when it is complete: written beside it, renamed at the end, removed if
// the end never comes.
#pragma once

#include <filesystem>

#include "sim/base/error.hpp"

namespace moesim {

// Declare it before what holds the file open, so that the file is closed before it is removed.
class UnfinishedFile {
 public:
  UnfinishedFile(std::filesystem::path path, Spot spot);
  ~UnfinishedFile();
  UnfinishedFile(const UnfinishedFile&) = delete;
  UnfinishedFile& operator=(const UnfinishedFile&) = delete;

  // Where to write.
  const char* name() const { return unfinished_.c_str(); }
  // Throws InputError at `spot` unless a write was done.
  void need(bool done) const;
  // Call it when the file is closed. Throws InputError where it cannot take its name.
  void finish();

 private:
  std::filesystem::path path_, unfinished_;
  Spot spot_;
  bool finished_ = false;
};

}  // namespace moesim
