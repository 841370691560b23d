#include <benchmark/benchmark.h>

namespace moesim {
void register_placement_benchmarks();
}

int main(int count, char** arguments) {
  // Not before main: the placements themselves are registered then.
  moesim::register_placement_benchmarks();
  benchmark::Initialize(&count, arguments);
  benchmark::RunSpecifiedBenchmarks();
}
