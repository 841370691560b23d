// `gemm`: C[m,n] = A[m,k] · B[k,n] of bf16 with float32 results, as the library of the device does
// it; `router`: the same with the shape of a router.
#include <cmath>

#include "kernels/error.hpp"
#include "kernels/profile/subject.hpp"

namespace moesim::kernels {
namespace {

struct GemmBuffers {
  Buffer a, b, c;
  std::unique_ptr<Work> work;
};

class Gemm final : public Subject {
 public:
  Gemm(const SubjectRequest& request, int m, int n, int k)
      : request_(request), m_(m), n_(n), k_(k) {
    require(request.point.at("dtype") == "bf16", "gemm runs in bf16 only");
  }

  std::size_t bytes() const override {
    const auto m = static_cast<std::size_t>(m_), n = static_cast<std::size_t>(n_),
               k = static_cast<std::size_t>(k_);
    return (m * k + n * k) * sizeof(Bf16) + m * n * sizeof(float);
  }

  void make_copies(int copies) override {
    const auto m = static_cast<std::size_t>(m_), n = static_cast<std::size_t>(n_),
               k = static_cast<std::size_t>(k_);
    Device& device = *request_.backend.device;
    for (int copy = 0; copy < copies; ++copy) {
      const std::size_t first = static_cast<std::size_t>(copy) * 15485863;
      const auto a = request_.inputs.bf16(m * k, 1, first);
      const auto b = request_.inputs.bf16(n * k, 1, first + kOffset);
      GemmBuffers buffers{.a = device.make(std::span(a)),
                          .b = device.make(std::span(b)),
                          .c = device.allocate(m * n * sizeof(float))};
      buffers.work = request_.backend.gate->logits({.tokens = m_,
                                                    .experts = n_,
                                                    .hidden_size = k_,
                                                    .hidden = buffers.a.as<Bf16>(),
                                                    .router = buffers.b.as<Bf16>(),
                                                    .logits = buffers.c.as<float>()});
      copies_.push_back(std::move(buffers));
    }
  }

  // Some elements of the first and the last row, summed in double.
  double verify() override {
    run(0);
    const auto k = static_cast<std::size_t>(k_), n = static_cast<std::size_t>(n_);
    double error = 0;
    for (const std::size_t row : {std::size_t{0}, static_cast<std::size_t>(m_ - 1)}) {
      const auto a = request_.inputs.bf16(k, 1, row * k);
      const auto c = request_.backend.device->read<float>(
          slice(copies_.front().c, row * n * sizeof(float), n * sizeof(float)));
      std::vector<float> found, expected;
      for (std::size_t column = 0; column < n; column += std::max<std::size_t>(1, n / 61)) {
        const auto b = request_.inputs.bf16(k, 1, column * k + kOffset);
        double sum = 0;
        for (std::size_t i = 0; i < k; ++i)
          sum += static_cast<double>(to_float(a[i])) * static_cast<double>(to_float(b[i]));
        expected.push_back(static_cast<float>(sum));
        found.push_back(c[column]);
      }
      error = std::max(error, relative_error(found, expected));
    }
    require_close(error, 1e-3, "a product");
    return error;
  }

  void run(int copy) override { copies_[static_cast<std::size_t>(copy)].work->run(Stream::kMain); }

  std::string variant() const override {
    const std::string& backend = request_.backend.device->facts().backend;
    return backend == "cuda" ? "cublas" : backend == "cpu" ? "blas" : "reference";
  }

 private:
  static constexpr std::size_t kOffset = 32452843;
  SubjectRequest request_;
  int m_ = 0, n_ = 0, k_ = 0;
  std::vector<GemmBuffers> copies_;
};

const RegisterSubject kGemm{"gemm", [](const SubjectRequest& request) {
                              return std::make_unique<Gemm>(request, request.size("m"),
                                                            request.size("n"), request.size("k"));
                            }};
const RegisterSubject kRouter{"router", [](const SubjectRequest& request) {
                                return std::make_unique<Gemm>(request, request.size("tokens"),
                                                              request.size("experts"),
                                                              request.size("hidden"));
                              }};

}  // namespace
}  // namespace moesim::kernels
