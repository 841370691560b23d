// `experts`: permute, grouped FFN and weighted sum in one; and its parts `permute`, `ffn` and
// `unpermute` alone. `experts_with_copy`: the whole while a copy kernel holds some processors.
#include <cmath>

#include "kernels/error.hpp"
#include "kernels/profile/expert_layer.hpp"

namespace moesim::kernels {
namespace {

struct Part {
  bool permute = true, ffn = true, unpermute = true;
};

class Experts : public Subject {
 public:
  Experts(const SubjectRequest& request, Part part)
      : request_(request), load_(layer_load(request)), part_(part) {}

  std::size_t bytes() const override {
    const ExpertSizes sizes = sizes_of(load_.shape);
    const std::size_t hidden = static_cast<std::size_t>(load_.shape.hidden_size) * sizeof(Bf16);
    const std::size_t tokens = static_cast<std::size_t>(load_.input_tokens) * hidden;
    const std::size_t rows = load_.pairs() * hidden;
    std::size_t all = 0;
    if (part_.permute) all += tokens + rows;
    if (part_.ffn) all += (sizes.up + sizes.down) * bytes_of(load_.shape.dtype) + 2 * rows;
    if (part_.unpermute) all += rows + tokens;
    return all;
  }

  void make_copies(int copies) override {
    ExpertShape shape = load_.shape;
    shape.experts *= copies;
    Device& device = *request_.backend.device;
    const WeightBuffers& weights = request_.weights.get(device, request_.inputs, shape);
    for (int copy = 0; copy < copies; ++copy) {
      layers_.push_back(std::make_unique<ExpertLayer>(request_, load_, weights,
                                                      copy * load_.shape.experts, copy));
      run_parts(copy, {});  // so that a part alone finds what comes before it
    }
    device.synchronize();
  }

  double verify() override {
    run_parts(0, {});
    request_.backend.device->synchronize();
    return verify_layer(*layers_.front(), load_, request_, 0);
  }

  void run(int copy) override { run_parts(copy, part_); }

  std::string variant() const override {
    return variant_name(load_.multiplier, request_.backend.device->facts());
  }

 protected:
  const SubjectRequest& request() const { return request_; }

 private:
  void run_parts(int copy, Part part) {
    ExpertLayer& layer = *layers_[static_cast<std::size_t>(copy)];
    if (part.permute) layer.permute();
    if (part.ffn) layer.ffn();
    if (part.unpermute) layer.unpermute();
  }

  SubjectRequest request_;
  LayerLoad load_;
  Part part_;
  std::vector<std::unique_ptr<ExpertLayer>> layers_;
};

// What communication kernels that take processors do to experts.
class ExpertsBesideCopy final : public Experts {
 public:
  explicit ExpertsBesideCopy(const SubjectRequest& request)
      : Experts(request, {}), processors_(request.size("copy_sms")) {
    require(request.backend.device->facts().streams_overlap,
            "nothing runs beside a kernel on this device");
    if (processors_ == 0) return;
    Device& device = *request.backend.device;
    const auto values = request.inputs.floats(kBytes / sizeof(float), 1);
    source_ = device.make(std::span(values));
    target_ = device.allocate(kBytes);
    copy_ = request.backend.copy->processor_copy({.bytes = kBytes,
                                                  .processors = processors_,
                                                  .source = source_.as<void>(),
                                                  .target = target_.as<void>()});
    copy_->run(Stream::kSide);
    device.synchronize();
    copy_seconds_ = device.seconds(Stream::kSide, [&] { copy_->run(Stream::kSide); });
  }

  // Copies for three times as long as the sample, so that it never runs alone.
  void before_sample(double seconds) override {
    if (!copy_) return;
    request().backend.device->synchronize();
    const int copies = static_cast<int>(std::ceil(3 * seconds / copy_seconds_)) + 1;
    for (int i = 0; i < copies; ++i) copy_->run(Stream::kSide);
  }

 private:
  static constexpr std::size_t kBytes = 64 << 20;
  int processors_ = 0;
  Buffer source_, target_;
  std::unique_ptr<Work> copy_;
  double copy_seconds_ = 1;
};

const RegisterSubject kExperts{"experts", [](const SubjectRequest& request) {
                                 return std::make_unique<Experts>(request, Part{});
                               }};
const RegisterSubject kPermute{"permute", [](const SubjectRequest& request) {
                                 return std::make_unique<Experts>(
                                     request, Part{.ffn = false, .unpermute = false});
                               }};
const RegisterSubject kFfn{"ffn", [](const SubjectRequest& request) {
                             return std::make_unique<Experts>(
                                 request, Part{.permute = false, .unpermute = false});
                           }};
const RegisterSubject kUnpermute{"unpermute", [](const SubjectRequest& request) {
                                   return std::make_unique<Experts>(
                                       request, Part{.permute = false, .ffn = false});
                                 }};
const RegisterSubject kBeside{"experts_with_copy", [](const SubjectRequest& request) {
                                return std::make_unique<ExpertsBesideCopy>(request);
                              }};

}  // namespace
}  // namespace moesim::kernels
