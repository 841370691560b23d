// The directory that `-o DIR` names: created if absent, filled if empty, replaced if it holds a
// result of moesim, else an error (DESIGN §7).
//
// Files are written to a temporary sibling, which takes the directory's place in one step when all
// is done. Whatever ends the program before that (an error, an interrupt) leaves nothing behind
// and the old result as it was.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace moesim {

class OutputDirectory {
 public:
  // Checks `path` and makes the sibling. Throws InputError where `path` is a file, a directory with
  // something else in it, or in a folder that cannot be written. One at a time.
  explicit OutputDirectory(const std::filesystem::path& path);
  ~OutputDirectory();  // removes the sibling unless it was committed
  OutputDirectory(const OutputDirectory&) = delete;
  OutputDirectory& operator=(const OutputDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // Where a file of the result is to be written until commit(); `name` is one of DESIGN §7's.
  std::filesystem::path file(const std::string& name) const;
  // Throws std::runtime_error where it cannot be written (a full disk).
  void write(const std::string& name, std::string_view text) const;
  // A file that was written; none: it was not.
  std::optional<std::string> read(const std::string& name) const;
  void commit();

  // The rules alone, for --dry-run and for a check before a long run.
  static void check(const std::filesystem::path& path);

 private:
  std::filesystem::path path_;
  std::filesystem::path sibling_;
  bool committed_ = false;
};

}  // namespace moesim
