#include "kernels/error.hpp"
#include "tests/kernels/on_backend.hpp"

namespace moesim::kernels {
namespace {

class DeviceTest : public OnBackend {};

TEST_P(DeviceTest, SaysWhatItIs) {
  const DeviceFacts& facts = fast_.device->facts();
  EXPECT_EQ(facts.backend, GetParam());
  EXPECT_FALSE(facts.name.empty());
  EXPECT_FALSE(facts.architecture.empty());
  EXPECT_FALSE(facts.library.empty());
  EXPECT_GT(facts.processors, 0);
  EXPECT_GT(facts.memory_bytes, 1u << 28);
  EXPECT_GE(fast_.device->health().clock_hz, 0);
}

TEST_P(DeviceTest, KeepsWhatIsUploaded) {
  const std::vector<int> values = {1, 2, 3, 4, 5};
  EXPECT_EQ(fast_.device->read<int>(upload(fast_, values)), values);
  EXPECT_TRUE(fast_.device->read<int>(upload(fast_, std::vector<int>{})).empty());
  EXPECT_THROW(fast_.device->upload(fast_.device->allocate(3), std::as_bytes(std::span(values))),
               UnsupportedError);
}

TEST_P(DeviceTest, ReplaysACapturedGraphOnBothStreams) {
  const std::vector<std::uint32_t> values = {1, 2, 3, 4};
  const Buffer source = upload(fast_, values), target = upload(fast_, std::vector<int>(4));
  const Buffer other = upload(fast_, std::vector<int>(4));
  const auto main =
      fast_.copy->copy({.bytes = 16, .source = source.as<void>(), .target = target.as<void>()});
  const auto side = fast_.copy->processor_copy(
      {.bytes = 16, .processors = 1, .source = source.as<void>(), .target = other.as<void>()});
  const auto graph = fast_.device->capture([&] {
    fast_.device->wait(Stream::kSide, Stream::kMain);
    side->run(Stream::kSide);
    main->run(Stream::kMain);
    fast_.device->wait(Stream::kMain, Stream::kSide);
  });
  EXPECT_EQ(fast_.device->read<int>(target), std::vector<int>(4));  // recorded, not run
  graph->launch(Stream::kMain);
  EXPECT_EQ(fast_.device->read<std::uint32_t>(target), values);
  EXPECT_EQ(fast_.device->read<std::uint32_t>(other), values);
}

TEST_P(DeviceTest, TimesWorkOnItsOwnClock) {
  const std::size_t bytes = 64 << 20;
  const Buffer target = fast_.device->allocate(bytes);
  const auto write = fast_.copy->memory_pass(
      {.pass = MemoryPass::kWrite, .bytes = bytes, .target = target.as<void>()});
  write->run(Stream::kMain);
  const auto seconds_of = [&](int times) {
    return fast_.device->seconds(Stream::kMain, [&] {
      for (int i = 0; i < times; ++i) write->run(Stream::kMain);
    });
  };
  fast_.device->flush_cache(Stream::kMain);
  const double once = seconds_of(1);
  EXPECT_GT(once, 64e6 / 100e12);  // no memory writes 100 TB/s
  EXPECT_GT(seconds_of(40), once);
}

TEST_P(DeviceTest, TimesAGraph) {
  const std::size_t bytes = 16 << 20;
  const Buffer target = fast_.device->allocate(bytes);
  const auto write = fast_.copy->memory_pass(
      {.pass = MemoryPass::kWrite, .bytes = bytes, .target = target.as<void>()});
  const auto graph = fast_.device->capture([&] { write->run(Stream::kMain); });
  EXPECT_GT(fast_.device->seconds(*graph), 16e6 / 100e12);  // no memory writes 100 TB/s
}

TEST_P(DeviceTest, RunsEmptyWork) {
  const auto nothing = fast_.copy->nothing();
  nothing->run(Stream::kMain);
  EXPECT_GE(fast_.device->seconds(Stream::kMain, [&] { nothing->run(Stream::kMain); }), 0);
}

MOESIM_ON_ALL_BACKENDS(DeviceTest);

TEST(MakeBackend, NamesTheBackendsItKnows) {
  try {
    make_backend("tpu");
    FAIL();
  } catch (const UnsupportedError& error) {
    EXPECT_STREQ(error.what(), "there is no backend 'tpu'; use cuda, cpu or cpu_reference");
  }
}

TEST(MakeBackend, SaysWhyThereIsNoGpu) {
  std::string why;
  if (has_gpu(&why)) GTEST_SKIP() << "there is one";
  EXPECT_FALSE(why.empty());
  EXPECT_THROW(make_backend("cuda"), DeviceError);
}

}  // namespace
}  // namespace moesim::kernels
