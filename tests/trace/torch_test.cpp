// Files as torch.save writes them (a stored zip of a protocol 2 pickle and raw storages), made here
// opcode by opcode, with the dicts that SGLang's recorder dumps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/trace/archives.hpp"
#include "tests/trace/convert_fixture.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Torch = Convert;

std::string text(const std::string& value) {
  std::string bytes = "X";
  put(bytes, value.size(), 4);
  return bytes + value;
}
std::string integer(int value) {
  std::string bytes = "J";
  put(bytes, static_cast<std::uint32_t>(value), 4);
  return bytes;
}
std::string tuple(const std::vector<std::string>& items) {
  std::string bytes = "(";
  for (const std::string& item : items) bytes += item;
  return bytes + "t";
}
std::string list(const std::vector<std::string>& items) {
  std::string bytes = "](";
  for (const std::string& item : items) bytes += item;
  return bytes + "e";
}
std::string dict(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string bytes = "}(";
  for (const auto& [key, value] : entries) bytes += text(key) + value;
  return bytes + "u";
}

// Pickles tensors, and keeps their storages for the archive.
class Archive {
 public:
  std::string tensor(const std::vector<int>& numbers, const std::vector<int>& size,
                     const std::vector<int>& stride, int offset = 0) {
    const std::string key = std::to_string(storages_.size());
    std::string& bytes = storages_.emplace_back();
    for (const int number : numbers) put(bytes, static_cast<std::uint32_t>(number), 4);
    const std::string storage = tuple({text("storage"), "ctorch\nIntStorage\n", text(key),
                                       text("cpu"), integer(static_cast<int>(numbers.size()))}) +
                                "Q";
    return "ctorch._utils\n_rebuild_tensor_v2\n" +
           tuple({storage, integer(offset), integers(size), integers(stride), "\x89",
                  "ccollections\nOrderedDict\n)R"}) +
           "R";
  }
  std::string bytes(const std::string& pickle) const {
    std::vector<std::pair<std::string, std::string>> members = {
        {"dump/data.pkl", "\x80\x02" + pickle + "."}, {"dump/byteorder", "little"}};
    for (std::size_t i = 0; i < storages_.size(); ++i)
      members.emplace_back("dump/data/" + std::to_string(i), storages_[i]);
    members.emplace_back("dump/version", "3\n");
    return zip(members, false);
  }

 private:
  static std::string integers(const std::vector<int>& values) {
    std::vector<std::string> items;
    for (const int value : values) items.push_back(integer(value));
    return tuple(items);
  }
  std::vector<std::string> storages_;
};

TEST_F(Torch, ReadsTheStatisticsOfSglangsRecorder) {
  Archive archive;
  const std::string counts = archive.tensor({0, 0, 3, 1, 0, 0, 2, 2}, {2, 2, 2}, {4, 2, 1});
  const Collected trace =
      read("stat.pt", archive.bytes(dict({{"rank", integer(0)},
                                          {"logical_count", counts},
                                          {"average_utilization_rate_over_window", "N"}})));
  EXPECT_EQ(trace.header.source, "sglang/stat");
  EXPECT_THAT(trace.header.layers, ElementsAre(1)) << "layer 0 has no experts";
  ASSERT_EQ(trace.count_batches.size(), 2u);
  EXPECT_THAT(trace.count_batches[0].counts, ElementsAre(3, 1));
  EXPECT_THAT(trace.count_batches[1].counts, ElementsAre(2, 2));
}

TEST_F(Torch, MapsThePhysicalExpertsOfTokensToLogicalOnes) {
  Archive archive;
  const std::string ids = archive.tensor({2, 0, -1, 1, 2, -1}, {1, 2, 3}, {6, 3, 1});
  const std::string record = dict({{"forward_pass_id", integer(7)},
                                   {"rank", integer(1)},
                                   {"gatherer_key", text("primary")},
                                   {"positions", list({integer(4), integer(5)})},
                                   {"topk_ids_of_layer", ids},
                                   {"misc_objects", list({dict({{"layer_id", integer(0)}})})}});
  const std::string map = archive.tensor({1, 3, 0}, {1, 3}, {3, 1});
  const Collected trace = read(
      "token.pt",
      archive.bytes(dict({{"records", list({record})}, {"last_physical_to_logical_map", map}})));
  EXPECT_EQ(trace.header.source, "sglang/per_token");
  EXPECT_EQ(trace.header.notes, "");
  ASSERT_EQ(trace.token_batches.size(), 1u);
  EXPECT_EQ(trace.token_batches[0].step, 7);
  EXPECT_EQ(trace.token_batches[0].rank, 1);
  EXPECT_THAT(trace.token_batches[0].positions, ElementsAre(4, 5));
  EXPECT_THAT(trace.token_batches[0].ids, ElementsAre(0, 1, 3, 0));
}

