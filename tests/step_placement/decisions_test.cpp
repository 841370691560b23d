// Which experts travel, worked out by hand. One node of four GPUs (two of two for Janus), an expert
// on each, and the model's sizes chosen so that the rules' units are whole numbers.
#include <gtest/gtest.h>

#include "sim/step_placement/step_placement.hpp"
#include "tests/support/replicas.hpp"

namespace moesim {
namespace {

using Copies = std::vector<TemporaryCopy>;
using Taken = std::vector<TakenRoutes>;

TemporaryCopy copy(int gpu, int expert) { return {GpuId(gpu), ExpertId(expert)}; }
TakenRoutes taken(int source, int slot, int gpu, int routes) {
  return {GpuId(source), SlotId(slot), GpuId(gpu), routes};
}

ExpertCounts counts_of(const std::vector<std::vector<int>>& rows) {
  ExpertCounts counts(rows.size(), rows.front().size());
  for (const GpuId source : counts.row_ids())
    std::copy(rows[source.index()].begin(), rows[source.index()].end(), counts.row(source).begin());
  return counts;
}

// bf16 experts of two matrices: 2 · hidden · width parameters.
MoeModel model_of(int experts, int hidden, int width) {
  MoeModel model;
  model.hidden = hidden;
  model.expert_width = width;
  model.experts = experts;
  model.expert_matrices = 2;
  model.expert_dtype = model.dtype = DType::kBf16;
  return model;
}

struct Layer {
  Cluster cluster;
  MoeModel model;
  LayerPlacement placement;  // expert e in slot e
  Assignment assignment;

  // `routes` [source][expert].
  Layer(int nodes, const std::vector<std::vector<int>>& routes, MoeModel sizes)
      : cluster(cluster_of(nodes, static_cast<int>(routes.size()) / nodes)),
        model(std::move(sizes)) {
    std::vector<int> experts(routes.front().size());
    for (std::size_t e = 0; e < experts.size(); ++e) experts[e] = static_cast<int>(e);
    placement = placement_of(experts, static_cast<int>(routes.size()));
    assignment.routes = IdMatrix<GpuId, SlotId, int>(routes.size(), experts.size());
    for (const GpuId source : assignment.routes.row_ids())
      std::copy(routes[source.index()].begin(), routes[source.index()].end(),
                assignment.routes.row(source).begin());
  }

