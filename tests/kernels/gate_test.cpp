// Fast gates against the plain loops: the same ids, weights within rounding.
#include <algorithm>
#include <numeric>

#include "kernels/error.hpp"
#include "kernels/gate_math.hpp"
#include "tests/kernels/gate_runs.hpp"

namespace moesim::kernels {
namespace {

GateInputs random_inputs(const GateRule& rule, int tokens, unsigned seed) {
  const std::size_t count = static_cast<std::size_t>(tokens) * rule.experts;
  GateInputs inputs{.rule = rule, .tokens = tokens, .logits = normals(count, seed, 2)};
  if (weighs_by_score(rule.kind)) inputs.bias = normals(rule.experts, seed + 1, 0.1f);
  if (rule.kind == GateKind::kNoisyTopk) {
    inputs.noise_logits = normals(count, seed + 2);
    inputs.normals = normals(count, seed + 3);
  }
  return inputs;
}

void expect_same(const GateOutputs& ours, const GateOutputs& reference) {
  ASSERT_EQ(ours.ids, reference.ids);
  ASSERT_EQ(ours.weights.size(), reference.weights.size());
  for (std::size_t i = 0; i < ours.weights.size(); ++i)
    ASSERT_NEAR(ours.weights[i], reference.weights[i],
                1e-6f + 2e-6f * std::abs(reference.weights[i]))
        << i;
}

class Gate : public OnBackend {
 protected:
  void expect_as_reference(const GateRule& rule, int tokens, unsigned seed) {
    SCOPED_TRACE("kind " + std::to_string(static_cast<int>(rule.kind)) + ", " +
                 std::to_string(rule.experts) + " experts, " + std::to_string(tokens) + " tokens");
    const GateInputs inputs = random_inputs(rule, tokens, seed);
    expect_same(route(fast_, inputs), route(reference_, inputs));
  }
};

constexpr GateKind kKinds[] = {GateKind::kTopkThenSoftmax, GateKind::kSoftmaxThenTopk,
                               GateKind::kSigmoid, GateKind::kSqrtSoftplus, GateKind::kNoisyTopk};

TEST_P(Gate, RoutesAsTheReferenceForEveryKindAndNumberOfExperts) {
  unsigned seed = 10;
  for (const GateKind kind : kKinds)
    for (const int experts : {1, 2, 8, 31, 32, 33, 64, 160, 256, 384, 512, 1000, 1024}) {
      const GateRule rule{.kind = kind,
                          .experts = experts,
                          .top_k = std::min(8, experts),
                          .renormalize = seed % 2 == 0,
                          .scaling_factor = 2.5f};
      expect_as_reference(rule, 67, ++seed);
    }
}

TEST_P(Gate, RoutesAsTheReferenceWithGroups) {
  struct Case {
    int experts, groups, kept, top_k;
  };
  unsigned seed = 100;
  for (const Case& c :
       {Case{256, 8, 4, 8}, Case{160, 8, 3, 6}, Case{24, 4, 2, 6}, Case{96, 6, 2, 4},
        Case{1024, 32, 16, 16}, Case{512, 4, 1, 8}, Case{32, 32, 9, 9}, Case{64, 1, 1, 8}})
    for (const GateKind kind : kKinds)
      for (const GroupScore score : {GroupScore::kSumOfTopTwo, GroupScore::kMax}) {
        const GateRule rule{.kind = kind,
                            .experts = c.experts,
                            .top_k = c.top_k,
                            .renormalize = true,
                            .groups = c.groups,
                            .groups_kept = c.kept,
                            .group_score = score};
        expect_as_reference(rule, 33, ++seed);
      }
}

TEST_P(Gate, RoutesOneTokenAndTheLargestShape) {
  expect_as_reference({.kind = GateKind::kSigmoid, .experts = 256, .top_k = 8}, 1, 7);
  expect_as_reference({.kind = GateKind::kSoftmaxThenTopk, .experts = 1024, .top_k = 16}, 1, 8);
  expect_as_reference({.kind = GateKind::kTopkThenSoftmax, .experts = 1024, .top_k = 16}, 1031, 9);
}

TEST_P(Gate, GivesTiesToTheLowerExpert) {
  const GateRule rule{.kind = GateKind::kTopkThenSoftmax, .experts = 70, .top_k = 4};
  GateInputs inputs{.rule = rule, .tokens = 2, .logits = std::vector<float>(140, -1.0f)};
  inputs.logits[69] = inputs.logits[3] = inputs.logits[40] = 2.0f;  // token 0: three best, then 0
  inputs.logits[70] = -0.0f;                                        // token 1: zeros of both signs
  inputs.logits[71] = 0.0f;
  const GateOutputs outputs = route(fast_, inputs);
  EXPECT_EQ(outputs.ids, (std::vector<std::int32_t>{3, 40, 69, 0, 0, 1, 2, 3}));
}

// Worked out by hand: with four groups of two, sums 5, 3, 9, 5 keep groups 2 and, by its lower
// number, 0.
TEST_P(Gate, GivesTiesToTheLowerGroup) {
  const GateRule rule{
      .kind = GateKind::kTopkThenSoftmax, .experts = 8, .top_k = 3, .groups = 4, .groups_kept = 2};
  const GateInputs inputs{.rule = rule, .tokens = 1, .logits = {1, 4, 2, 1, 5, 4, 5, 0}};
  EXPECT_EQ(route(fast_, inputs).ids, (std::vector<std::int32_t>{4, 1, 5}));
}

TEST_P(Gate, WeightsOfASoftmaxOverTheChosenSumToOne) {
  const GateInputs inputs =
      random_inputs({.kind = GateKind::kTopkThenSoftmax, .experts = 128, .top_k = 8}, 50, 3);
  const GateOutputs outputs = route(fast_, inputs);
  for (int token = 0; token < 50; ++token)
    EXPECT_NEAR(std::accumulate(outputs.weights.begin() + token * 8,
                                outputs.weights.begin() + token * 8 + 8, 0.0f),
                1.0f, 1e-6f);
}

TEST_P(Gate, LogitsAreTheProductOfHiddenStatesAndRouter) {
  struct Case {
    int tokens, experts, width;
  };
  for (const Case& c : {Case{1, 8, 64}, Case{5, 256, 512}, Case{200, 33, 136}, Case{130, 1, 8}}) {
    const std::vector<Bf16> hidden = bf16_normals(c.tokens * c.width, 1);
    const std::vector<Bf16> router = bf16_normals(c.experts * c.width, 2, 0.1f);
    const auto run = [&](const Backend& backend) {
      const Buffer x = upload(backend, hidden), w = upload(backend, router);
      const Buffer out = room_for<float>(backend, c.tokens * c.experts);
      const auto work = backend.gate->logits(LogitsArguments{.tokens = c.tokens,
                                                             .experts = c.experts,
                                                             .hidden_size = c.width,
                                                             .hidden = x.as<Bf16>(),
                                                             .router = w.as<Bf16>(),
                                                             .logits = out.as<float>()});
      work->run(Stream::kMain);
      return backend.device->read<float>(out);
    };
    const std::vector<float> ours = run(fast_), expected = run(reference_);
    for (std::size_t i = 0; i < ours.size(); ++i)
      ASSERT_NEAR(ours[i], expected[i], 2e-6f * c.width) << i;
  }
}

TEST_P(Gate, RefusesWhatItCannotRun) {
  EXPECT_THROW(route(fast_, random_inputs({.experts = 1025, .top_k = 1}, 1, 1)), UnsupportedError);
  EXPECT_THROW(route(fast_, random_inputs({.experts = 64, .top_k = 17}, 1, 1)), UnsupportedError);
  EXPECT_THROW(route(fast_, random_inputs({.experts = 10, .top_k = 2, .groups = 3}, 1, 1)),
               UnsupportedError);
  EXPECT_THROW(route(fast_, random_inputs({.experts = 8, .top_k = 3, .groups = 4}, 1, 1)),
               UnsupportedError);  // the one group kept has two experts
}

MOESIM_ON_ALL_BACKENDS(Gate);

}  // namespace
}  // namespace moesim::kernels
