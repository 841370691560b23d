// Copies on the host.
#include "kernels/copy.hpp"

#include <cstdint>
#include <cstring>

#include "kernels/cpu/device.hpp"
#include "kernels/reference/reference.hpp"

namespace moesim::kernels {
namespace {

void pass_over(const MemoryPassArguments& arguments) {
  if (arguments.pass == MemoryPass::kCopy)
    std::memcpy(arguments.target, arguments.source, arguments.bytes);
  if (arguments.pass == MemoryPass::kWrite) std::memset(arguments.target, 0, arguments.bytes);
  if (arguments.pass != MemoryPass::kRead) return;
  const auto* words = static_cast<const std::uint32_t*>(arguments.source);
  std::uint32_t mix = 0;
  std::memcpy(&mix, arguments.target, sizeof mix);
  for (std::size_t i = 0; i < arguments.bytes / sizeof(*words); ++i) mix ^= words[i];
  std::memcpy(arguments.target, &mix, sizeof mix);
}

class ReferenceCopy : public CopyKernels {
 public:
  std::unique_ptr<Work> copy(const CopyArguments& arguments) override {
    check(arguments);
    return call([arguments] { std::memcpy(arguments.target, arguments.source, arguments.bytes); });
  }
  std::unique_ptr<Work> processor_copy(const ProcessorCopyArguments& arguments) override {
    check(arguments, 1);
    return call([arguments] { std::memcpy(arguments.target, arguments.source, arguments.bytes); });
  }
  std::unique_ptr<Work> memory_pass(const MemoryPassArguments& arguments) override {
    check(arguments);
    return call([arguments] { pass_over(arguments); });
  }
  std::unique_ptr<Work> nothing() override {
    return call([] {});
  }
};

}  // namespace

std::shared_ptr<CopyKernels> make_reference_copy() { return std::make_shared<ReferenceCopy>(); }

}  // namespace moesim::kernels
