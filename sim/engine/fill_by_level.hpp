// Water filling: raises the rate of all flows together. The link that is full first freezes its
// flows at that level, which leaves more to the others on its flows' other links, and so on.
#pragma once

#include <algorithm>
#include <cstddef>

#include "sim/base/check.hpp"

namespace moesim {

// What a link has not given yet, and to how many flows.
struct LinkShare {
  double spare = 0;     // bytes/s
  double unfrozen = 0;  // flows
};

// Until `unfrozen` flows have a rate. Links are known by their place, below `places`; `share_of`
// gives the LinkShare of one, and `freeze` the rate to the flows of one that have none, and how
// many these are. `queue` is a LevelHeap or what does the same.
template <class Queue, class ShareOf, class Freeze>
void fill_by_level(Queue& queue, std::size_t places, std::size_t unfrozen, const ShareOf& share_of,
                   const Freeze& freeze) {
  queue.clear(places);
  for (std::size_t place = 0; place < places; ++place) {
    const LinkShare share = share_of(place);
    if (share.unfrozen > 0) queue.add(place, share.spare / share.unfrozen);
  }
  queue.start();
  while (unfrozen > 0) {
    MOESIM_CHECK(!queue.empty(), "every flow has a link that is full");
    const std::size_t place = queue.first();
    const LinkShare share = share_of(place);
    if (share.unfrozen > 0) {
      // A level only grows while others freeze, so one that is still right is the lowest.
      const double rate = std::max(queue.level_of_first(), share.spare / share.unfrozen);
      if (queue.raise_first(rate)) continue;
      unfrozen -= freeze(place, rate);
    }
    queue.remove_first();
  }
}

}  // namespace moesim
