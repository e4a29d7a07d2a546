// How a thread waits for what is likely to come soon: awake for a little while, since waking it
// would take longer than that.
#ifndef QUIPU_SUPPORT_WAIT_AWAKE_H_
#define QUIPU_SUPPORT_WAIT_AWAKE_H_

#include <chrono>

namespace quipu {

using AwakeClock = std::chrono::steady_clock;

// The operators of a model follow each other within this time, and so do most runs of one that is
// run again and again; a host that has nothing to do loses no more than this.
constexpr std::chrono::microseconds kAwake{100};

// Returns when it came, or then.
template <class Condition>
void WaitAwake(AwakeClock::time_point until, const Condition& came) {
  do {
    for (int i = 0; i < 16; ++i) {
      if (came()) return;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
  } while (AwakeClock::now() < until);
}

}  // namespace quipu

#endif  // QUIPU_SUPPORT_WAIT_AWAKE_H_
