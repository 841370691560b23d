// Recorded requests: what of a trace becomes of a run.
#include <gmock/gmock.h>

#include "sim/requests/requests.hpp"
#include "tests/support/mistakes.hpp"
#include "tests/support/plugin.hpp"
#include "tests/support/shared_data.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string trace(const std::string& name, const std::string& text) {
  return written(process_folder() / name, text).string();
}

RequestList requests_of(const std::string& keys) {
  return plugin<RequestSource>("{kind: file, " + keys + "}")->requests(Random(1));
}

std::string refusal_of(const std::string& keys) {
  return mistake_of([&] { requests_of(keys); });
}

std::vector<double> arrivals(const RequestList& list) {
  std::vector<double> seconds;
  for (const Request& request : list.requests) seconds.push_back(request.arrival.value);
  return seconds;
}

std::string four_requests() {
  return trace("four.csv",
               "arrival_ms,input_tokens,output_tokens,reusable_prefix_tokens,class\n"
               "1000,10,1,0,chat\n2000,20,2,5,code\n4000,700,3,512,chat\n9000,40,4,0,chat\n");
}

TEST(RecordedRequests, CountTimeFromTheFirst) {
  const RequestList list = requests_of("file: " + four_requests());
  EXPECT_THAT(arrivals(list), ElementsAre(0, 1, 3, 8));
  EXPECT_EQ(list.requests[2].input, 700);
  EXPECT_EQ(list.requests[2].output, 3);
  EXPECT_EQ(list.requests[2].repeated, 512);
  EXPECT_EQ(list.requests[1].kind, 1);
  EXPECT_EQ(list.classes[1].name, "code");
  EXPECT_TRUE(list.notes.empty());
}

TEST(RecordedRequests, MayComeFasterAndFromAPartOfTheTrace) {
  const std::string file = "file: " + four_requests();
  EXPECT_THAT(arrivals(requests_of(file + ", speedup: 4")), ElementsAre(0, 0.25, 0.75, 2));
  EXPECT_THAT(arrivals(requests_of(file + ", from: 0.5 s, duration: 3 s, speedup: 2")),
              ElementsAre(0.25, 1.25));
  EXPECT_THAT(arrivals(requests_of(file + ", from: 1 s, count: 2")), ElementsAre(0, 2));
}

TEST(RecordedRequests, CutLongPromptsAndSaySo) {
  const RequestList list = requests_of("file: " + four_requests() + ", max_input: 300");
  EXPECT_EQ(list.requests[2].input, 300);
  EXPECT_EQ(list.requests[2].repeated, 300);
  EXPECT_THAT(list.notes, ElementsAre("1 of 4 prompts are cut to max_input = 300 tokens"));
}

TEST(RecordedRequests, AreSortedAndSaySo) {
  const std::string file =
      trace("mixed.csv", "arrival_ms,input_tokens,output_tokens\n500,1,1\n0,2,1\n500,3,1\n");
  const RequestList list = requests_of("file: " + file);
  EXPECT_THAT(arrivals(list), ElementsAre(0, 0.5, 0.5));
  EXPECT_EQ(list.requests[1].input, 1);
  EXPECT_EQ(list.requests[2].input, 3);
  ASSERT_EQ(list.notes.size(), 1u);
  EXPECT_THAT(list.notes[0], HasSubstr("the rows were not in the order of arrival"));
}

TEST(RecordedRequests, LeaveOutThoseWithoutAnAnswer) {
  const std::string file =
      trace("failed.csv", "arrival_ms,input_tokens,output_tokens\n0,5,0\n10,5,2\n20,0,2\n");
  const RequestList list = requests_of("file: " + file);
  EXPECT_EQ(list.requests.size(), 1u);
  EXPECT_THAT(list.notes[0], HasSubstr("2 of 3 rows are left out"));
}

