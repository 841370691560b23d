#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include <cmath>
#include <functional>
#include <limits>

#include "sim/trace/half.hpp"
#include "sim/trace/hdf5_reader.hpp"
#include "sim/trace/hdf5_writer.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/trace/collect.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;

std::string error_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

Collected read_back(const std::filesystem::path& path) {
  Collected sink;
  Hdf5Trace(path, "t.h5", {}).replay(sink);
  return sink;
}

TEST(HalfPrecision, ConvertsEveryHalfThereAndBack) {
  for (std::uint32_t half = 0; half < 65536; ++half) {
    const float value = half_to_float(static_cast<std::uint16_t>(half));
    if (!std::isnan(value)) {
      ASSERT_EQ(float_to_half(value), half) << value;
    }
  }
}

TEST(HalfPrecision, RoundsToNearestAndHalvesToEven) {
  EXPECT_EQ(half_to_float(0x3C00), 1.0f);
  EXPECT_EQ(half_to_float(0x3555), 0.333251953125f);
  EXPECT_EQ(half_to_float(0x0001), std::ldexp(1.0f, -24));
  EXPECT_EQ(float_to_half(1.0f + std::ldexp(1.0f, -11)), 0x3C00);      // half way, to even
  EXPECT_EQ(float_to_half(1.0f + 3 * std::ldexp(1.0f, -11)), 0x3C02);  // half way, to even
  EXPECT_EQ(float_to_half(65519.0f), 0x7BFF);
  EXPECT_EQ(float_to_half(65520.0f), 0x7C00);
  EXPECT_EQ(float_to_half(-std::numeric_limits<float>::infinity()), 0xFC00);
  EXPECT_EQ(float_to_half(std::ldexp(1.0f, -26)), 0x0000);
}

TEST(Hdf5Trace, GivesBackWhatWasWritten) {
  const TemporaryDirectory folder;
  for (const Collected& trace : {full_trace(), bare_trace(), count_trace()}) {
    const auto sink = make_hdf5_writer(folder / "t.h5", {});
    trace.replay(*sink);
    EXPECT_EQ(read_back(folder / "t.h5"), trace);
  }
}

TEST(Hdf5Trace, KeepsIdsInOneByteUpTo256Experts) {
  const TemporaryDirectory folder;
  const auto element = [&](int experts, bool absent) {
    Collected trace = bare_trace();
    trace.header.experts = experts;
    trace.header.absent_ids = absent;
    trace.token_batches[0].ids.assign(trace.token_batches[0].ids.size(), 0);
    trace.token_batches[0].ids[0] = static_cast<std::int16_t>(absent ? -1 : experts - 1);
    const auto sink = make_hdf5_writer(folder / "t.h5", {});
    trace.replay(*sink);
    EXPECT_EQ(read_back(folder / "t.h5"), trace);
    const Hdf5File file(folder / "t.h5", "t.h5", {});
    return Hdf5File::element_bytes(file.open("tokens/ids", {2, 2}));
  };
  EXPECT_EQ(element(256, false), 1u);
  EXPECT_EQ(element(255, true), 1u);
  EXPECT_EQ(element(256, true), 2u);  // 255 is an expert, so absence needs room
  EXPECT_EQ(element(257, false), 2u);
}

// 3 × 58 layers × 8 ids a token: a chunk of the whole is 2.8 MB, HDF5's chunk cache 1 MB.
TEST(Hdf5Trace, StreamsATraceLargerThanItsChunkCache) {
  const TemporaryDirectory folder;
  const TraceHeader header = numbered_header(512, 8, 58);
  const int batches = 7, tokens = 1000;
  const auto id_at = [](int token, int layer, int choice) {
    return static_cast<std::int16_t>((token * 7 + layer * 31 + choice * 64) % 512);
  };
  const auto sink = make_hdf5_writer(folder / "t.h5", {});
  sink->begin(header);
  for (int batch = 0; batch < batches; ++batch) {
    TokenBatch rows{.step = batch, .tokens = tokens};
    for (int token = 0; token < tokens; ++token)
      for (int layer = 0; layer < 58; ++layer)
        for (int choice = 0; choice < 8; ++choice)
          rows.ids.push_back(id_at(batch * tokens + token, layer, choice));
    sink->tokens(rows);
  }
  sink->finish();
  const Hdf5Trace trace(folder / "t.h5", "t.h5", {});
  EXPECT_EQ(trace.tokens(), batches * tokens);
  EXPECT_EQ(trace.steps(), batches);
  for (const auto& [first, layer] : {std::pair{0, 0}, std::pair{2040, 57}, std::pair{6995, 13}}) {
    const std::vector<std::int16_t> ids = trace.ids(first, 5, layer);
    for (int token = 0; token < 5; ++token)
      for (int choice = 0; choice < 8; ++choice)
        EXPECT_EQ(ids[static_cast<std::size_t>(token * 8 + choice)],
                  id_at(first + token, layer, choice));
  }
}

