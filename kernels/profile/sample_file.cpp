#include "kernels/profile/sample_file.hpp"

#include <fstream>
#include <stdexcept>

namespace moesim::kernels {

SampleFile::SampleFile(std::filesystem::path path) : path_(std::move(path)) {
  if (std::filesystem::exists(path_)) read();
  file_.reset(std::fopen(path_.c_str(), "ab"));
  if (!file_) throw std::runtime_error("cannot write " + path_.string());
}

void SampleFile::read() {
  std::ifstream stream(path_);
  std::string line;
  std::uintmax_t good = 0;
  while (std::getline(stream, line)) {
    if (stream.eof()) break;  // no line end: it was cut off
    const Json value = Json::parse(line, nullptr, false);
    if (value.is_discarded())
      throw std::runtime_error(path_.string() +
                               " is not a measurement file: it holds a line that "
                               "is no JSON; name another one");
    if (!header_)
      header_ = value;
    else
      done_.insert(key_of(value));
    good += line.size() + 1;
  }
  const bool ours = header_ && header_->value("schema", "") == "moesim.measurements/1";
  if (!ours && std::filesystem::file_size(path_) > 0)
    throw std::runtime_error(path_.string() + " is not a measurement file; name another one");
  std::filesystem::resize_file(path_, good);
}

// What a point asks for. A sample says too what variant the device took for "usual".
std::string SampleFile::key_of(const Json& point) {
  Json key;
  for (const char* field : {"kernel", "gate", "mode", "dtype", "cache", "shape", "load"})
    if (point.contains(field)) key[field] = point[field];
  key["shape"].erase("ranks");  // no plan knows how many GPUs there are
  key["variant"] = point.value("asked", point.value("variant", ""));
  return key.dump();
}

void SampleFile::write_header(const Json& header) {
  write_line(header);
  header_ = header;
}

void SampleFile::write(const Json& sample) {
  write_line(sample);
  done_.insert(key_of(sample));
}

void SampleFile::write_line(const Json& line) {
  const std::string text = line.dump() + "\n";
  if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size() ||
      std::fflush(file_.get()) != 0)
    throw std::runtime_error("cannot write " + path_.string());
}

}  // namespace moesim::kernels
