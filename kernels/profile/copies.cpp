// `copy_device`, `copy_host_to_device`, `copy_device_to_host`, `memory_pass` (a copy by the whole
// device) and `launch` (kernels that do nothing, each started on its own or all in a graph).
#include <algorithm>
#include <stdexcept>

#include "kernels/error.hpp"
#include "kernels/profile/subject.hpp"

namespace moesim::kernels {
namespace {

struct Ends {
  Buffer source, target;
  std::unique_ptr<Work> work;
};

class Copy final : public Subject {
 public:
  // No path: a memory pass.
  Copy(const SubjectRequest& request, const CopyPath* path)
      : request_(request), bytes_(request.point.at("shape").at("bytes").get<std::size_t>()) {
    if (path != nullptr) path_ = *path;
    by_engine_ = path != nullptr;
    bytes_ = std::max<std::size_t>(16, bytes_ / 16 * 16);
  }

  std::size_t bytes() const override { return 2 * bytes_; }

  void make_copies(int copies) override {
    for (int copy = 0; copy < copies; ++copy) {
      Ends ends{.source = memory(path_ == CopyPath::kHostToDevice),
                .target = memory(path_ == CopyPath::kDeviceToHost)};
      const auto values =
          request_.inputs.floats(bytes_ / sizeof(float), 1, static_cast<std::size_t>(copy) * 7919);
      write(ends.source, std::as_bytes(std::span(values)));
      CopyKernels& kernels = *request_.backend.copy;
      const void* source = ends.source.as<void>();
      void* target = ends.target.as<void>();
      ends.work =
          by_engine_
              ? kernels.copy({.path = path_, .bytes = bytes_, .source = source, .target = target})
              : kernels.memory_pass({.pass = MemoryPass::kCopy,
                                     .bytes = bytes_,
                                     .source = source,
                                     .target = target});
      copies_.push_back(std::move(ends));
    }
  }

  double verify() override {
    run(0);
    request_.backend.device->synchronize();
    const std::size_t count = bytes_ / sizeof(float);
    const auto expected = request_.inputs.floats(count, 1);
    std::vector<float> found(count);
    if (path_ == CopyPath::kDeviceToHost)
      std::copy_n(copies_.front().target.as<float>(), count, found.data());
    else
      request_.backend.device->download(std::as_writable_bytes(std::span(found)),
                                        copies_.front().target);
    if (found != expected) throw std::runtime_error("a copy differs from its source");
    return 0;
  }

  void run(int copy) override { copies_[static_cast<std::size_t>(copy)].work->run(Stream::kMain); }

 private:
  Buffer memory(bool host) {
    Device& device = *request_.backend.device;
    return host ? device.allocate_host(bytes_) : device.allocate(bytes_);
  }
  void write(const Buffer& buffer, std::span<const std::byte> values) {
    if (path_ == CopyPath::kHostToDevice)
      std::copy(values.begin(), values.end(), buffer.as<std::byte>());
    else
      request_.backend.device->upload(buffer, values);
  }

  SubjectRequest request_;
  CopyPath path_ = CopyPath::kDeviceToDevice;
  bool by_engine_ = false;
  std::size_t bytes_ = 0;
  std::vector<Ends> copies_;
};

class Launch final : public Subject {
 public:
  explicit Launch(const SubjectRequest& request)
      : nothing_(request.backend.copy->nothing()), kernels_(request.size("kernels")) {}
  std::size_t bytes() const override { return 1; }
  void make_copies(int) override {}
  double verify() override { return 0; }
  void run(int) override {
    for (int i = 0; i < kernels_; ++i) nothing_->run(Stream::kMain);
  }

 private:
  std::unique_ptr<Work> nothing_;
  int kernels_ = 1;
};

template <CopyPath path>
std::unique_ptr<Subject> make_copy(const SubjectRequest& request) {
  constexpr CopyPath kPath = path;
  return std::make_unique<Copy>(request, &kPath);
}

const RegisterSubject kDevice{"copy_device", make_copy<CopyPath::kDeviceToDevice>};
const RegisterSubject kToDevice{"copy_host_to_device", make_copy<CopyPath::kHostToDevice>};
const RegisterSubject kToHost{"copy_device_to_host", make_copy<CopyPath::kDeviceToHost>};
const RegisterSubject kPass{"memory_pass", [](const SubjectRequest& request) {
                              return std::make_unique<Copy>(request, nullptr);
                            }};
const RegisterSubject kLaunch{
    "launch", [](const SubjectRequest& request) { return std::make_unique<Launch>(request); }};

}  // namespace
}  // namespace moesim::kernels
