// How long work tells how far it is, and is stopped.
#ifndef QUIPU_GO_ON_H_
#define QUIPU_GO_ON_H_

#include <cstdint>
#include <functional>

#include "quipu/status.h"

namespace quipu {

// Called with what has been done (bytes of a hash, operators of a program; 0 only asks), by several
// threads at once. Once it has said false it always does; the work then ends with CANCELLED.
using GoOn = std::function<bool(uint64_t done)>;

// Of work that nobody stops.
inline bool Always(uint64_t) { return true; }

inline Status Stopped() { return Error(Code::kCancelled, "hashing was cancelled"); }

}  // namespace quipu

#endif  // QUIPU_GO_ON_H_
