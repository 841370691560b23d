#include "sim/engine/engine.hpp"

#include "sim/engine/executor.hpp"

namespace moesim {

Engine::Engine(const Cluster& cluster, const NetworkOptions& options)
    : core_(std::make_unique<Core>(cluster, options)) {}

Engine::~Engine() = default;

void Engine::add(Producer& producer) { core_->add(producer); }

Seconds Engine::run() { return core_->run(); }

const LinkUse& Engine::link_use() const { return core_->link_use(); }

}  // namespace moesim
