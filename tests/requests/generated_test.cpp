// Generated requests against the theory of their arrivals; tolerances are four standard errors.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <set>

#include "sim/requests/requests.hpp"
#include "tests/support/mistakes.hpp"
#include "tests/support/plugin.hpp"

namespace moesim {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

RequestList requests_from(const std::string& section, int seed = 1) {
  return plugin<RequestSource>(section)->requests(Random(static_cast<std::uint64_t>(seed)));
}

std::string section_refusal(const std::string& section) {
  return mistake_of([&] { plugin<RequestSource>(section); });
}

struct Gaps {
  double mean = 0, variation = 0;  // coefficient of variation
};

Gaps gaps_of(const RequestList& list) {
  double sum = 0, squares = 0, before = 0;
  for (const Request& request : list.requests) {
    const double gap = request.arrival.value - before;
    before = request.arrival.value;
    sum += gap;
    squares += gap * gap;
  }
  const double n = static_cast<double>(list.requests.size());
  const double mean = sum / n;
  return {mean, std::sqrt(squares / n - mean * mean) / mean};
}

// A gamma distribution of shape b: the mean of n gaps has a standard error of mean / √(b n), their
// coefficient of variation (1/√b) one of √((1 + 1/b) / (2 n)) of itself.
void expect_gaps(const std::string& section, double rate, double shape) {
  const RequestList list = requests_from(section);
  const double n = static_cast<double>(list.requests.size());
  const Gaps gaps = gaps_of(list);
  const double variation = 1 / std::sqrt(shape);
  EXPECT_NEAR(gaps.mean, 1 / rate, 4 * variation / rate / std::sqrt(n)) << section;
  EXPECT_NEAR(gaps.variation, variation, 4 * variation * std::sqrt((1 + 1 / shape) / (2 * n)))
      << section;
}

TEST(PoissonRequests, ComeAtTheirRateWithExponentialGaps) {
  expect_gaps("{kind: poisson, rate: 8, count: 40000, input: 10, output: 10}", 8, 1);
}

TEST(GammaRequests, HaveGapsThatVaryAsTheBurstinessSays) {
  for (const double shape : {0.25, 0.9, 1.0, 4.0, 100.0})
    expect_gaps(fmt::format("{{kind: gamma, rate: 3, burstiness: {}, count: 40000, input: 10, "
                            "output: 10}}",
                            shape),
                3, shape);
}

TEST(GeneratedRequests, EndWithTheCountOrTheDuration) {
  const RequestList counted =
      requests_from("{kind: poisson, rate: 5, count: 7, duration: 1000 s, input: 10, output: 10}");
  EXPECT_EQ(counted.requests.size(), 7u);
  const RequestList timed =
      requests_from("{kind: poisson, rate: 5, duration: 2000 s, input: 10, output: 10}");
  EXPECT_NEAR(static_cast<double>(timed.requests.size()), 10000, 4 * 100);
  EXPECT_LE(timed.requests.back().arrival.value, 2000);
  for (std::size_t i = 0; i < timed.requests.size(); ++i)
    ASSERT_EQ(timed.requests[i].id, static_cast<int>(i));
}

const std::string kMixed =
    "count: 500, input: {kind: lognormal, mean: 1000, cv: 1}, output: {kind: lognormal, mean: 300, "
    "cv: 1}}";

TEST(GeneratedRequests, AreTheSameOnesAtEveryRate) {
  const RequestList slow = requests_from("{kind: poisson, rate: 2, " + kMixed);
  const RequestList fast = requests_from("{kind: poisson, rate: 2, speedup: 4, " + kMixed);
  const RequestList bursts = requests_from("{kind: gamma, rate: 9, burstiness: 0.5, " + kMixed);
  for (std::size_t i = 0; i < slow.requests.size(); ++i) {
    EXPECT_EQ(fast.requests[i].arrival.value, slow.requests[i].arrival.value / 4);
    EXPECT_EQ(fast.requests[i].input, slow.requests[i].input);
    EXPECT_EQ(bursts.requests[i].input, slow.requests[i].input);
    EXPECT_EQ(bursts.requests[i].output, slow.requests[i].output);
  }
}

TEST(GeneratedRequests, KeepTheirArrivalsAndPromptsWhenAnswersChange) {
  const RequestList before = requests_from("{kind: poisson, rate: 2, " + kMixed);
  const RequestList after = requests_from(
      "{kind: poisson, rate: 2, count: 500, input: {kind: lognormal, mean: 1000, cv: 1}, output: "
      "{kind: uniform, mean: 50}}");
  int other_answers = 0;
  for (std::size_t i = 0; i < before.requests.size(); ++i) {
    EXPECT_EQ(after.requests[i].arrival, before.requests[i].arrival);
    EXPECT_EQ(after.requests[i].input, before.requests[i].input);
    other_answers += after.requests[i].output != before.requests[i].output;
  }
  EXPECT_GT(other_answers, 450);
}

TEST(GeneratedRequests, AreOthersWithAnotherSeed) {
  const std::string section = "{kind: poisson, rate: 2, " + kMixed;
  EXPECT_NE(requests_from(section, 1).requests.back().arrival,
            requests_from(section, 2).requests.back().arrival);
}

// The mean of n lognormal lengths has a standard error of cv / √n of itself.
TEST(GeneratedRequests, HaveTheLengthsThatAreAskedFor) {
  const RequestList list = requests_from(
      "{kind: poisson, rate: 1, count: 10000, input: {kind: lognormal, mean: 1000, cv: 0.5}, "
      "output: "
      "{kind: uniform, mean: 100, spread: 1, minimum: 50, maximum: 150}}");
  double input = 0;
  int least = 1000, most = 0;
  for (const Request& request : list.requests) {
    input += request.input / 10000.0;
    least = std::min(least, request.output);
    most = std::max(most, request.output);
  }
  EXPECT_NEAR(input, 1000, 4 * 0.5 * 1000 / 100);
  EXPECT_EQ(least, 50);
  EXPECT_EQ(most, 150);
}

TEST(RequestClasses, HaveTheirSharesAndTheirOwnLengths) {
  const RequestList list = requests_from(
      "{kind: poisson, rate: 1, count: 10000, input: 100, output: 10, classes: [{name: chat, "
      "share: "
      "3, domain: prose}, {name: code, share: 1, priority: 2, domain: code, output: 20}]}");
  ASSERT_EQ(list.classes.size(), 2u);
  EXPECT_EQ(list.classes[1].name, "code");
  EXPECT_EQ(list.classes[1].domain, "code");
  EXPECT_EQ(list.classes[1].priority, 2);
  int chats = 0;
  for (const Request& request : list.requests) {
    chats += request.kind == 0;
    EXPECT_EQ(request.input, 100);
    EXPECT_EQ(request.output, request.kind == 0 ? 10 : 20);
  }
  EXPECT_NEAR(chats, 7500, 4 * std::sqrt(10000 * 0.75 * 0.25));
}

// Class a falls from all to none: of the first half of the requests it has 3/4 in the mean.
TEST(RequestClasses, MayHaveSharesThatChangeOverTheRun) {
  const RequestList list = requests_from(
      "{kind: poisson, rate: 1, count: 10000, input: 1, output: 1, classes: [{name: a, share: [1, "
      "0]}, {name: b, share: [0, 1]}]}");
  int early = 0, late = 0;
  for (const Request& request : list.requests)
    (request.id < 5000 ? early : late) += request.kind == 0;
  EXPECT_NEAR(early, 3750, 4 * std::sqrt(5000 * 0.25 * 0.75));
  EXPECT_NEAR(late, 1250, 4 * std::sqrt(5000 * 0.25 * 0.75));
  EXPECT_EQ(list.requests.front().kind, 0);
}

TEST(SharedPrefix, GivesPromptsEqualFirstBlocks) {
  const RequestList list = requests_from(
      "{kind: poisson, rate: 1, count: 200, input: 600, output: 1, prefix: {tokens: 1100, prompts: "
      "2}}");
  std::map<std::vector<std::uint64_t>, int> beginnings;
  std::set<std::uint64_t> others;
  for (const Request& request : list.requests) {
    EXPECT_EQ(request.input, 1700);
    ASSERT_EQ(request.blocks.size(), 4u);  // 1700 tokens: three whole blocks and a part
    ++beginnings[{request.blocks.begin(), request.blocks.begin() + 2}];
    others.insert(request.blocks.begin() + 2, request.blocks.end());
  }
  EXPECT_EQ(beginnings.size(), 2u);  // two different ones, of two whole blocks
  EXPECT_EQ(others.size(), 400u);    // the rest is each request's own
}

TEST(SharedPrefix, IsThatOfSomeRequestsOnly) {
  const RequestList list = requests_from(
      "{kind: poisson, rate: 1, count: 10000, input: 10, output: 1, prefix: {tokens: 512, share: "
      "0.2}}");
  int with = 0;
  for (const Request& request : list.requests) with += request.input == 522;
  EXPECT_NEAR(with, 2000, 4 * std::sqrt(10000 * 0.2 * 0.8));
}

TEST(ClosedLoop, SendsTheFirstOfEachUserInTheRamp) {
  const RequestList list = requests_from(
      "{kind: closed_loop, concurrency: 4, count: 9, ramp: 8 s, input: 10, output: 10}");
  EXPECT_EQ(list.concurrency, 4);
  ASSERT_EQ(list.requests.size(), 9u);
  for (int user = 0; user < 4; ++user) {
    EXPECT_EQ(list.requests[user].arrival, Seconds(2 * user));
    EXPECT_EQ(list.requests[user].think, Seconds(0));
  }
  EXPECT_EQ(list.requests[8].think, Seconds(0));  // nobody thinks unless it is asked for
}

TEST(ClosedLoop, LetsUsersThinkForExponentialTimes) {
  const RequestList list = requests_from(
      "{kind: closed_loop, concurrency: 1, count: 10001, think: 3 s, input: 10, output: 10}");
  double sum = 0;
  for (const Request& request : list.requests) sum += request.think.value;
  EXPECT_NEAR(sum / 10000, 3, 4 * 3 / 100.0);
}

TEST(GeneratedRequests, SayWhatTheyNeed) {
  EXPECT_THAT(section_refusal("{kind: poisson, rate: 1, input: 1, output: 1}"),
              HasSubstr("requests need 'count' or 'duration'"));
  EXPECT_THAT(section_refusal("{kind: poisson, rate: 1, duration: 1e9 s, input: 1, output: 1}"),
              HasSubstr("1e+09 requests arrive in that time"));
  EXPECT_THAT(section_refusal("{kind: poisson, rate: 1, count: 1, output: 1}"),
              HasSubstr("requests need 'input'"));
  EXPECT_THAT(section_refusal("{kind: closed_loop, concurrency: 9, count: 3, input: 1, output: 1}"),
              HasSubstr("fewer requests than users"));
}

TEST(GeneratedRequests, PlaceMistakesInTheirSections) {
  const std::string begin = "{kind: poisson, rate: 1, count: 1, output: 1, ";
  EXPECT_THAT(section_refusal(begin + "input: {kind: lognormal, cv: 1}}"),
              HasSubstr("test:1:63: error: input needs 'mean'"));
  EXPECT_THAT(section_refusal(begin + "input: {kind: lognormal, mean: 9, cw: 1}}"),
              HasSubstr("lengths 'lognormal' has no key 'cw'"));
  EXPECT_THAT(section_refusal(begin + "input: {mean: 9, minimum: 8, maximum: 2}}"),
              HasSubstr("input: maximum is below minimum"));
  EXPECT_THAT(section_refusal(begin + "input: many}"), HasSubstr("'many' is not a number"));
  EXPECT_THAT(section_refusal(begin + "input: 9, prefix: 100}"),
              HasSubstr("tokens must be at least 512"));
  EXPECT_THAT(section_refusal(begin + "input: 9, classes: chat}"), HasSubstr("classes are a list"));
  EXPECT_THAT(section_refusal(begin + "input: 9, classes: [{share: 1, nam: chat}]}"),
              HasSubstr("a class has no key 'nam'"));
  EXPECT_THAT(section_refusal(begin + "input: 9, classes: [{name: a, share: []}]}"),
              HasSubstr("share is empty"));
  EXPECT_THAT(section_refusal(begin + "input: 9, classes: [{name: a, share: [x]}]}"),
              AllOf(HasSubstr("'x' is not a number"), Not(HasSubstr("share is empty"))));
  EXPECT_THAT(
      section_refusal(begin + "input: 9, classes: [{name: a, share: [0, 1]}, {name: b, share: "
                              "[0, 0, 1]}]}"),
      HasSubstr("the shares of all classes are 0 at the same time"));
}

}  // namespace
}  // namespace moesim
