#include "sim/engine/engine.hpp"

#include <fmt/format.h>

#include "sim/engine/executor.hpp"

namespace moesim {

namespace {

// Before SimGrid is set up, which happens only once in a process.
void check_fidelity(const NetworkOptions& options, int gpus) {
  if (options.fidelity != Fidelity::kPairwise || gpus <= kLargestPairwise || options.force) return;
  throw InputError({},
                   fmt::format("network.fidelity 'pairwise' is refused above {} GPUs; there are {}",
                               kLargestPairwise, gpus),
                   "use 'fluid', or set network.force: true");
}

}  // namespace

Engine::Engine(const Cluster& cluster, const NetworkOptions& options) {
  check_fidelity(options, cluster.gpus());
  core_ = std::make_unique<Core>(cluster, options);
}

Engine::~Engine() = default;

void Engine::add(Producer& producer) { core_->add(producer); }

void Engine::add(Producer& producer, GpuPart part) { core_->add(producer, part); }

void Engine::wake(Producer& producer) { core_->wake(producer); }

void Engine::release(const Producer& producer, int fragment, int node, GpuId gpu) {
  core_->release(producer, fragment, node, gpu);
}

Seconds Engine::run() { return core_->run(); }

Seconds Engine::now() const { return core_->now(); }

void Engine::change_network(const NetworkOptions& options) { core_->change_network(options); }

const LinkUses& Engine::link_uses() const { return core_->link_uses(); }

}  // namespace moesim