  StepCopies decide(const std::string& kind, const ExpertCounts* before = nullptr) const {
    return plugin<StepPlacement>(kind)->decide({.assignment = assignment,
                                                .placement = placement,
                                                .cluster = cluster,
                                                .model = model,
                                                .before = before});
  }
};

// With α 1, H 1, 1 FLOP/s and 4 B/s: 12 s for a route's compute, 4 s for its exchanges, and 2 s a
// shadow. Loads 8, 4, 3, 3: 128 s; 64 + 2; 48 + 4; 48 + 6 is more: two shadows.
constexpr const char* kUnits =
    "{kind: shadowing, alpha: 1, hidden: 1, speed: 1 FLOP/s, bandwidth: 4 B/s}";

TEST(Shadowing, StopsAtTheFirstShadowThatDoesNotPay) {
  const Layer layer(1, {{2, 1, 3, 0}, {2, 1, 0, 0}, {2, 1, 0, 0}, {2, 1, 0, 3}}, model_of(4, 1, 1));
  const StepCopies copies = layer.decide(kUnits);
  EXPECT_EQ(copies.copies,
            (Copies{copy(0, 1), copy(1, 0), copy(2, 0), copy(2, 1), copy(3, 0), copy(3, 1)}));
  // Each shadow computes what its own GPU routed to the expert.
  EXPECT_EQ(copies.taken, (Taken{taken(0, 1, 0, 1), taken(1, 0, 1, 2), taken(2, 0, 2, 2),
                                 taken(2, 1, 2, 1), taken(3, 0, 3, 2), taken(3, 1, 3, 1)}));
}

// 5, 5, 5, 5: shadowing one leaves another as heavy.
TEST(Shadowing, DoesNothingForABalancedBatch) {
  const Layer layer(1, {{5, 0, 0, 0}, {0, 5, 0, 0}, {0, 0, 5, 0}, {0, 0, 0, 5}}, model_of(4, 1, 1));
  EXPECT_TRUE(layer.decide(kUnits).copies.empty());
}

// Loads 9, 6, 3 and 1 always pay, and the last expert still stays.
TEST(Shadowing, NeverShadowsTheLastExpert) {
  const Layer layer(1, {{9, 6, 3, 1}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}}, model_of(4, 1, 1));
  std::vector<bool> shadowed(4);
  for (const TemporaryCopy& each : layer.decide(kUnits).copies)
    shadowed[each.expert.index()] = true;
  EXPECT_EQ(shadowed, (std::vector<bool>{true, true, true, false}));
}

// By default H 2048, α 2, 6.25 GB/s and 11.5 TFLOP/s: a route costs 3·4·2·2048²/11.5e12 s and
// 16·2048/6.25e9 s, 8.753 + 5.243 µs; a shadow 2·2·2048²·4/6.25e9 s, 10.74 ms. So a shadow has to
// take 768 routes off the heaviest expert: 767 × 13.996 µs = 10.735 ms, 768 × … = 10.749 ms.
TEST(Shadowing, PaysFrom768RoutesOnByDefault) {
  const auto copies = [](int more) {
    const Layer layer(1, {{1000 + more, 0}, {0, 1000}}, model_of(2, 2048, 4096));
    return layer.decide("shadowing").copies;
  };
  EXPECT_TRUE(copies(767).empty());
  EXPECT_EQ(copies(768), Copies{copy(1, 0)});
  // Of the model itself, H 2048 and α 2, it is the same.
  const Layer layer(1, {{1768, 0}, {0, 1000}}, model_of(2, 2048, 4096));
  EXPECT_EQ(layer.decide("{kind: shadowing, hidden: 0, alpha: 0}").copies, Copies{copy(1, 0)});
}

// Two machines of two GPUs; experts of 2·1·64 parameters, 256 bytes; a row is 2 bytes. The first
// machine routes 200 + 57 to experts 2 and 3 of the second: 514 bytes against 512. The second
// routes 256 to one expert of the first, and none to the other: 512 bytes against 256.
TEST(Janus, WeighsEachMachinesRowsAgainstTheExpertsItLacks) {
  const MoeModel model = model_of(4, 1, 64);
  const Layer both(2, {{7, 0, 100, 57}, {0, 0, 100, 0}, {100, 0, 0, 0}, {156, 0, 0, 0}}, model);
  const StepCopies copies = both.decide("janus");
  EXPECT_EQ(copies.copies, (Copies{copy(0, 2), copy(0, 3), copy(1, 2), copy(2, 0), copy(3, 0)}));
  EXPECT_EQ(copies.taken, (Taken{taken(0, 2, 0, 100), taken(0, 3, 0, 57), taken(1, 2, 1, 100),
                                 taken(2, 0, 2, 100), taken(3, 0, 3, 156)}));
  // 256 routes are 512 bytes: as many, so the first machine's tokens go to the experts.
  const Layer second(2, {{7, 0, 100, 56}, {0, 0, 100, 0}, {100, 0, 0, 0}, {156, 0, 0, 0}}, model);
  EXPECT_EQ(second.decide("janus").copies, (Copies{copy(2, 0), copy(3, 0)}));
  EXPECT_EQ(second.decide("{kind: janus, ways: 2}").copies, copies.copies);
}

TEST(Janus, MovesNothingInsideOneMachine) {
  const Layer layer(1, {{0, 1000}, {1000, 0}}, model_of(2, 1, 64));
  EXPECT_TRUE(layer.decide("janus").copies.empty());
}

// Loads 20, 8, 4, 8; mean 10. GPU 0 gives min(20 − 10, 10 − 4) = 6 routes of expert 0 to GPU 2: its
// own 3 first, then the 3 of source 0. Then 14, 8, 10, 8: two to GPU 1, two to GPU 3.
TEST(HarMoEny, GivesTheLeastLoadedWhatBringsNeitherPastTheMean) {
  const Layer layer(1, {{11, 8, 0, 0}, {4, 0, 4, 0}, {3, 0, 0, 8}, {2, 0, 0, 0}},
                    model_of(4, 1, 64));
  const StepCopies two = layer.decide("{kind: harmoeny, least: 2}");
  EXPECT_EQ(two.copies, (Copies{copy(1, 0), copy(2, 0), copy(3, 0)}));
  EXPECT_EQ(two.taken,
            (Taken{taken(2, 0, 2, 3), taken(0, 0, 2, 3), taken(1, 0, 1, 2), taken(3, 0, 3, 2)}));
  EXPECT_EQ(layer.decide("{kind: harmoeny, least: 3}").copies, Copies{copy(2, 0)});
  EXPECT_TRUE(layer.decide("{kind: harmoeny, least: 7}").copies.empty());
}

// An expert of 2·1024·1024 parameters is 4 MiB: 81.9 µs over 0.8 of a PCIe link of 64 GB/s. A route
// is 4 MiFLOP, 4.19 ns at 1 PFLOP/s: 19532 of them (4194304/51.2e9 ÷ (4194304/1e15) = 19531.25).
TEST(HarMoEny, TakesByDefaultWhatIsWorthTheFetch) {
  const auto copies = [](int surplus) {
    const Layer layer(1, {{20000 + 2 * surplus, 0}, {0, 20000}}, model_of(2, 1024, 1024));
    return layer.decide("harmoeny").copies;
  };
  EXPECT_TRUE(copies(19531).empty());
  EXPECT_EQ(copies(19532), Copies{copy(1, 0)});
}

// H 450: a row there and back is 1800 bytes, 4 ns over NVLink. A route's 4·450·125000 FLOP take
// 225 ns at 1 PFLOP/s; an expert's 225 MB take 500 µs. A step ago GPUs 1, 2 and 3 routed 3000,
// 3000 and 1000 to expert 0, and GPU 0 2000: 9000 · 225 + 7000 · 4 = 2053 µs. With a copy on GPU 1
// it is 6000 · 225 + 4000 · 4 + 500 = 1866 µs; on 1 and 2: 3000 · 225 + 1000 · 4 + 1000 = 1679 µs;
// on 1, 2 and 3: 3000 · 225 + 1500 = 2175 µs, as GPU 1 then is the busiest.
TEST(Prophet, CopiesToTheGpusThatMakeTheModelledTimeLeast) {
  const MoeModel model = model_of(4, 450, 125000);
  const ExpertCounts before =
      counts_of({{2000, 0, 0, 0}, {3000, 0, 0, 0}, {3000, 0, 0, 0}, {1000, 0, 0, 0}});
  const Layer layer(1, {{5, 0, 0, 0}, {6, 0, 0, 0}, {0, 0, 0, 0}, {8, 0, 0, 0}}, model);
  const StepCopies copies = layer.decide("prophet", &before);
  EXPECT_EQ(copies.copies, (Copies{copy(1, 0), copy(2, 0)}));
  // They compute this step's routes of their GPUs, of which GPU 2 has none.
  EXPECT_EQ(copies.taken, Taken{taken(1, 0, 1, 6)});
  EXPECT_EQ(layer.decide("{kind: prophet, exposed: 0}", &before).copies,
            (Copies{copy(1, 0), copy(2, 0), copy(3, 0)}));
  EXPECT_TRUE(layer.decide("prophet").copies.empty()) << "there was no step before";
}

TEST(Prophet, CopiesNothingForABalancedLayer) {
  const ExpertCounts before = counts_of({{10, 10}, {10, 10}});
  const Layer layer(1, {{10, 10}, {10, 10}}, model_of(2, 450, 125000));
  EXPECT_TRUE(layer.decide("prophet", &before).copies.empty());
}

}  // namespace
}  // namespace moesim
