#include "kernels/cuda/cuda_device.hpp"

#include <algorithm>

#include "kernels/cuda/cuda_check.hpp"
#include "kernels/cuda/health.hpp"
#include "kernels/cuda/launches.hpp"

namespace moesim::kernels {
namespace {

// cuBLAS asks for this much on Hopper and later; given by us, so that capture allocates nothing.
constexpr std::size_t kWorkspaceBytes = 32u << 20;

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string blas_version(cublasHandle_t handle) {
  int version = 0;  // 130002 for 13.0.2
  CUDA_CHECK(cublasGetVersion(handle, &version));
  return "cuBLAS " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) +
         "." + std::to_string(version % 100);
}

class CudaGraph : public Graph {
 public:
  CudaGraph(const CudaDevice& device, cudaGraph_t graph) : device_(device), graph_(graph) {
    CUDA_CHECK(cudaGraphInstantiate(&runnable_, graph_, 0));
  }
  ~CudaGraph() override {
    if (runnable_ != nullptr) cudaGraphExecDestroy(runnable_);
    cudaGraphDestroy(graph_);
  }
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;

  void launch(Stream stream) override {
    CUDA_CHECK(cudaGraphLaunch(runnable_, device_.stream(stream)));
  }

 private:
  const CudaDevice& device_;
  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t runnable_ = nullptr;
};

class KernelWork : public Work {
 public:
  KernelWork(std::shared_ptr<CudaDevice> device, std::function<void(cudaStream_t)> function)
      : device_(std::move(device)), function_(std::move(function)) {}
  void run(Stream stream) override {
    function_(device_->stream(stream));
    CUDA_CHECK(cudaGetLastError());
  }

 private:
  std::shared_ptr<CudaDevice> device_;
  std::function<void(cudaStream_t)> function_;
};

}  // namespace

CudaDevice::CudaDevice() {
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  if (status != cudaSuccess)
    throw DeviceError(std::string("no GPU can be used: ") + cudaGetErrorString(status));
  if (devices == 0) throw DeviceError("no GPU can be used: none is visible");
  CUDA_CHECK(cudaSetDevice(0));
  cudaDeviceProp properties{};
  CUDA_CHECK(cudaGetDeviceProperties(&properties, 0));
  if (properties.major < 8)
    throw DeviceError(std::string("the kernels need compute capability 8.0 or newer, but ") +
                      properties.name + " has " + std::to_string(properties.major) + "." +
                      std::to_string(properties.minor));
  for (const Stream which : {Stream::kMain, Stream::kSide}) {
    const int i = static_cast<int>(which);
    CUDA_CHECK(cudaStreamCreateWithFlags(&streams_[i], cudaStreamNonBlocking));
    CUDA_CHECK(cublasCreate(&handles_[i]));
    workspaces_[i] = allocate(kWorkspaceBytes);
    CUDA_CHECK(cublasSetStream(handles_[i], streams_[i]));
    CUDA_CHECK(cublasSetWorkspace(handles_[i], workspaces_[i].as<void>(), kWorkspaceBytes));
  }
  CUDA_CHECK(cudaEventCreate(&begin_));
  CUDA_CHECK(cudaEventCreate(&end_));
  CUDA_CHECK(cudaEventCreateWithFlags(&order_, cudaEventDisableTiming));
  read_facts(properties);
}

CudaDevice::~CudaDevice() {
  for (const cudaEvent_t event : {begin_, end_, order_})
    if (event != nullptr) cudaEventDestroy(event);
  for (const cublasHandle_t handle : handles_)
    if (handle != nullptr) cublasDestroy(handle);
  for (const cudaStream_t stream : streams_)
    if (stream != nullptr) cudaStreamDestroy(stream);
}

void CudaDevice::read_facts(const cudaDeviceProp& properties) {
  int driver = 0;
  CUDA_CHECK(cudaDriverGetVersion(&driver));
  const int capability = properties.major * 10 + properties.minor;
  shared_bytes_ = static_cast<int>(properties.sharedMemPerBlockOptin);
  facts_ = DeviceFacts{.backend = "cuda",
                       .name = properties.name,
                       .architecture = "sm_" + std::to_string(capability),
                       .driver = version_text(driver),
                       .library = blas_version(handles_[0]),
                       .processors = properties.multiProcessorCount,
                       .memory_bytes = properties.totalGlobalMem,
                       .cache_bytes = static_cast<std::size_t>(properties.l2CacheSize),
                       .streams_overlap = true,
                       .has_fp8 = capability >= 89};
}

