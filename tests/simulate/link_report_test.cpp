// What the links of a cluster carried, put together from what the engine counted.
#include "sim/link_report.hpp"

#include <gmock/gmock.h>

#include "tests/support/clusters.hpp"

namespace moesim {
namespace {

using ::testing::ElementsAre;

LinkUses no_use(const Cluster& cluster) {
  LinkUses uses;
  for (LinkUse& use : uses) {
    use.bytes.raw().assign(cluster.links().size(), 0);
    use.wire_bytes.raw().assign(cluster.links().size(), 0);
  }
  return uses;
}

LinkId link_called(const Cluster& cluster, const std::string& name) {
  for (const Link& link : cluster.links())
    if (link.name == name) return link.id;
  ADD_FAILURE() << "no link " << name;
  return {};
}

// Two nodes of 8: 16 NICs of 50 GB/s. In 1 ms of two steps a NIC carries 10 MB (11 MB of wire) of
// dispatch and 5 MB of combine, another NIC 5 MB of combine.
class ReportOfLinks : public ::testing::Test {
 protected:
  ReportOfLinks() : uses_(no_use(cluster_)) {
    add(Phase::kDispatch, "node0.nic3_out", 10e6, 11e6);
    add(Phase::kCombine, "node0.nic3_out", 5e6, 5e6);
    add(Phase::kCombine, "node1.nic0_in", 5e6, 5e6);
  }
  void add(Phase phase, const std::string& link, double bytes, double wire) {
    LinkUse& use = uses_[static_cast<std::size_t>(phase)];
    use.bytes[link_called(cluster_, link)] = bytes;
    use.wire_bytes[link_called(cluster_, link)] = wire;
  }
  LinkReport report() const { return report_links(uses_, cluster_, Seconds(1e-3), 2); }

  Cluster cluster_ = build_cluster(test_spec(2), "rail_optimized");
  LinkUses uses_;
};

TEST_F(ReportOfLinks, AddsUpAClassAndNamesItsBusiestLink) {
  const LinkReport report = this->report();
  ASSERT_EQ(report.classes.size(), 3u);  // NVLink, NIC, spine; PCIe is never full here
  const LinkClassRecord& nic = report.classes[1];
  EXPECT_EQ(nic.kind, LinkKind::kNic);
  EXPECT_EQ(nic.links, 32);
  EXPECT_DOUBLE_EQ(nic.bytes, 10e6);  // of a step
  EXPECT_EQ(nic.busiest.name, "node0.nic3_out");
  EXPECT_DOUBLE_EQ(nic.busiest.use, 16e6 / 50e6);
  EXPECT_DOUBLE_EQ(nic.use_mean, 21e6 / 50e6 / 32);
  ASSERT_EQ(nic.phases.size(), 2u);
  EXPECT_EQ(nic.phases[1].phase, Phase::kCombine);
  EXPECT_DOUBLE_EQ(nic.phases[1].bytes, 5e6);
  EXPECT_DOUBLE_EQ(nic.phases[1].use, 0.1);
  EXPECT_DOUBLE_EQ(report.largest_use(LinkKind::kNic), 0.32);
  EXPECT_EQ(report.largest_use(LinkKind::kNvLink), 0);
}

TEST_F(ReportOfLinks, SortsLinksByUse) {
  std::vector<std::string> names;
  for (const LinkRecord& link : report().hottest) names.push_back(link.name);
  EXPECT_THAT(names, ElementsAre("node0.nic3_out", "node1.nic0_in"));
}

TEST_F(ReportOfLinks, KnowsWhatCrossesASpineThatIsNeverFull) {
  uses_[static_cast<std::size_t>(Phase::kDispatch)].spine_bytes = 8e6;
  const LinkClassRecord spine = report().classes.back();
  EXPECT_EQ(spine.kind, LinkKind::kSpine);
  EXPECT_EQ(spine.links, 0);
  EXPECT_DOUBLE_EQ(spine.bytes, 4e6);
  EXPECT_DOUBLE_EQ(spine.phases.at(0).bytes, 4e6);
  EXPECT_EQ(spine.busiest.name, "");
}

}  // namespace
}  // namespace moesim
