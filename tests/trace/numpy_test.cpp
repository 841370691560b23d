// NPY and NPZ, made here byte by byte.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/trace/archives.hpp"
#include "tests/trace/convert_fixture.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Numpy = Convert;

std::string npy(const std::string& type, const std::string& shape, const std::string& data,
                char version = 1) {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
  std::string bytes = "\x93NUMPY";
  bytes += version;
  bytes += '\0';
  const std::size_t digits = version == 1 ? 2 : 4;
  for (std::size_t i = 0; i < digits; ++i)
    bytes += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return bytes + header + data;
}

TEST_F(Numpy, ReadsNpyOfAllVersions) {
  const std::string data("\x02\0\x01\0\x00\0\x03\0", 8);
  for (const char version : {'\1', '\2', '\3'}) {
    const Collected trace = read("trace.npy", npy("<i2", "(2, 2)", data, version));
    EXPECT_EQ(trace.header.top_k, 1);
    EXPECT_THAT(trace.header.layers, ElementsAre(0, 1));
    EXPECT_THAT(trace.token_batches[0].ids, ElementsAre(2, 1, 0, 3));
  }
  EXPECT_EQ(error("big.npy", npy(">i2", "(2, 2)", data)),
            "big.npy: error: array 'big.npy' has the type '>i2'");
  EXPECT_EQ(error("cut.npy", npy("<i2", "(2, 3)", data)),
            "cut.npy: error: array 'cut.npy' is cut off");
}

TEST_F(Numpy, ReadsNpzStoredAndDeflated) {
  std::string names;
  for (const char letter : {'u', 'v'}) put(names, static_cast<std::uint64_t>(letter), 4);
  std::string weights, logits;
  for (const int half : {0x3800, 0x3400, 0x3A00, 0x3000}) put(weights, half, 2);
  for (const int half : {0x3C00, 0xBC00, 0x4000, 0x0000}) put(logits, half, 2);
  const std::vector<std::pair<std::string, std::string>> members = {
      {"topk_ids.npy", npy("|u1", "(2, 1, 2)", std::string("\x03\x01\x00\x02", 4))},
      {"topk_weights.npy", npy("<f2", "(2, 1, 2)", weights)},
      {"domain.npy", npy("|u1", "(2,)", std::string("\x01\x00", 2))},
      {"domain_names.npy", npy("<U1", "(2,)", names)},
      {"position.npy", npy("<u2", "(2,)", std::string("\x07\x00\x08\x00", 4))},
      {"logits.npy", npy("<f2", "(1, 1, 4)", logits)},
      {"logits_token.npy", npy("<u4", "(1,)", std::string("\x01\0\0\0", 4))}};
  for (const bool deflated : {false, true}) {
    const Collected trace = read("t.npz", zip(members, deflated));
    EXPECT_EQ(trace.header.experts, 4);
    EXPECT_EQ(trace.header.order, IdOrder::kScore);
    EXPECT_EQ(trace.header.weights, FloatWidth::kHalf);
    EXPECT_THAT(trace.header.domains, ElementsAre("u", "v"));
    const TokenBatch& batch = trace.token_batches.at(0);
    EXPECT_THAT(batch.ids, ElementsAre(3, 1, 0, 2));
    EXPECT_THAT(batch.weights, ElementsAre(0.5f, 0.25f, 0.75f, 0.125f));
    EXPECT_THAT(batch.domains, ElementsAre(1, 0));
    EXPECT_THAT(batch.positions, ElementsAre(7, 8));
    EXPECT_THAT(batch.logit_tokens, ElementsAre(1));
    EXPECT_THAT(batch.logits, ElementsAre(1, -1, 2, 0));
  }
  std::string damaged = zip(members, true);
  damaged[60] = static_cast<char>(damaged[60] ^ 0x55);
  EXPECT_THAT(error("bad.npz", damaged), HasSubstr("bad.npz: error: the zip archive is damaged"));
  EXPECT_EQ(error("cut.npz", zip(members, false).substr(0, 200)),
            "cut.npz: error: the zip archive is damaged: it is cut off");
}

}  // namespace
}  // namespace moesim