TEST(Hdf5Trace, IsTheSameFileForTheSameTrace) {
  const TemporaryDirectory folder;
  full_trace().replay(*make_hdf5_writer(folder / "a.h5", {}));
  full_trace().replay(*make_hdf5_writer(folder / "b.h5", {}));
  EXPECT_EQ(file_text(folder / "a.h5"), file_text(folder / "b.h5"));
}

TEST(Hdf5Trace, LeavesNoFileBehindThatIsNotFinished) {
  const TemporaryDirectory folder;
  {
    const auto sink = make_hdf5_writer(folder / "t.h5", {});
    sink->begin(numbered_header(4, 2, 2));
  }
  EXPECT_TRUE(names_in(folder.path()).empty());
}

TEST(Hdf5Trace, SaysWhyAFileIsNoTrace) {
  const TemporaryDirectory folder;
  const auto open = [&](const std::filesystem::path& path) {
    return error_of([&] { read_back(path); });
  };
  EXPECT_EQ(open(written(folder / "text.h5", "hello, this is text")),
            "error: 't.h5' is not an HDF5 file\n"
            "  hint: `moesim trace convert` makes one from other forms");
  full_trace().replay(*make_hdf5_writer(folder / "whole.h5", {}));
  const std::string whole = file_text(folder / "whole.h5");
  EXPECT_EQ(open(written(folder / "cut.h5", whole.substr(0, whole.size() / 2))),
            "error: 't.h5' is not a whole trace: the file is damaged or cut off");
  const hid_t other = H5Fcreate((folder / "other.h5").c_str(), H5F_ACC_TRUNC, 0, 0);
  H5Fclose(other);
  EXPECT_EQ(open(folder / "other.h5"),
            "error: 't.h5' is an HDF5 file, but not a trace\n"
            "  hint: this program reads 'moesim.trace/1'");
  std::string newer = whole;
  newer.replace(newer.find("moesim.trace/1"), 14, "moesim.trace/9");
  EXPECT_EQ(open(written(folder / "newer.h5", newer)),
            "error: 't.h5' has the schema 'moesim.trace/9'\n"
            "  hint: this program reads 'moesim.trace/1'");
}

TEST(Hdf5Trace, FindsPartsThatDoNotFit) {
  const TemporaryDirectory folder;
  const auto with = [&](const std::function<void(hid_t)>& change) {
    bare_trace().replay(*make_hdf5_writer(folder / "t.h5", {}));
    const hid_t file = H5Fopen((folder / "t.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    change(file);
    H5Fclose(file);
    return error_of([&] { read_back(folder / "t.h5"); });
  };
  const auto set = [](hid_t file, const char* name, int value) {
    const hid_t attribute = H5Aopen(file, name, H5P_DEFAULT);
    H5Awrite(attribute, H5T_NATIVE_INT, &value);
    H5Aclose(attribute);
  };
  EXPECT_THAT(with([&](hid_t file) { set(file, "experts", 3); }),
              HasSubstr("is not a whole trace: an id is 3, but there are 3 experts"));
  EXPECT_THAT(with([&](hid_t file) { set(file, "top_k", 3); }),
              HasSubstr("'tokens/ids' has another shape than the attributes say"));
  EXPECT_THAT(with([&](hid_t file) { set(file, "layers", 3); }),
              HasSubstr("'layers' and 'model_layers' differ"));
  EXPECT_THAT(with([&](hid_t file) { H5Adelete(file, "experts"); }),
              HasSubstr("it has no attribute 'experts'"));
  EXPECT_THAT(with([&](hid_t file) { H5Ldelete(file, "batches/rank", H5P_DEFAULT); }),
              HasSubstr("it has no dataset 'batches/rank'"));
}

}  // namespace
}  // namespace moesim