TEST_F(Torch, SaysThatNoMapWasRecorded) {
  Archive archive;
  const std::string counts = archive.tensor({5, 1, 2}, {1, 3}, {3, 1});
  const Collected trace =
      read("pass.pt",
           archive.bytes(dict({{"records", list({dict({{"forward_pass_id", integer(7)},
                                                       {"rank", integer(1)},
                                                       {"global_physical_count", counts}})})}})));
  EXPECT_EQ(trace.header.source, "sglang/per_pass");
  EXPECT_THAT(trace.count_batches[0].counts, ElementsAre(5, 1, 2));
  EXPECT_THAT(trace.header.notes, HasSubstr("no physical_to_logical_map was recorded"));
}

TEST_F(Torch, ReadsViewsWithStridesAndOffsets) {
  // A transposed view of [[9 8] [1 3] [2 4]] without its first row: [[1 2] [3 4]].
  Archive archive;
  const std::string counts = archive.tensor({9, 8, 1, 3, 2, 4}, {2, 2}, {1, 2}, 2);
  const Collected trace = read("view.pt", archive.bytes(dict({{"logical_count", counts}})));
  EXPECT_THAT(trace.count_batches[0].counts, ElementsAre(1, 2, 3, 4));
}

TEST_F(Torch, ComesBackToWhatWasPutAside) {
  // The map is memorised before its rows are appended, and fetched as a second entry.
  Archive archive;
  const std::string counts = archive.tensor({5, 1}, {1, 2}, {2, 1});
  const std::string map = "]q\x01(" + archive.tensor({1, 0}, {2}, {1}) + "e";
  const std::string record =
      dict({{"forward_pass_id", integer(0)}, {"global_physical_count", counts}});
  const Collected trace =
      read("memo.pt", archive.bytes(dict({{"first", map},
                                          {"records", list({record})},
                                          {"last_physical_to_logical_map", "h\x01"}})));
  EXPECT_THAT(trace.count_batches[0].counts, ElementsAre(1, 5));
}

TEST_F(Torch, RefusesWhatItWouldHaveToRun) {
  const Archive archive;
  EXPECT_EQ(error("evil.pt", archive.bytes("cposix\nsystem\n" + tuple({text("true")}) + "R")),
            "evil.pt: error: the pickle holds a reference to 'posix.system'\n"
            "  hint: only plain values, dicts, lists and tensors are read; nothing is ever run");
  EXPECT_THAT(error("build.pt", archive.bytes("}b")), HasSubstr("holds the opcode 0x62 at byte 3"));
}

TEST_F(Torch, RefusesWhatIsDamaged) {
  Archive beyond;
  const std::string counts = beyond.tensor({1, 2}, {3}, {1});
  EXPECT_EQ(error("beyond.pt", beyond.bytes(dict({{"logical_count", counts}}))),
            "beyond.pt: error: the pickle is damaged: a tensor reaches beyond its storage '0'");
  const Archive archive;
  EXPECT_EQ(error("cut.pt", archive.bytes("X\x09")),
            "cut.pt: error: the pickle is damaged: it is cut off");
  EXPECT_EQ(error("empty.pt", archive.bytes("")),
            "empty.pt: error: the pickle is damaged: its stack is empty");
  EXPECT_EQ(error("other.pt", archive.bytes(dict({{"weights", "N"}}))),
            "other.pt: error: it has neither 'logical_count' nor 'records'\n"
            "  hint: what SGLang's expert distribution recorder dumps has one of them");
}

}  // namespace
}  // namespace moesim
