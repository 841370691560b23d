// The formats of request traces, told apart by how they begin.
#include "sim/model/request_file.hpp"

#include <gmock/gmock.h>
#include <zlib.h>

#include "sim/model/timestamp.hpp"
#include "tests/support/mistakes.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// The name says nothing about the format.
RequestFile read_model(const std::string& text) {
  return read_request_file(written(process_folder() / "trace.txt", text), "trace.txt");
}

std::string mistake_in(const std::string& text) {
  return mistake_of([&] { read_model(text); });
}

TEST(RequestFile, ReadsOurCsv) {
  const RequestFile file = read_model(
      "arrival_ms,input_tokens,output_tokens,reusable_prefix_tokens,class,priority,hash_ids\n"
      "98.2,1100,27,512,chat,1,7 8 18446744073709551615\n"
      "100,30,2,0,code,0,\n");
  ASSERT_EQ(file.rows.size(), 2u);
  EXPECT_EQ(file.rows[0].nanoseconds, 98'200'000);
  EXPECT_EQ(file.rows[0].input, 1100);
  EXPECT_EQ(file.rows[0].output, 27);
  EXPECT_EQ(file.rows[0].repeated, 512);
  EXPECT_THAT(file.rows[0].blocks, ElementsAre(7, 8, 18446744073709551615ULL));
  EXPECT_TRUE(file.rows[1].blocks.empty());
  EXPECT_EQ(file.classes[file.rows[1].kind].name, "code");
  EXPECT_EQ(file.classes[file.rows[0].kind].priority, 1);
}

TEST(RequestFile, TellsAClassOfTwoPrioritiesApart) {
  const RequestFile file = read_model(
      "arrival_ms,input_tokens,output_tokens,class,priority\n0,1,1,chat,0\n0,1,1,chat,3\n"
      "0,1,1,code,3\n");
  ASSERT_EQ(file.classes.size(), 3u);
  EXPECT_EQ(file.classes[0].name, "chat, priority 0");
  EXPECT_EQ(file.classes[1].name, "chat, priority 3");
  EXPECT_EQ(file.classes[2].name, "code");
}

TEST(RequestFile, ReadsMooncakesLines) {
  const RequestFile file = read_model(
      "{\"timestamp\": 0, \"input_length\": 6758, \"output_length\": 500, \"hash_ids\": [0, 1]}\n"
      "\n{\"timestamp\": 3000, \"input_length\": 7, \"output_length\": 1}\n");
  ASSERT_EQ(file.rows.size(), 2u);
  EXPECT_THAT(file.rows[0].blocks, ElementsAre(0, 1));
  EXPECT_EQ(file.rows[0].input, 6758);
  EXPECT_EQ(file.rows[1].nanoseconds, 3'000'000'000);
  ASSERT_EQ(file.classes.size(), 1u);
  EXPECT_EQ(file.classes[0].name, "");
}

TEST(RequestFile, ReadsAzuresCsv) {
  const RequestFile file = read_model(
      "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
      "2023-11-16 23:59:59.9999999,374,44\r\n"
      "2023-11-17 00:00:00.5000000,396,109\r\n");
  ASSERT_EQ(file.rows.size(), 2u);
  EXPECT_EQ(file.rows[1].nanoseconds - file.rows[0].nanoseconds, 500'000'100);
  EXPECT_EQ(file.rows[1].input, 396);
  EXPECT_EQ(file.rows[1].output, 109);
}

TEST(RequestFile, ReadsBurstGpt) {
  const RequestFile file = read_model(
      "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "5,ChatGPT,472,18,490,Conversation log\n"
      "45.25,GPT-4,1087,230,1317,API log\n"
      "118,GPT-4,417,0,417,API log\n");
  ASSERT_EQ(file.rows.size(), 2u);
  EXPECT_EQ(file.left_out, 1);
  EXPECT_EQ(file.rows[1].nanoseconds, 45'250'000'000);
  EXPECT_EQ(file.rows[1].input, 1087);
  EXPECT_EQ(file.rows[1].output, 230);
  EXPECT_EQ(file.classes[file.rows[1].kind].name, "API log");
}

TEST(RequestFile, ReadsGzip) {
  const std::string path = process_folder() / "trace";
  const gzFile out = gzopen(path.c_str(), "wb");
  gzputs(out, "arrival_ms,input_tokens,output_tokens\n0,3,4\n");
  gzclose(out);
  EXPECT_EQ(read_request_file(path, "trace").rows[0].output, 4);
}

TEST(RequestFile, PlacesWhatIsWrong) {
  const std::string header = "arrival_ms,input_tokens,output_tokens\n";
  EXPECT_THAT(mistake_in(header + "0,1,1\n0,x,1\n"),
              StartsWith("trace.txt:3:3: error: input_tokens 'x' is not a whole number"));
  EXPECT_THAT(mistake_in(header + "0,1,-1\n"),
              StartsWith("trace.txt:2:5: error: output_tokens -1"));
  EXPECT_THAT(mistake_in(header + "soon,1,1\n"),
              StartsWith("trace.txt:2:1: error: arrival_ms 'soon' is not a number"));
  EXPECT_THAT(mistake_in(header + "1e30,1,1\n"), HasSubstr("the time is out of range"));
  EXPECT_THAT(mistake_in(header + "0,1\n"), HasSubstr("2 fields where the header has 3"));
  EXPECT_THAT(mistake_in("arrival_ms,input_tokens,output_tokens,hash_ids\n0,1,1,3;4\n"),
              HasSubstr("hash_ids are whole numbers with blanks between them"));
  EXPECT_THAT(mistake_in("TIMESTAMP,ContextTokens,GeneratedTokens\n16/11/2023,1,1\n"),
              HasSubstr("trace.txt:2:1: error: '16/11/2023' is not a time"));
  EXPECT_THAT(mistake_in("{\"timestamp\": 0}\n"),
              StartsWith("trace.txt:1:1: error: 'input_length' must be a number"));
  EXPECT_THAT(mistake_in("{\"timestamp\": 0, \"input_length\": 1.5, \"output_length\": 1}"),
              HasSubstr("'input_length' must be a number of tokens"));
  EXPECT_THAT(mistake_in("{\"timestamp\": 0\n"), HasSubstr("this is not JSON"));
}

TEST(RequestFile, RefusesWhatIsNoTrace) {
  EXPECT_THAT(mistake_in("a,b\n1,2\n"),
              HasSubstr("the file does not begin as a trace of requests does"));
  EXPECT_THAT(mistake_in(""), HasSubstr("the file is empty"));
  EXPECT_THAT(mistake_in("arrival_ms,input_tokens,output_tokens\n"),
              HasSubstr("no request is in it"));
}

TEST(Timestamp, CountsNanosecondsSince1970) {
  EXPECT_EQ(parse_timestamp("1970-01-01 00:00:01.5"), 1'500'000'000);
  EXPECT_EQ(parse_timestamp("1970-01-02T00:00:00Z"), 86'400'000'000'000);
  EXPECT_EQ(parse_timestamp("1970-01-01 02:00:00.000001+02:00"), 1'000);
  EXPECT_EQ(parse_timestamp("2000-03-01 00:00:00"), 951'868'800'000'000'000);
}

TEST(Timestamp, IsNothingElse) {
  for (const char* text : {"", "2023-02-30 00:00:00", "2023-01-01", "2023-01-01 24:00:00",
                           "2023-01-01 00:00:00.", "2023-01-01 00:00:00 x"})
    EXPECT_EQ(parse_timestamp(text), std::nullopt) << text;
}

}  // namespace
}  // namespace moesim
