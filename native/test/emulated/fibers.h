// Functions that take turns on one thread: each runs until it yields, then another.
#ifndef QUIPU_TEST_EMULATED_FIBERS_H_
#define QUIPU_TEST_EMULATED_FIBERS_H_

#include <functional>

namespace quipu::test {

// Runs body(0) ... body(count - 1) to their ends. All yield equally often; between two yields they
// run in an order that differs every time.
void RunFibers(unsigned count, const std::function<void(unsigned index)>& body);

// From within a body: waits until all others have yielded too.
void YieldFiber();

}  // namespace quipu::test

#endif  // QUIPU_TEST_EMULATED_FIBERS_H_
