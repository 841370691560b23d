// `moesim help`: a page on everything that is declared.
#include <gmock/gmock.h>

#include "sim/base/registry.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/help_topics.hpp"
#include "sim/cli/settings.hpp"
#include "tests/support/mistakes.hpp"
#include "tests/support/program.hpp"
#include "tests/support/shell.hpp"

namespace moesim {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string page(const std::string& topic) { return page_text(find_help_topic(topic).page(), {}); }

TEST(Help, HasAPageOnEverythingDeclared) {
  for (const auto& [name, command] : commands())
    EXPECT_THAT(page(name), HasSubstr(command.summary));
  for (const std::string& role : Catalog::instance().roles())
    for (const std::string& name : Catalog::instance().names(role)) {
      const std::string text = page_text(find_help_topic(role + "." + name).page(), {});
      EXPECT_THAT(text, StartsWith(role + " " + name + "\n"));
      for (const Parameter& parameter : Catalog::instance().find(role, name)->parameters)
        EXPECT_THAT(text, HasSubstr("\n  " + section_of_role(role) + "." + parameter.name));
    }
  for (const Setting& setting : settings()) EXPECT_FALSE(page(setting.key).empty());
}

TEST(Help, SaysWhatAKeyIs) {
  const std::string text = page("placement.redundant");
  EXPECT_THAT(text, HasSubstr("integer, ≥ 0, default 0"));
  EXPECT_THAT(text, HasSubstr("A key of: "));
  EXPECT_THAT(page("network.fidelity"), HasSubstr("pairwise | fluid"));
  EXPECT_THAT(page("mfu"), HasSubstr("FLOPs"));
  EXPECT_THAT(page("exit-codes"), HasSubstr("\n  130 "));
  EXPECT_THAT(page("compare"), HasSubstr("--fail-below"));
  EXPECT_THAT(page("trace"), HasSubstr("trace inspect"));
}

TEST(Help, FindsAPluginByItsNameAlone) {
  EXPECT_THAT(page("eplb"), StartsWith("placement eplb\n"));
  EXPECT_THAT(mistake_of([] { find_help_topic("none"); }), HasSubstr("capacity.none"));
  EXPECT_THAT(mistake_of([] { find_help_topic("placment"); }),
              HasSubstr("there is no help on 'placment'\n  hint: did you mean 'placement'?"));
}

TEST(HelpCommand, ListsItsTopicsAndRefusesOthers) {
  const Session topics = run_program({"help"});
  EXPECT_THAT(topics.out, HasSubstr("\ncommands\n  calibrate "));
  EXPECT_THAT(topics.out, Not(HasSubstr("placement.eplb\n")));
  EXPECT_THAT(run_program({"help", "--all"}).out, HasSubstr("\nplacement.eplb "));
  const Session wrong = run_program({"help", "comparee"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("did you mean 'compare'?"));
}

// man formats it without a word of complaint, and everything is in it.
TEST(ManPage, IsCleanAndWhole) {
  const std::string roff = man_page(manual());
  EXPECT_THAT(roff, HasSubstr(".SH \"NAME\"\n.PP\nmoesim \\- "));
  for (const auto& [name, command] : commands())
    EXPECT_THAT(roff, HasSubstr(".SH \"MOESIM " + [&] {
                  std::string upper = name;
                  for (char& c : upper) c = static_cast<char>(std::toupper(c));
                  return upper;
                }() + "\"\n"));
  if (!there_is("man groff")) GTEST_SKIP() << "there is no man here: apt-get install man-db";
  const TemporaryDirectory folder;
  std::ofstream(folder / "moesim.1") << roff;
  const std::string files = folder.path().string();
  EXPECT_EQ(std::system(("LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l " + files + "/moesim.1 > " +
                         files + "/out 2> " + files + "/err")
                            .c_str()),
            0);
  EXPECT_EQ(file_text(folder / "err"), "");
  const std::string shown = file_text(folder / "out");
  EXPECT_THAT(shown, HasSubstr("--fail-below"));
  EXPECT_THAT(shown, HasSubstr("EXIT STATUS"));
}

}  // namespace
}  // namespace moesim
