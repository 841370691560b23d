#include "analysis/plan/option_search.hpp"

#include <algorithm>
#include <limits>

#include "analysis/plan/batch_search.hpp"

namespace moesim {
namespace {

void note(const StepAnswer& answer, int batch, BatchSearch& search, BatchResult& result) {
  if (!answer.why_not.empty()) {
    result.why_not = answer.why_not;
    search.tell(batch, std::numeric_limits<double>::infinity());
    return;
  }
  search.tell(batch, answer.step.value);
  result.seen.push_back({batch, answer});
}

void finish(const BatchSearch& search, BatchResult& result) {
  std::sort(result.seen.begin(), result.seen.end(),
            [](const SeenBatch& a, const SeenBatch& b) { return a.batch < b.batch; });
  for (const SeenBatch& seen : result.seen)
    if (search.best() == seen.batch) result.best = seen;
}

}  // namespace

std::vector<BatchResult> search_batches(StepSource& source, const std::vector<BatchTask>& tasks) {
  std::vector<BatchSearch> searches;
  for (const BatchTask& task : tasks)
    searches.emplace_back(task.grid, task.limit.value, task.guess);
  std::vector<BatchResult> results(tasks.size());
  for (;;) {
    std::vector<StepQuery> queries;
    std::vector<std::size_t> asked;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const std::optional<int> batch = searches[i].next();
      if (!batch) continue;
      queries.push_back({.option = tasks[i].option,
                         .batch = *batch,
                         .screening = tasks[i].screening,
                         .conditions = tasks[i].conditions});
      asked.push_back(i);
    }
    if (queries.empty()) break;
    const std::vector<StepAnswer> answers = source.steps(queries);
    for (std::size_t q = 0; q < queries.size(); ++q)
      note(answers[q], queries[q].batch, searches[asked[q]], results[asked[q]]);
  }
  for (std::size_t i = 0; i < tasks.size(); ++i) finish(searches[i], results[i]);
  return results;
}

}  // namespace moesim
