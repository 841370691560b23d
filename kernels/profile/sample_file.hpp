// The measurement file: written line by line, so that a sweep that is interrupted loses nothing and
// can be gone on with.
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>

#include "kernels/profile/plan.hpp"

namespace moesim::kernels {

class SampleFile {
 public:
  // Opens a new file, or one of an interrupted sweep: its header and samples are then read, and a
  // last line that was cut off is removed. Throws std::runtime_error where it cannot be read.
  explicit SampleFile(std::filesystem::path path);

  const std::optional<Json>& header() const { return header_; }
  void write_header(const Json& header);
  bool has(const Json& point) const { return done_.contains(key_of(point)); }
  std::size_t samples() const { return done_.size(); }
  // A point with its results.
  void write(const Json& sample);

 private:
  static std::string key_of(const Json& point);
  void read();
  void write_line(const Json& line);

  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::filesystem::path path_;
  std::optional<Json> header_;
  std::set<std::string> done_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace moesim::kernels
