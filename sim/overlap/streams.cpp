#include "sim/overlap/streams.hpp"

#include <algorithm>

namespace moesim {
namespace {

// What was of this fragment is now of the one before; what was of the one before has ended, because
// each batch's next part comes after it.
void age(std::vector<NodeRef>& refs) {
  std::erase_if(refs, [](const NodeRef& ref) { return ref.previous; });
  for (NodeRef& ref : refs) ref.previous = true;
}

void age(std::optional<NodeRef>& ref) {
  if (ref && ref->previous) ref.reset();
  if (ref) ref->previous = true;
}

}  // namespace

void append_new(std::vector<NodeRef>& all, const std::vector<NodeRef>& more) {
  for (const NodeRef& ref : more)
    if (std::find(all.begin(), all.end(), ref) == all.end()) all.push_back(ref);
}

NodeRef Streams::add(PartStep step, const std::vector<NodeRef>& after,
                     std::optional<LayerPass> own) {
  const NodeRef node = add_step(graph_, std::move(step), after);
  if (own) graph_.nodes.back().own = *own;
  return node;
}

void Streams::run(Carried::Lane& lane, Carried::Stream& stream, Part part,
                  std::optional<LayerPass> own) {
  for (PartStep& step : part) {
    std::vector<NodeRef> after = lane.after;
    if (stream.compute) append_new(after, {*stream.compute});
    stream.compute = add(std::move(step), after, own);
    lane.after = {*stream.compute};
  }
}

void Streams::start(Carried::Lane& lane, Carried::Stream& stream, Part part,
                    std::optional<LayerPass> own) {
  if (part.empty()) return;
  std::vector<NodeRef> after = lane.after;
  for (PartStep& step : part) {
    const auto* exchange = std::get_if<Exchange>(&step.operation);
    const bool serial = exchange != nullptr && exchange->sms > 0;
    if (serial && stream.communication) append_new(after, {*stream.communication});
    const NodeRef node = add(std::move(step), after, own);
    if (serial) stream.communication = node;
    after = {node};
  }
  append_new(lane.started, after);
}

void Streams::wait(Carried::Lane& lane) {
  append_new(lane.after, lane.started);
  lane.started.clear();
}

void Streams::end_fragment() {
  for (Carried::Lane& lane : carried_.lanes) {
    age(lane.after);
    age(lane.started);
  }
  for (Carried::Stream* stream : {&carried_.main, &carried_.beside}) {
    age(stream->compute);
    age(stream->communication);
  }
}

}  // namespace moesim
