#include "kernels/cpu/device.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "kernels/error.hpp"

namespace moesim::kernels {
namespace {

// The value behind `key` in a file of "key : value" lines; empty if it is not there.
std::string value_in(const char* file, const std::string& key) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    const std::size_t colon = line.find(':');
    if (!line.starts_with(key) || colon == std::string::npos) continue;
    const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

std::size_t known(long figure) { return figure > 0 ? static_cast<std::size_t>(figure) : 0; }

class CallGraph : public Graph {
 public:
  explicit CallGraph(std::function<void()> body) : body_(std::move(body)) {}
  void launch(Stream) override { body_(); }

 private:
  std::function<void()> body_;
};

class CallWork : public Work {
 public:
  explicit CallWork(std::function<void()> function) : function_(std::move(function)) {}
  void run(Stream) override { function_(); }

 private:
  std::function<void()> function_;
};

class HostDevice : public Device {
 public:
  HostDevice(std::string backend, std::string library, int threads) {
    utsname machine{};
    uname(&machine);
    const std::string model = value_in("/proc/cpuinfo", "model name");
    facts_ =
        DeviceFacts{.backend = std::move(backend),
                    .name = model.empty() ? machine.machine : model,
                    .architecture = machine.machine,
                    .library = std::move(library),
                    .processors = threads,
                    .memory_bytes = known(sysconf(_SC_PHYS_PAGES)) * known(sysconf(_SC_PAGESIZE)),
                    .cache_bytes = known(sysconf(_SC_LEVEL3_CACHE_SIZE)),
                    .has_fp8 = true};
  }

  const DeviceFacts& facts() const override { return facts_; }

  DeviceHealth health() const override {
    DeviceHealth health;
    const std::string megahertz = value_in("/proc/cpuinfo", "cpu MHz");
    if (!megahertz.empty()) health.clock_hz = std::strtod(megahertz.c_str(), nullptr) * 1e6;
    return health;
  }

  Buffer allocate(std::size_t bytes) override {
    constexpr std::size_t kAlignment = 256;
    const std::size_t whole = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    void* memory = std::aligned_alloc(kAlignment, std::max(whole, kAlignment));
    if (memory == nullptr)
      throw DeviceError("the host has no " + std::to_string(bytes) + " bytes of memory left");
    return Buffer(std::shared_ptr<void>(memory, std::free), bytes);
  }
  Buffer allocate_host(std::size_t bytes) override { return allocate(bytes); }

  void upload(const Buffer& target, std::span<const std::byte> source) override {
    require(source.size() <= target.bytes(), "the upload is larger than its buffer");
    if (!source.empty()) std::memcpy(target.as<void>(), source.data(), source.size());
  }
  void download(std::span<std::byte> target, const Buffer& source) override {
    require(target.size() <= source.bytes(), "the download is larger than its buffer");
    if (!target.empty()) std::memcpy(target.data(), source.as<void>(), target.size());
  }

  void wait(Stream, Stream) override {}
  void synchronize() override {}

  std::unique_ptr<Graph> capture(std::function<void()> body) override {
    return std::make_unique<CallGraph>(std::move(body));
  }
  double seconds(Stream, const std::function<void()>& body) override {
    const auto begin = std::chrono::steady_clock::now();
    body();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }

  double seconds(Graph& graph) override {
    return seconds(Stream::kMain, [&] { graph.launch(Stream::kMain); });
  }

  void flush_cache(Stream) override {
    if (flush_.bytes() == 0)
      flush_ = allocate(2 * std::max<std::size_t>(facts_.cache_bytes, 32 << 20));
    std::memset(flush_.as<void>(), ++flushed_, flush_.bytes());
  }

 private:
  DeviceFacts facts_;
  Buffer flush_;
  unsigned char flushed_ = 0;
};

}  // namespace

std::shared_ptr<Device> make_host_device(std::string backend, std::string library, int threads) {
  return std::make_shared<HostDevice>(std::move(backend), std::move(library), threads);
}

std::unique_ptr<Work> call(std::function<void()> function) {
  return std::make_unique<CallWork>(std::move(function));
}

}  // namespace moesim::kernels
