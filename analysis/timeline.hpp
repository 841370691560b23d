// timeline.json: what every GPU did when, as a Chrome trace that Perfetto opens.
//
// A node is a process. A GPU has a track "GPU 3 compute" for its main stream, "GPU 3 stream 1", …
// for the others, and "GPU 3 network" for the time in which it had a flow, a start-up or a notify
// of its own. Where neither a kernel nor a flow of the GPU was under way, the compute track says
// "wait" (DESIGN §7: each instant belongs to one phase). Spans of one track never overlap; network
// activities that do get tracks of their own ("GPU 3 network 2"). Times are microseconds to three
// digits.
//
// The file is written as the spans come; what is kept is two steps' idle stretches of each GPU.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "sim/base/ids.hpp"
#include "sim/engine/engine.hpp"

namespace moesim {

class TimelineWriter {
 public:
  // `node_of` [gpus]. The stream must outlive the writer.
  TimelineWriter(std::ostream& out, IdVector<GpuId, NodeId> node_of);
  // Spans come in the order of their ends, as the engine reports them.
  void add(const Span& span);
  // Writes what is still open; `end` is the end of the run. Call once, last.
  void finish(Seconds end);

 private:
  using Nanoseconds = std::int64_t;
  // A stretch of time in which the main stream stood still and no flow was seen yet.
  struct Idle {
    Nanoseconds begin = 0, end = 0;
    int step = 0;
  };
  struct Busy {
    Nanoseconds begin = 0, end = 0;
  };
  struct Track {
    int stream = 0;
    int lane = 0;  // 0 = the first of several tracks for one stream
    Nanoseconds end = 0;
  };
  struct GpuTracks {
    std::vector<Track> tracks;
    bool started = false;
    Nanoseconds compute_end = 0;
    std::vector<Busy> beside;  // flows and other streams that end after compute_end
    std::vector<Idle> idle;
  };

  void write_event(const std::string& event);
  void write_metadata(GpuId gpu, const std::string& kind, int track, const std::string& arguments);
  void write_span(GpuId gpu, int track, std::string_view name, const char* category, Busy time,
                  int step, int layer);
  int track_for(GpuId gpu, int stream, Busy time);
  void note_idle(GpuId gpu, Nanoseconds until, int step);
  void cut_idle(GpuTracks& gpu, Busy busy);
  void flush_idle(GpuId gpu, int before_step);

  std::ostream& out_;
  IdVector<GpuId, NodeId> node_of_;
  IdVector<GpuId, GpuTracks> gpus_;
  bool first_ = true;
};

}  // namespace moesim
