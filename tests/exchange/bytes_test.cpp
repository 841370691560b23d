// Byte matrices of every exchange on two nodes of two GPUs, worked out by hand.
//
// Eight experts, 2g and 2g+1 on GPU g. GPU 0 sends three tokens: {0, 1}, {4, 6}, {2, 4}; GPU 3 one:
// {7, 0}. So GPU 0 sends 2, 1, 2, 1 routes to GPUs 0 to 3, and 1, 1, 2, 1 tokens; two of its tokens
// go to its own node, two to the other. Hidden size 128: a bf16 row is 256 bytes, an fp8 row 132.
#include <gtest/gtest.h>

#include "sim/exchange/exchange_policy.hpp"
#include "sim/placement/placement_policy.hpp"
#include "tests/support/clusters.hpp"
#include "tests/support/fake_cost.hpp"
#include "tests/support/plugin.hpp"
#include "tests/support/routings.hpp"

namespace moesim {
namespace {

class ExchangeBytes : public ::testing::Test {
 protected:
  static Cluster small_cluster(int nodes) {
    ClusterSpec spec = test_spec(nodes);
    spec.gpus_per_node = spec.nics_per_node = 4 / nodes;
    return build_cluster(spec, nodes == 1 ? "nvlink_domain" : "rail_optimized");
  }

  ExchangePlan plan(const std::string& kind) {
    const Placement placement =
        plugin<PlacementPolicy>("linear")->place({.load = ExpertLoad(1, 8), .gpus = 4});
    const LayerPlacement& layer = placement.layers[LayerId(0)];
    Assignment assignment =
        plugin<Replica>("static")->assign({routing_, layer, cluster_, StepId(0), LayerId(0)});
    assignment.padding = padding_;
    return plugin<ExchangePolicy>(kind)->plan({.routing = routing_,
                                               .assignment = assignment,
                                               .placement = layer,
                                               .cluster = cluster_,
                                               .model = model_,
                                               .cost = cost_,
                                               .schedule = schedule_,
                                               .rule = rule_});
  }

