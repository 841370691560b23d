// Copies with as many threads as are asked for.
#include "kernels/copy.hpp"

#include <atomic>
#include <cstdint>
#include <cstring>

#include "kernels/cpu/cpu.hpp"
#include "kernels/cpu/device.hpp"

namespace moesim::kernels {
namespace {

constexpr long kLeast = 1 << 16;  // bytes worth another thread

// memcpy of a share of 16-byte pieces to each of `parts` threads.
void copy_in_parts(Threads& threads, int parts, const void* source, void* target,
                   std::size_t bytes) {
  const std::size_t pieces = bytes / 16;
  threads.each(parts, [&](int part) {
    const std::size_t begin = pieces * part / parts * 16;
    const std::size_t end = part + 1 == parts ? bytes : pieces * (part + 1) / parts * 16;
    std::memcpy(static_cast<char*>(target) + begin, static_cast<const char*>(source) + begin,
                end - begin);
  });
}

void pass_over(Threads& threads, const MemoryPassArguments& arguments) {
  std::atomic<std::uint32_t> mix{0};
  threads.ranges(static_cast<long>(arguments.bytes / 16), kLeast / 16, [&](long begin, long end) {
    const std::size_t first = static_cast<std::size_t>(begin) * 16;
    const std::size_t length = static_cast<std::size_t>(end - begin) * 16;
    const char* source = static_cast<const char*>(arguments.source);
    char* target = static_cast<char*>(arguments.target);
    if (arguments.pass == MemoryPass::kCopy) std::memcpy(target + first, source + first, length);
    if (arguments.pass == MemoryPass::kWrite) std::memset(target + first, 0, length);
    if (arguments.pass != MemoryPass::kRead) return;
    const auto* words = reinterpret_cast<const std::uint32_t*>(source + first);
    std::uint32_t part = 0;
    for (std::size_t i = 0; i < length / sizeof part; ++i) part ^= words[i];
    mix ^= part;
  });
  if (arguments.pass == MemoryPass::kRead) *static_cast<std::uint32_t*>(arguments.target) ^= mix;
}

class CpuCopy : public CopyKernels {
 public:
  explicit CpuCopy(std::shared_ptr<Threads> threads) : threads_(std::move(threads)) {}

  std::unique_ptr<Work> copy(const CopyArguments& arguments) override {
    check(arguments);
    return call([arguments, threads = threads_] {
      const int parts = static_cast<long>(arguments.bytes) < kLeast ? 1 : threads->count();
      copy_in_parts(*threads, parts, arguments.source, arguments.target, arguments.bytes);
    });
  }
  std::unique_ptr<Work> processor_copy(const ProcessorCopyArguments& arguments) override {
    check(arguments, threads_->count());
    return call([arguments, threads = threads_] {
      copy_in_parts(*threads, arguments.processors, arguments.source, arguments.target,
                    arguments.bytes);
    });
  }
  std::unique_ptr<Work> memory_pass(const MemoryPassArguments& arguments) override {
    check(arguments);
    return call([arguments, threads = threads_] { pass_over(*threads, arguments); });
  }
  std::unique_ptr<Work> nothing() override {
    return call([] {});
  }

 private:
  std::shared_ptr<Threads> threads_;
};

}  // namespace

std::shared_ptr<CopyKernels> make_cpu_copy(std::shared_ptr<Threads> threads) {
  return std::make_shared<CpuCopy>(std::move(threads));
}

}  // namespace moesim::kernels
