#include "sim/base/registry.hpp"

#include <gmock/gmock.h>

#include "tests/support/mistakes.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Dish {
 public:
  static constexpr const char* kRole = "dish_of_a_test";
  static std::vector<Parameter> common_parameters() {
    return {{.name = "plates", .type = ParameterType::kInteger, .doc = "of all", .fallback = "1"}};
  }
  virtual ~Dish() = default;
  virtual std::string describe() const = 0;
};

class Soup : public Dish {
 public:
  explicit Soup(const Arguments& arguments)
      : salt_(arguments.number("salt")), plates_(arguments.integer("plates")) {}
  std::string describe() const override {
    return std::to_string(plates_) + " soups with " + std::to_string(static_cast<int>(salt_));
  }

 private:
  double salt_ = 0;
  int plates_ = 0;
};

class Bread : public Dish {
 public:
  explicit Bread(const Arguments&) {}
  std::string describe() const override { return "bread"; }
};

const Register<Dish, Soup> kSoup{
    {.name = "soup",
     .summary = "warm",
     .parameters = {{.name = "salt", .type = ParameterType::kNumber, .doc = "", .fallback = "2"}}}};
const Register<Dish, Bread> kBread{{.name = "bread", .summary = "dry"}};

Choice choose(const std::string& text, const std::string& flag = {}) {
  YamlNode root = parse_yaml(text_source("a.yaml", text));
  if (!flag.empty()) apply_override(root, flag);
  Mistakes mistakes;
  Choice choice = read_choice(Dish::kRole, *root.find("dish"), mistakes);
  mistakes.throw_if_any();
  return choice;
}

std::string mistake_in_choice(const std::string& text, const std::string& flag = {}) {
  return mistake_of([&] { choose(text, flag); });
}

TEST(Registry, MakesThePluginThatASectionNames) {
  EXPECT_EQ(Registry<Dish>::make(choose("dish: {kind: soup, salt: 3, plates: 4}"))->describe(),
            "4 soups with 3");
  EXPECT_EQ(Registry<Dish>::make(choose("dish: soup"))->describe(), "1 soups with 2");
  EXPECT_EQ(Registry<Dish>::make(choose("dish: bread"))->describe(), "bread");
}

TEST(Registry, ListsItsPluginsByName) {
  EXPECT_THAT(Catalog::instance().names(Dish::kRole), ElementsAre("bread", "soup"));
  EXPECT_THAT(Catalog::instance().names("no such role"), ElementsAre());
  EXPECT_THAT(Catalog::instance().roles(), ::testing::Contains(Dish::kRole));
  EXPECT_EQ(Catalog::instance().find(Dish::kRole, "soup")->parameters.size(), 2u);
  EXPECT_EQ(Catalog::instance().find(Dish::kRole, "cake"), nullptr);
}

TEST(ReadChoice, SaysWhatIsWrong) {
  EXPECT_EQ(mistake_in_choice("dish: {kind: suop}"),
            "a.yaml:1:14: error: no dish_of_a_test is called 'suop'\n"
            "  dish: {kind: suop}\n               ^\n  hint: did you mean 'soup'?");
  EXPECT_THAT(mistake_in_choice("dish: {salt: 1}"), HasSubstr("dish_of_a_test needs a kind"));
  EXPECT_THAT(mistake_in_choice("dish:"),
              HasSubstr("a.yaml:1:1: error: dish_of_a_test needs a kind"));
  EXPECT_THAT(mistake_in_choice("dish: {kind: }"), HasSubstr("dish_of_a_test needs a kind"));
  EXPECT_THAT(mistake_in_choice("dish: [soup]"), HasSubstr("is a list: it takes one kind"));
  EXPECT_THAT(mistake_in_choice("dish: {kind: bread, salt: 1}"),
              HasSubstr("dish_of_a_test 'bread' has no key 'salt'"));
}

// `placement: {kind: eplb, …}` with `--set placement.kind=linear` is not a mistake.
TEST(ReadChoice, ForgetsTheKeysOfTheKindThatAFlagReplaced) {
  const std::string file = "dish: {kind: soup, salt: 3, plates: 4}";
  const Choice choice = choose(file, "dish.kind=bread");
  EXPECT_FALSE(choice.arguments.has("salt"));
  EXPECT_EQ(choice.arguments.integer("plates"), 4);  // every dish has it
  EXPECT_THAT(mistake_in_choice("dish: {kind: bread, salt: 1}", "dish.plates=2"),
              HasSubstr("no key 'salt'"));
  EXPECT_THAT(mistake_in_choice(file, "dish={kind: bread, salt: 1}"), HasSubstr("no key 'salt'"));
}

TEST(ResolvedChoice, WritesEveryDefaultOut) {
  EXPECT_EQ(write_yaml(resolved_choice(Dish::kRole, choose("dish: soup"))),
            "kind: soup\nsalt: 2\nplates: 1\n");
}

}  // namespace
}  // namespace moesim
