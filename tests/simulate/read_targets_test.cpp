// Targets in the section `serving`.
#include "sim/read_targets.hpp"

#include <gmock/gmock.h>

#include "tests/support/mistakes.hpp"
#include "tests/support/sections.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;

ServiceTargets targets_of(const std::string& section) {
  Mistakes mistakes;
  const Arguments arguments = read_arguments(section_of("serving: " + section), target_parameters(),
                                             mistakes, "section 'serving'");
  const ServiceTargets targets = read_targets(arguments, mistakes);
  mistakes.throw_if_any();
  return targets;
}

TEST(ReadTargets, GivesClassesWhatTheyDoNotSayOfTheirOwn) {
  const ServiceTargets targets =
      targets_of("{ttft: 2 s, tpot: 50 ms, classes: {chat: {tpot: 30 ms, e2e: 1 min}}}");
  EXPECT_EQ(targets.of("code").tpot, Seconds(0.05));
  EXPECT_EQ(targets.of("code").e2e, Seconds(0));
  EXPECT_EQ(targets.of("chat").ttft, Seconds(2));
  EXPECT_EQ(targets.of("chat").tpot, Seconds(0.03));
  EXPECT_EQ(targets.of("chat").e2e, Seconds(60));
  EXPECT_FALSE(targets_of("{}").all.any());
  EXPECT_EQ(targets_of("{warmup: 1 min}").warmup, Seconds(60));
}

TEST(ReadTargets, PlacesMistakes) {
  EXPECT_THAT(mistake_of([] { targets_of("{ttft: 0 s}"); }), HasSubstr("ttft must be above 0"));
  EXPECT_THAT(mistake_of([] { targets_of("{classes: [chat]}"); }),
              HasSubstr("classes of serving are a section"));
  EXPECT_THAT(mistake_of([] { targets_of("{classes: {chat: {itl: 1 s}}}"); }),
              HasSubstr("class 'chat' of serving has no key 'itl'"));
  Mistakes mistakes;
  check_targets(targets_of("{classes: {chta: {ttft: 1 s}}}"), {{.name = "chat"}}, mistakes);
  EXPECT_THAT(mistake_of([&] { mistakes.throw_if_any(); }),
              HasSubstr("test.yaml:1:21: error: no request is of class 'chta'"));
}

}  // namespace
}  // namespace moesim
