// `gate`: score and top-k from ready logits.
#include <stdexcept>

#include "kernels/error.hpp"
#include "kernels/profile/subject.hpp"

namespace moesim::kernels {
namespace {

// The parameters of the models that use the gate.
GateRule rule_of(const std::string& gate, int experts, int top_k) {
  GateRule rule{.experts = experts, .top_k = top_k};
  if (gate == "topk_then_softmax") {
    rule.kind = GateKind::kTopkThenSoftmax;
  } else if (gate == "noisy_topk") {
    rule.kind = GateKind::kNoisyTopk;
  } else if (gate == "deepseek_v3") {
    rule.kind = GateKind::kSigmoid;
    rule.renormalize = true;
    rule.scaling_factor = 2.5f;
    const bool grouped = experts % 8 == 0 && experts / 8 >= 2 && top_k <= experts / 2;
    rule.groups = grouped ? 8 : 1;
    rule.groups_kept = grouped ? 4 : 1;
  } else {
    require(gate == "softmax_then_topk", "no kernel for the gate '" + gate + "'");
    rule.renormalize = true;
  }
  return rule;
}

struct GateBuffers {
  Buffer logits, bias, noise, normals, ids, weights;
  std::unique_ptr<Work> work;
};

GateBuffers make_gate(Backend& backend, const Inputs& inputs, const GateRule& rule, int tokens,
                      int number) {
  const auto all = static_cast<std::size_t>(tokens) * static_cast<std::size_t>(rule.experts);
  const auto chosen = static_cast<std::size_t>(tokens) * static_cast<std::size_t>(rule.top_k);
  const auto make = [&](std::size_t count, float scale, std::size_t first) {
    const auto values = inputs.floats(count, scale, first);
    return backend.device->make(std::span(values));
  };
  const std::size_t first = static_cast<std::size_t>(number) * 104729;
  GateBuffers gate{.logits = make(all, 4, first),
                   .ids = backend.device->allocate(chosen * sizeof(std::int32_t)),
                   .weights = backend.device->allocate(chosen * sizeof(float))};
  if (rule.kind == GateKind::kSigmoid)
    gate.bias = make(static_cast<std::size_t>(rule.experts), 0.1f, 17);
  if (rule.kind == GateKind::kNoisyTopk) {
    gate.noise = make(all, 1, first + 31);
    gate.normals = make(all, 1, first + 71);
  }
  gate.work = backend.gate->route({.rule = rule,
                                   .tokens = tokens,
                                   .logits = gate.logits.as<float>(),
                                   .bias = gate.bias.as<float>(),
                                   .noise_logits = gate.noise.as<float>(),
                                   .normals = gate.normals.as<float>(),
                                   .ids = gate.ids.as<std::int32_t>(),
                                   .weights = gate.weights.as<float>()});
  return gate;
}

class GateSubject final : public Subject {
 public:
  explicit GateSubject(const SubjectRequest& request)
      : request_(request),
        rule_(rule_of(request.point.at("gate"), request.size("experts"), request.size("top_k"))),
        tokens_(request.size("tokens")) {}

  std::size_t bytes() const override {
    const std::size_t read = rule_.kind == GateKind::kNoisyTopk ? 3 : 1;
    return static_cast<std::size_t>(tokens_) *
           (read * static_cast<std::size_t>(rule_.experts) * sizeof(float) +
            static_cast<std::size_t>(rule_.top_k) * 2 * sizeof(float));
  }

  void make_copies(int copies) override {
    for (int copy = 0; copy < copies; ++copy)
      copies_.push_back(make_gate(request_.backend, request_.inputs, rule_, tokens_, copy));
  }

  // The first tokens: ids exactly, weights nearly.
  double verify() override {
    run(0);
    const int checked = std::min(tokens_, 256);
    const GateBuffers expected = make_gate(request_.reference, request_.inputs, rule_, checked, 0);
    expected.work->run(Stream::kMain);
    auto ids = request_.backend.device->read<std::int32_t>(copies_.front().ids);
    auto weights = request_.backend.device->read<float>(copies_.front().weights);
    const auto expected_ids = request_.reference.device->read<std::int32_t>(expected.ids);
    const auto expected_weights = request_.reference.device->read<float>(expected.weights);
    ids.resize(expected_ids.size());
    weights.resize(expected_weights.size());
    if (ids != expected_ids) throw std::runtime_error("the gate chooses other experts");
    const double error = relative_error(weights, expected_weights);
    require_close(error, 1e-5, "a weight of the gate");
    return error;
  }

  void run(int copy) override { copies_[static_cast<std::size_t>(copy)].work->run(Stream::kMain); }

 private:
  SubjectRequest request_;
  GateRule rule_;
  int tokens_ = 0;
  std::vector<GateBuffers> copies_;
};

const RegisterSubject kGate{
    "gate", [](const SubjectRequest& request) { return std::make_unique<GateSubject>(request); }};

}  // namespace
}  // namespace moesim::kernels