  Routing routing_ = routing_of({{{0, 1}, {4, 6}, {2, 4}}, {}, {}, {{7, 0}}}, 8);
  Cluster cluster_ = small_cluster(2);
  MoeModel model_{.hidden = 128, .experts = 8, .top_k = 2};
  FakeCost cost_;
  IdMatrix<GpuId, SlotId, double> padding_;
  std::optional<Schedule> schedule_;
  std::optional<RouteRule> rule_;
};

TEST_F(ExchangeBytes, DirectSendsOneRowForEveryRoute) {
  const ExchangePlan plan = this->plan("direct");
  ASSERT_EQ(plan.dispatch.legs.size(), 1);
  EXPECT_EQ(plan.dispatch.legs[0].bytes.raw(), (std::vector<double>{512, 256, 512, 256,  //
                                                                    0, 0, 0, 0,          //
                                                                    0, 0, 0, 0,          //
                                                                    256, 0, 0, 256}));
  EXPECT_EQ(plan.combine.legs[0].bytes.raw(), (std::vector<double>{512, 0, 0, 256,  //
                                                                   256, 0, 0, 0,    //
                                                                   512, 0, 0, 0,    //
                                                                   256, 0, 0, 256}));
  EXPECT_EQ(plan.received_tokens.raw(), (std::vector<double>{3, 1, 2, 2}));
  EXPECT_EQ(plan.dispatch.legs[0].rule, RouteRule::kPxn);
  EXPECT_EQ(cost_.asked(), "nccl combine network");
}

// Rows of 256 + 2 · 12 bytes of metadata.
TEST_F(ExchangeBytes, DirectDedupSendsATokenOnceToEachGpu) {
  const ExchangePlan plan = this->plan("direct_dedup");
  EXPECT_EQ(plan.dispatch.legs[0].bytes.raw(), (std::vector<double>{280, 280, 560, 280,  //
                                                                    0, 0, 0, 0,          //
                                                                    0, 0, 0, 0,          //
                                                                    280, 0, 0, 280}));
  EXPECT_EQ(plan.combine.legs[0].bytes(GpuId(2), GpuId(0)), 512);
  EXPECT_EQ(plan.received_tokens.raw(), (std::vector<double>{2, 1, 2, 2}));
  EXPECT_TRUE(plan.dispatch.rendezvous);
}

TEST_F(ExchangeBytes, HierarchicalDedupSendsATokenOnceToEachNodeAndForwardsIt) {
  const ExchangePlan plan = this->plan("hierarchical_dedup");
  ASSERT_EQ(plan.dispatch.legs.size(), 2);
  // GPU 0 reaches the other node at GPU 2, GPU 3 at GPU 1.
  EXPECT_EQ(plan.dispatch.legs[0].bytes.raw(), (std::vector<double>{280, 280, 560, 0,  //
                                                                    0, 0, 0, 0,        //
                                                                    0, 0, 0, 0,        //
                                                                    0, 280, 0, 280}));
  EXPECT_EQ(plan.dispatch.legs[1].bytes.raw(), (std::vector<double>{0, 0, 0, 0,      //
                                                                    280, 0, 0, 0,    //
                                                                    0, 0, 560, 280,  //
                                                                    0, 0, 0, 0}));
  EXPECT_EQ(plan.combine.legs[0].bytes.raw(), (std::vector<double>{256, 256, 0, 0,  //
                                                                   256, 0, 0, 0,    //
                                                                   0, 0, 512, 0,    //
                                                                   0, 0, 256, 256}));
  EXPECT_EQ(plan.combine.legs[1].bytes.raw(), (std::vector<double>{0, 0, 0, 0,    //
                                                                   0, 0, 0, 256,  //
                                                                   512, 0, 0, 0,  //
                                                                   0, 0, 0, 0}));
  EXPECT_TRUE(plan.dispatch.rendezvous);
  EXPECT_FALSE(plan.combine.rendezvous);
  EXPECT_EQ(plan.dispatch.sms, 24);
}

TEST_F(ExchangeBytes, HierarchicalDedupInsideOneNodeIsDirectDedup) {
  cluster_ = small_cluster(1);
  const ExchangePlan plan = this->plan("hierarchical_dedup");
  const ExchangePlan direct = this->plan("direct_dedup");
  ASSERT_EQ(plan.dispatch.legs.size(), 1);
  EXPECT_EQ(plan.dispatch.legs[0].bytes, direct.dispatch.legs[0].bytes);
  EXPECT_EQ(plan.combine.legs[0].bytes, direct.combine.legs[0].bytes);
  EXPECT_EQ(cost_.asked(), "deepep_normal combine local");
}

// Messages of 16 + 128 + 4 bytes out and 256 bytes back.
TEST_F(ExchangeBytes, LowLatencySendsFp8MessagesAndWaitsForEverySignal) {
  model_.expert_dtype = DType::kFp8Block;
  const ExchangePlan plan = this->plan("low_latency");
  EXPECT_EQ(plan.dispatch.legs[0].bytes(GpuId(0), GpuId(2)), 2 * 148);
  EXPECT_EQ(plan.combine.legs[0].bytes(GpuId(2), GpuId(0)), 2 * 256);
  EXPECT_TRUE(plan.dispatch.signals);
  EXPECT_TRUE(plan.combine.signals);
  EXPECT_EQ(plan.dispatch.sms, 0);
  EXPECT_EQ(plan.received_tokens.raw(), (std::vector<double>{3, 1, 2, 2}));
}

TEST_F(ExchangeBytes, DispatchInBf16WhenToldSo) {
  model_.expert_dtype = DType::kFp8Block;
  const ExchangePlan plan = this->plan("{kind: low_latency, dispatch_dtype: bf16}");
  EXPECT_EQ(plan.dispatch.legs[0].bytes(GpuId(0), GpuId(2)), 2 * (16 + 256));
}

TEST_F(ExchangeBytes, PaddingTravelsAsRowsOfItsOwn) {
  padding_ = IdMatrix<GpuId, SlotId, double>(4, 8);
  padding_(GpuId(0), SlotId(5)) = 3;
  EXPECT_EQ(this->plan("direct").dispatch.legs[0].bytes(GpuId(0), GpuId(2)), 5 * 256);
  const ExchangePlan plan = this->plan("hierarchical_dedup");
  EXPECT_EQ(plan.dispatch.legs[0].bytes(GpuId(0), GpuId(2)), 5 * 280);
  EXPECT_EQ(plan.dispatch.legs[1].bytes(GpuId(2), GpuId(2)), 5 * 280);
}

// NVLink 450 GB/s: 24 SMs at 5 GB/s are the limit. The start-up contains the latency of the links:
// 4 us from NIC to NIC, 0.5 us for the leaf's hop.
TEST_F(ExchangeBytes, InflationIsTheLinkRateOverWhatTheLibraryReaches) {
  cost_.exchange_cost = {.start_up = Seconds(1e-5),
                         .notify = Seconds(2e-5),
                         .rate_per_sm = BytesPerSecond(5e9),
                         .network_efficiency = 0.8};
  const Exchange dispatch = plan("hierarchical_dedup").dispatch;
  const double latency = cluster_.route(GpuId(0), GpuId(2), RouteRule::kDirect).latency.value;
  // NVLink and NIC are rounded together, far from each other.
  EXPECT_NEAR(dispatch.legs[0].network_inflation, 1.25, 1e-4);
  EXPECT_NEAR(dispatch.legs[1].local_inflation, 450.0 / 120.0, 1e-4);
  EXPECT_DOUBLE_EQ(dispatch.start_up.value, 1e-5 - latency);
  EXPECT_DOUBLE_EQ(dispatch.notify.value, 2e-5);
  // Without SMs of its own, the rate per SM is no limit.
  EXPECT_DOUBLE_EQ(plan("{kind: hierarchical_dedup, sms: 0}").dispatch.legs[0].local_inflation, 1);
}

TEST_F(ExchangeBytes, AsksForTheCostsOfTheLibraryItIsToldOf) {
  plan("{kind: low_latency, library: pplx}");
  EXPECT_EQ(cost_.asked(), "pplx combine network");
  plan("low_latency");
  EXPECT_EQ(cost_.asked(), "deepep_low_latency combine network");
}

TEST_F(ExchangeBytes, TheScenarioOverridesScheduleAndRouting) {
  EXPECT_EQ(plan("direct").dispatch.schedule.window, 8);
  schedule_ = Schedule{.window = 3, .order = PeerOrder::kRandom};
  rule_ = RouteRule::kSourceRail;
  const Exchange combine = plan("direct").combine;
  EXPECT_EQ(combine.schedule.window, 3);
  EXPECT_EQ(combine.schedule.order, PeerOrder::kRandom);
  EXPECT_EQ(combine.legs[0].rule, RouteRule::kSourceRail);
}

}  // namespace
}  // namespace moesim
