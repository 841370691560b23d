// Where CUDA was built, every .cu file holds machine code for A100, H100/H200 and B200.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace moesim::kernels {
namespace {

#ifdef MOESIM_CUDA_OBJECTS

std::uint32_t word_at(const std::string& bytes, std::size_t at) {
  std::uint32_t word = 0;
  if (at + sizeof word <= bytes.size()) std::memcpy(&word, bytes.data() + at, sizeof word);
  return word;
}

// The architectures of machine code in an object file: fat binaries start with 0xBA55ED50 and a
// header of 16 bytes; each entry's header has its kind (2: machine code) at 0, its own size at 4,
// its body's size at 8, and the architecture at 28.
std::set<std::uint32_t> architectures(const std::string& object) {
  std::set<std::uint32_t> found;
  const std::string magic("\x50\xed\x55\xba", 4);
  for (std::size_t at = object.find(magic); at != std::string::npos;
       at = object.find(magic, at + 1)) {
    const std::size_t end = at + 16 + word_at(object, at + 8);
    for (std::size_t entry = at + 16; entry + 32 <= end && end <= object.size();) {
      if ((word_at(object, entry) & 0xffff) == 2) found.insert(word_at(object, entry + 28));
      const std::size_t size = word_at(object, entry + 4) + word_at(object, entry + 8);
      if (size == 0) break;
      entry += size;
    }
  }
  return found;
}

TEST(CudaObjects, HoldMachineCodeForThreeArchitectures) {
  int objects = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(MOESIM_CUDA_OBJECTS)) {
    if (!file.path().string().ends_with(".cu.o")) continue;
    ++objects;
    std::ifstream stream(file.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    EXPECT_EQ(architectures(bytes), (std::set<std::uint32_t>{80, 90, 100})) << file.path();
  }
  int sources = 0;
  for (const auto& file : std::filesystem::directory_iterator(
           std::filesystem::path(MOESIM_SOURCE_DIR) / "kernels" / "cuda"))
    sources += file.path().extension() == ".cu";
  EXPECT_EQ(objects, sources);
  EXPECT_GE(sources, 8);
}

#else

TEST(CudaObjects, HoldMachineCodeForThreeArchitectures) { GTEST_SKIP() << "built without CUDA"; }

#endif

}  // namespace
}  // namespace moesim::kernels
