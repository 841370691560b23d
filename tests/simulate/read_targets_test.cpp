// The section `slo`.
#include "sim/read_targets.hpp"

#include <gmock/gmock.h>

#include "tests/support/mistakes.hpp"
#include "tests/support/sections.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;

ServiceTargets targets_of(const std::string& section) {
  Mistakes mistakes;
  const Arguments arguments =
      read_arguments(section_of("slo: " + section), target_parameters(), mistakes, "section 'slo'");
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
}

TEST(ReadTargets, PlacesMistakes) {
  EXPECT_THAT(mistake_of([] { targets_of("{ttft: 0 s}"); }), HasSubstr("ttft must be above 0"));
  EXPECT_THAT(mistake_of([] { targets_of("{classes: [chat]}"); }),
              HasSubstr("classes of slo are a section"));
  EXPECT_THAT(mistake_of([] { targets_of("{classes: {chat: {itl: 1 s}}}"); }),
              HasSubstr("class 'chat' of slo has no key 'itl'"));
  EXPECT_THAT(mistake_of([] {
                check_targets(targets_of("{classes: {chta: {ttft: 1 s}}}"), {{.name = "chat"}});
              }),
              HasSubstr("test.yaml:1:17: error: no request is of class 'chta'"));
}

}  // namespace
}  // namespace moesim