TEST(RecordedClasses, AreDescribedByTheirNames) {
  const RequestList list = requests_of("file: " + four_requests() +
                                       ", classes: [{name: code, domain: program, priority: -1}]");
  EXPECT_EQ(list.classes[0].name, "chat");
  EXPECT_EQ(list.classes[1].domain, "program");
  EXPECT_EQ(list.classes[1].priority, -1);
}

// Both files number their blocks from 0, and mean other ones.
TEST(RecordedClasses, MayHaveAFileEach) {
  const std::string first =
      trace("first.jsonl",
            "{\"timestamp\": 0, \"input_length\": 9, \"output_length\": 1, \"hash_ids\": [0]}\n");
  const std::string second =
      trace("second.jsonl",
            "{\"timestamp\": 500, \"input_length\": 7, \"output_length\": 1, \"hash_ids\": [0]}\n");
  const RequestList list = requests_of("classes: [{name: late, file: " + second +
                                       "}, {name: early, file: " + first + ", domain: prose}]");
  ASSERT_EQ(list.requests.size(), 2u);
  EXPECT_EQ(list.requests[0].input, 9);
  EXPECT_EQ(list.classes[list.requests[0].kind].name, "early");
  EXPECT_EQ(list.requests[1].arrival, Seconds(0.5));
  EXPECT_NE(list.requests[0].blocks, list.requests[1].blocks);
}

TEST(RecordedRequests, SayWhatDoesNotFit) {
  const std::string file = "file: " + four_requests();
  EXPECT_THAT(refusal_of("speedup: 2"), HasSubstr("requests 'file' needs 'file'"));
  EXPECT_THAT(refusal_of(file + ", from: 9 s"), HasSubstr("the last request arrives after 8 s"));
  EXPECT_THAT(refusal_of(file + ", from: 7.5 s, duration: 0.1 s"),
              HasSubstr("no request arrives in that time"));
  EXPECT_THAT(refusal_of(file + ", classes: [{name: cod}]"), HasSubstr("did you mean 'code'?"));
  EXPECT_THAT(refusal_of(file + ", classes: [{name: a, " + file + "}]"),
              HasSubstr("the classes have files of their own"));
  EXPECT_THAT(refusal_of("classes: [{name: a, " + file + "}, {name: b}]"),
              HasSubstr("either all classes have a file of their own, or none"));
  EXPECT_THAT(refusal_of("file: no_such.csv"), HasSubstr("no_such.csv"));
}

struct Totals {
  std::size_t rows = 0;
  long long input = 0, output = 0, repeated = 0;
  double last = 0;
};

Totals totals_of(const std::filesystem::path& file) {
  const RequestList list = requests_of("file: " + file.string());
  Totals totals{.rows = list.requests.size(), .last = list.requests.back().arrival.value};
  for (const Request& request : list.requests) {
    totals.input += request.input;
    totals.output += request.output;
    totals.repeated += request.repeated;
  }
  return totals;
}

// Figures of `zcat … | awk`; Mooncake's means of 12,035 and 343 tokens are published too.
TEST(RealTraces, AreReadWhole) {
  MOESIM_NEEDS_SHARED(mooncake, "trace_mooncake_conversation.csv.gz");
  const Totals totals = totals_of(mooncake);
  EXPECT_EQ(totals.rows, 12031u);
  EXPECT_EQ(totals.input, 144793823);
  EXPECT_EQ(totals.output, 4122048);
  EXPECT_EQ(totals.repeated, 54098411);
  EXPECT_DOUBLE_EQ(totals.last, 3536.999);
  const Totals code = totals_of(shared_file("trace_azure2023_code.csv.gz"));
  EXPECT_EQ(code.rows, 8819u);
  EXPECT_EQ(code.input, 18059974);
  EXPECT_EQ(code.output, 245896);
  const Totals chat = totals_of(shared_file("trace_azure2023_conv.csv.gz"));
  EXPECT_EQ(chat.rows, 19366u);
  EXPECT_EQ(chat.input, 22361870);
  EXPECT_EQ(chat.output, 4088665);
}

}  // namespace
}  // namespace moesim
