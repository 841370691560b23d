#include "kernels/error.hpp"
#include "tests/kernels/on_backend.hpp"

namespace moesim::kernels {
namespace {

class Copy : public OnBackend {
 protected:
  std::vector<std::uint32_t> numbers(std::size_t count) {
    std::vector<std::uint32_t> values(count);
    std::mt19937 generator(5);
    for (std::uint32_t& value : values) value = generator();
    return values;
  }
};

TEST_P(Copy, CopiesWithinTheDeviceAndToAndFromTheHost) {
  for (const std::size_t count : {1u, 5u, 4096u, 1000003u}) {
    const std::vector<std::uint32_t> values = numbers(count);
    const std::size_t bytes = count * 4;
    const Buffer first = upload(fast_, values), second = fast_.device->allocate(bytes);
    const Buffer host = fast_.device->allocate_host(bytes), last = fast_.device->allocate(bytes);
    const auto copy = [&](CopyPath path, const Buffer& source, const Buffer& target) {
      fast_.copy
          ->copy({.path = path,
                  .bytes = bytes,
                  .source = source.as<void>(),
                  .target = target.as<void>()})
          ->run(Stream::kMain);
    };
    copy(CopyPath::kDeviceToDevice, first, second);
    copy(CopyPath::kDeviceToHost, second, host);
    copy(CopyPath::kHostToDevice, host, last);
    EXPECT_EQ(fast_.device->read<std::uint32_t>(last), values);
  }
}

TEST_P(Copy, CopiesOnAsManyProcessorsAsAreAsked) {
  for (const int processors : {1, fast_.device->facts().processors})
    for (const std::size_t count : {4u, 4096u, 1000004u}) {
      const std::vector<std::uint32_t> values = numbers(count);
      const Buffer source = upload(fast_, values), target = fast_.device->allocate(count * 4);
      fast_.copy
          ->processor_copy({.bytes = count * 4,
                            .processors = processors,
                            .source = source.as<void>(),
                            .target = target.as<void>()})
          ->run(Stream::kMain);
      EXPECT_EQ(fast_.device->read<std::uint32_t>(target), values);
    }
}

TEST_P(Copy, PassesOverEveryWordOfMemory) {
  for (const std::size_t count : {4u, 1020u, 1000004u}) {
    const std::vector<std::uint32_t> values = numbers(count);
    const Buffer source = upload(fast_, values);
    const Buffer target = upload(fast_, numbers(count));
    const Buffer mix = upload(fast_, std::vector<std::uint32_t>{0xabcd, 0, 0, 0});
    const auto pass = [&](MemoryPass kind, const Buffer& out) {
      fast_.copy
          ->memory_pass({.pass = kind,
                         .bytes = count * 4,
                         .source = source.as<void>(),
                         .target = out.as<void>()})
          ->run(Stream::kMain);
    };
    std::uint32_t expected = 0xabcd;
    for (const std::uint32_t value : values) expected ^= value;
    pass(MemoryPass::kRead, mix);
    EXPECT_EQ(fast_.device->read<std::uint32_t>(mix)[0], expected);
    pass(MemoryPass::kCopy, target);
    EXPECT_EQ(fast_.device->read<std::uint32_t>(target), values);
    pass(MemoryPass::kWrite, target);
    EXPECT_EQ(fast_.device->read<std::uint32_t>(target), std::vector<std::uint32_t>(count, 0));
  }
}

TEST_P(Copy, RefusesWhatItCannotRun) {
  const Buffer buffer = fast_.device->allocate(64);
  const auto copy = [&](std::size_t bytes, int processors) {
    fast_.copy->processor_copy({.bytes = bytes,
                                .processors = processors,
                                .source = buffer.as<void>(),
                                .target = buffer.as<char>() + 32});
  };
  EXPECT_THROW(copy(20, 1), UnsupportedError);
  EXPECT_THROW(copy(16, 0), UnsupportedError);
  EXPECT_THROW(copy(16, fast_.device->facts().processors + 1), UnsupportedError);
}

MOESIM_ON_ALL_BACKENDS(Copy);

}  // namespace
}  // namespace moesim::kernels
