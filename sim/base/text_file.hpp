// Text files that are read line by line, gzipped or not, and JSON documents with placed errors.
#pragma once

#include <zlib.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "sim/base/error.hpp"

namespace moesim {

// A file whose bytes come through zlib, which passes plain files on unchanged.
class ByteReader {
 public:
  // `shown` is the name in messages. Throws InputError where the file cannot be opened.
  ByteReader(const std::filesystem::path& path, std::string shown);

  // Up to `size` bytes into `buffer`; less only at the end. Throws InputError where the
  // compression is broken.
  std::size_t read(char* buffer, std::size_t size);
  // The place of the file as a whole.
  Spot spot() const;

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };
  std::string shown_;
  std::unique_ptr<gzFile_s, Close> file_;
};

class LineReader {
 public:
  LineReader(const std::filesystem::path& path, std::string shown)
      : shown_(std::move(shown)), bytes_(ByteReader(path, shown_)) {}

  // Of a text that is there already.
  static LineReader of_text(std::string text, std::string shown);

  // The next line without its end; false at the end of the file.
  bool next(std::string& line);
  int line_number() const { return line_; }  // of the line read last, from 1
  // A place in the line read last.
  Spot spot(const std::string& line, std::size_t column = 0) const;
  Spot file_spot() const;

 private:
  LineReader() = default;

  std::string shown_;
  std::optional<ByteReader> bytes_;  // none: the buffer holds all there is
  std::string buffer_;
  std::size_t at_ = 0;
  int line_ = 0;
};

// A whole file. Throws InputError.
std::string read_bytes(const std::filesystem::path& path, const std::string& shown);

// Throws InputError where the syntax breaks. `shown` names the text in messages.
nlohmann::json parse_json(const std::string& text, const std::string& shown);

}  // namespace moesim
