// Lanes on the engine: schedules with passes of unit times, one GPU a stage.
#include "sim/lane.hpp"

#include <gtest/gtest.h>

#include "tests/schedule/schedule_times.hpp"
#include "tests/support/engine_runs.hpp"

namespace moesim {
namespace {

class Stages {
 public:
  Stages(const std::string& section, int stages, int micro_batches, PassTimes times,
         Bytes sent = {})
      : cluster_(build_cluster(spec(stages), "nvlink_domain")),
        engine_(cluster_, {}),
        schedule_(plugin<PipelineSchedule>(section)),
        shape_(schedule_->shape(stages)),
        operations_(schedule_->operations(stages, micro_batches)),
        at_(operations_.size()),
        times_(times),
        sent_(sent) {
    for (int stage = 0; stage < stages; ++stage) {
      lanes_.push_back(std::make_unique<Lane>(
          std::vector{GpuId(stage)}, engine_, [this, stage] { return more(stage); },
          [this](const Span& span) { spans_.push_back(span); }));
      engine_.add(*lanes_.back());
    }
  }

  double run() { return engine_.run().value; }

 private:
  static ClusterSpec spec(int stages) {
    ClusterSpec spec = test_spec(1);
    spec.gpus_per_node = stages;
    return spec;
  }

  std::vector<Piece> more(int stage) {
    const auto s = static_cast<std::size_t>(stage);
    if (at_[s] == operations_[s].size()) return {};
    const StageOperation& operation = operations_[s][at_[s]++];
    const auto back = goes_back(operation);
    std::vector<Piece> pieces;
    if (goes_forward(operation) && shape_.previous({stage, operation.pass.chunk}))
      pieces.push_back({.wait = {signal(Signal::kActivation, operation.pass)}});
    if (back && shape_.next({stage, back->chunk}))
      pieces.push_back({.wait = {signal(Signal::kGradient, *back)}});
    TaskGraph graph;
    graph.add(compute(cluster_.gpus(), {{stage, times_.of(operation.kind)}}));
    pieces.push_back({.build = [graph] { return graph; }});
    if (goes_forward(operation))
      send(stage, shape_.next({stage, operation.pass.chunk}), Signal::kActivation, operation.pass,
           pieces);
    if (back) send(stage, shape_.previous({stage, back->chunk}), Signal::kGradient, *back, pieces);
    return pieces;
  }

  void send(int from, std::optional<ChunkPlace> to, Signal::Kind kind, ChunkPass pass,
            std::vector<Piece>& pieces) {
    if (!to) return;
    TaskGraph graph;
    graph.add(Transfer{.source = GpuId(from),
                       .target = GpuId(to->stage),
                       .size = sent_,
                       .phase = Phase::kPipeline});
    Lane& target = *lanes_[static_cast<std::size_t>(to->stage)];
    const Signal told = signal(kind, {pass.micro_batch, to->chunk});
    pieces.push_back({.build = [graph] { return graph; },
                      .passed = [&target, told](GpuId gpu) { target.arrived(told, gpu); },
                      .targets = {GpuId(to->stage)}});
  }

  static Signal signal(Signal::Kind kind, ChunkPass pass) {
    return {.kind = kind, .index = pass.micro_batch, .chunk = pass.chunk};
  }

  Cluster cluster_;
  Engine engine_;
  std::unique_ptr<PipelineSchedule> schedule_;
  StageShape shape_;
  std::vector<StageOperations> operations_;
  std::vector<std::size_t> at_;
  PassTimes times_;
  Bytes sent_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<Span> spans_;
};

double run_of(const std::string& section, int stages, int micro_batches, PassTimes times,
              Bytes sent = {}) {
  return in_child(
             [&] { return std::vector{Stages(section, stages, micro_batches, times, sent).run()}; })
      .front();
}

TEST(Lane, RunsSchedulesWithTheirPublishedBubbles) {
  const PassTimes t{.forward = 2, .input = 3, .weight = 1};
  const double f = 2, b = 4, w = 1;
  EXPECT_NEAR(run_of("gpipe", 4, 8, t), 8 * (f + b) + 3 * (f + b), 1e-9);
  EXPECT_NEAR(run_of("one_f_one_b", 4, 8, t), 8 * (f + b) + 3 * (f + b), 1e-9);
  EXPECT_NEAR(run_of("zero_bubble", 4, 8, t), 8 * (f + b) + 3 * (f + b - 2 * w), 1e-9);
  const PassTimes half{.forward = 1, .input = 1.5, .weight = 0.5};
  EXPECT_NEAR(run_of("{kind: interleaved, virtual_stages: 2}", 4, 8, half),
              8 * (f + b) + 3 * (f + b) / 2, 1e-9);
  // (p/2 − 1)(F&B + B − 3W) = 1 × (3 + 2 − 3).
  EXPECT_NEAR(run_of("dualpipe", 4, 8, {}), 8 * 3 + 2, 1e-9);
}

// Transfers leave beside the next pass: only the way through the empty pipeline is longer. 450 MB
// take 1 ms and two hops of 1 us, three times forth and three times back.
TEST(Lane, SendsBesideTheNextOperation) {
  const PassTimes t{};
  const double hop = 1e-3 + 1e-6;
  const double free = run_of("gpipe", 4, 8, t), sent = run_of("gpipe", 4, 8, t, Bytes(450e6));
  EXPECT_NEAR(sent - free, 6 * hop, 1e-5);
}

TEST(Lane, EndsWhereTheListsOfTheScheduleEnd) {
  for (const char* section :
       {"one_f_one_b", "zero_bubble", "dualpipe", "{kind: one_f_one_b, overlapped: true}"}) {
    const auto schedule = plugin<PipelineSchedule>(section);
    const PassTimes t{.forward = 1, .input = 1.25, .weight = 0.75};
    const auto ends = stage_ends(schedule->shape(4), schedule->operations(4, 10), t);
    EXPECT_NEAR(run_of(section, 4, 10, t), *std::max_element(ends.begin(), ends.end()), 1e-9)
        << section;
  }
}

}  // namespace
}  // namespace moesim