DeviceHealth CudaDevice::health() const {
  char bus[32] = {};
  CUDA_CHECK(cudaDeviceGetPCIBusId(bus, sizeof bus, 0));
  return read_health(bus);
}

Buffer CudaDevice::allocate(std::size_t bytes) {
  void* memory = nullptr;
  CUDA_CHECK(cudaMalloc(&memory, std::max<std::size_t>(bytes, 1)));
  return Buffer(std::shared_ptr<void>(memory, [](void* p) { cudaFree(p); }), bytes);
}

Buffer CudaDevice::allocate_host(std::size_t bytes) {
  void* memory = nullptr;
  CUDA_CHECK(cudaMallocHost(&memory, std::max<std::size_t>(bytes, 1)));
  return Buffer(std::shared_ptr<void>(memory, [](void* p) { cudaFreeHost(p); }), bytes);
}

void CudaDevice::upload(const Buffer& target, std::span<const std::byte> source) {
  require(source.size() <= target.bytes(), "the upload is larger than its buffer");
  synchronize();
  if (source.empty()) return;
  CUDA_CHECK(cudaMemcpy(target.as<void>(), source.data(), source.size(), cudaMemcpyDefault));
}

void CudaDevice::download(std::span<std::byte> target, const Buffer& source) {
  require(target.size() <= source.bytes(), "the download is larger than its buffer");
  synchronize();
  if (target.empty()) return;
  CUDA_CHECK(cudaMemcpy(target.data(), source.as<void>(), target.size(), cudaMemcpyDefault));
}

void CudaDevice::wait(Stream waiter, Stream awaited) {
  CUDA_CHECK(cudaEventRecord(order_, stream(awaited)));
  CUDA_CHECK(cudaStreamWaitEvent(stream(waiter), order_, 0));
}

void CudaDevice::synchronize() { CUDA_CHECK(cudaDeviceSynchronize()); }

std::unique_ptr<Graph> CudaDevice::capture(std::function<void()> body) {
  const cudaStream_t main = stream(Stream::kMain);
  cudaGraph_t graph = nullptr;
  CUDA_CHECK(cudaStreamBeginCapture(main, cudaStreamCaptureModeThreadLocal));
  try {
    body();
  } catch (...) {
    cudaStreamEndCapture(main, &graph);
    if (graph != nullptr) cudaGraphDestroy(graph);
    throw;
  }
  CUDA_CHECK(cudaStreamEndCapture(main, &graph));
  return std::make_unique<CudaGraph>(*this, graph);
}

double CudaDevice::seconds(Stream which, const std::function<void()>& body) {
  CUDA_CHECK(cudaEventRecord(begin_, stream(which)));
  body();
  CUDA_CHECK(cudaEventRecord(end_, stream(which)));
  CUDA_CHECK(cudaEventSynchronize(end_));
  float milliseconds = 0;
  CUDA_CHECK(cudaEventElapsedTime(&milliseconds, begin_, end_));
  return milliseconds * 1e-3;
}

double CudaDevice::seconds(Graph& graph) {
  launch_hold(stream(Stream::kMain));
  return seconds(Stream::kMain, [&] { graph.launch(Stream::kMain); });
}

void CudaDevice::flush_cache(Stream which) {
  if (flush_.bytes() == 0) flush_ = allocate(2 * facts_.cache_bytes);
  CUDA_CHECK(cudaMemsetAsync(flush_.as<void>(), ++flushed_ % 255, flush_.bytes(), stream(which)));
}

std::unique_ptr<Work> launch(std::shared_ptr<CudaDevice> device,
                             std::function<void(cudaStream_t)> function) {
  return std::make_unique<KernelWork>(std::move(device), std::move(function));
}

}  // namespace moesim::kernels
