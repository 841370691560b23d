#include "sim/base/presets.hpp"

#include <gmock/gmock.h>
#include <stdlib.h>

#include "sim/base/yaml.hpp"
#include "tests/support/mistakes.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moesim {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

// A folder of presets of the user's own, named in MOESIM_SCENARIOS.
class Presets : public ::testing::Test {
 protected:
  Presets() {
    write_file(folder_ / "own/models/my-model.yaml", "layers: 1\n");
    write_file(folder_ / "own/traces/my-trace.h5", "x");
    write_file(folder_ / "work/scenario.yaml", "model: my-model\n");
    write_file(folder_ / "work/models/near.yaml", "layers: 2\n");
    setenv("MOESIM_SCENARIOS", (folder_ / "own").c_str(), 1);
  }
  ~Presets() override { unsetenv("MOESIM_SCENARIOS"); }

  // A place in work/scenario.yaml.
  Spot spot() const { return {read_source(folder_ / "work/scenario.yaml", "scenario.yaml"), 1, 8}; }

  TemporaryDirectory folder_;
};

TEST_F(Presets, AreFoundByName) {
  EXPECT_EQ(find_preset("models", "my-model", spot()), folder_ / "own/models/my-model.yaml");
  EXPECT_THAT(preset_names("models"), Contains("my-model"));
}

TEST_F(Presets, APathIsRelativeToTheFileItIsWrittenIn) {
  EXPECT_EQ(find_preset("models", "models/near.yaml", spot()), folder_ / "work/models/near.yaml");
  EXPECT_EQ(find_preset("models", "../own/models/my-model.yaml", spot()).lexically_normal(),
            folder_ / "own/models/my-model.yaml");
  EXPECT_EQ(mistake_of([&] { find_preset("models", "models/far.yaml", spot()); }),
            "scenario.yaml:1:8: error: no file 'models/far.yaml'\n  model: my-model\n         ^\n"
            "  hint: a path is relative to the file it is written in");
}

TEST_F(Presets, AnUnknownNameGetsTheNearestOne) {
  EXPECT_THAT(mistake_of([&] { find_preset("models", "my-modle", spot()); }),
              HasSubstr("error: no preset 'my-modle' in models\n  model: my-model\n         ^\n"
                        "  hint: did you mean 'my-model'?"));
}

TEST_F(Presets, AFileIsFoundBesideItsTextOrAmongThePresets) {
  EXPECT_EQ(find_file("models/near.yaml", spot(), "traces"), folder_ / "work/models/near.yaml");
  EXPECT_EQ(find_file("my-trace.h5", spot(), "traces"), folder_ / "own/traces/my-trace.h5");
  EXPECT_THAT(mistake_of([&] { find_file("no.h5", spot(), "traces"); }),
              HasSubstr("no file 'no.h5'"));
}

TEST_F(Presets, AreShownWithoutTheFolderTheyAreInstalledIn) {
  EXPECT_EQ(shown_path(folder_ / "own/models/my-model.yaml"), "scenarios/models/my-model.yaml");
  EXPECT_EQ(shown_path("runs/../runs/a.yaml"), "runs/a.yaml");
}

}  // namespace
}  // namespace moesim
