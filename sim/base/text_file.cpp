#include "sim/base/text_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "sim/base/yaml.hpp"

namespace moesim {
namespace {

constexpr std::size_t kBlock = 1 << 17;

}  // namespace

ByteReader::ByteReader(const std::filesystem::path& path, std::string shown)
    : shown_(std::move(shown)) {
  errno = 0;
  if (!std::filesystem::is_directory(path)) file_.reset(gzopen(path.c_str(), "rb"));
  if (!file_)
    throw InputError(spot(), fmt::format("cannot read '{}'", shown_),
                     errno != 0 ? std::strerror(errno) : "");
  gzbuffer(file_.get(), kBlock);
}

Spot ByteReader::spot() const { return {.source = text_source(shown_, "")}; }

std::size_t ByteReader::read(char* buffer, std::size_t size) {
  const int count = gzread(file_.get(), buffer, static_cast<unsigned>(size));
  int code = Z_OK;
  const char* message = gzerror(file_.get(), &code);
  // A gzip file that ends early is not an error to gzread until it is closed.
  if (count < 0 || code == Z_BUF_ERROR)
    throw InputError(spot(), "the compressed data is damaged or cut off", message);
  return static_cast<std::size_t>(count);
}

LineReader LineReader::of_text(std::string text, std::string shown) {
  LineReader lines;
  lines.shown_ = std::move(shown);
  lines.buffer_ = std::move(text);
  return lines;
}

bool LineReader::next(std::string& line) {
  while (true) {
    const std::size_t end = buffer_.find('\n', at_);
    if (end != std::string::npos) {
      line.assign(buffer_, at_, end - at_);
      at_ = end + 1;
      break;
    }
    buffer_.erase(0, at_);
    at_ = 0;
    const std::size_t kept = buffer_.size();
    if (bytes_) {
      buffer_.resize(kept + kBlock);
      buffer_.resize(kept + bytes_->read(buffer_.data() + kept, kBlock));
      if (buffer_.size() > kept) continue;
    }
    if (buffer_.empty()) return false;
    line = std::move(buffer_);
    buffer_.clear();
    break;
  }
  ++line_;
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return true;
}

Spot LineReader::file_spot() const { return {.source = text_source(shown_, "")}; }

Spot LineReader::spot(const std::string& line, std::size_t column) const {
  // The source holds nothing but this line, at its number.
  auto source = std::make_shared<SourceText>();
  source->name = shown_;
  source->lines.resize(static_cast<std::size_t>(line_));
  source->lines.back() = line;
  return {.source = source, .line = line_, .column = static_cast<int>(column) + 1};
}

std::string read_bytes(const std::filesystem::path& path, const std::string& shown) {
  ByteReader reader(path, shown);
  std::string text;
  for (std::size_t count = kBlock; count == kBlock;) {
    const std::size_t before = text.size();
    text.resize(before + kBlock);
    count = reader.read(text.data() + before, kBlock);
    text.resize(before + count);
  }
  return text;
}

nlohmann::json parse_json(const std::string& text, const std::string& shown) {
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    const std::size_t at = std::min(text.size(), error.byte > 0 ? error.byte - 1 : 0);
    Spot spot{.source = text_source(shown, text)};
    spot.line = 1 + static_cast<int>(std::count(
                        text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
    const std::size_t line_start = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
    spot.column = static_cast<int>(at - (line_start == std::string::npos ? 0 : line_start + 1)) + 1;
    throw InputError(spot, at >= text.size() ? "the JSON text ends too early" : "this is not JSON");
  }
}

}  // namespace moesim
