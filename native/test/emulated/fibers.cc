#include "test/emulated/fibers.h"

#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

namespace quipu::test {
namespace {

constexpr size_t kStackBytes = 256 * 1024;

struct Fiber {
  ucontext_t context;
  std::unique_ptr<char[]> stack;
  bool done = false;
};

std::vector<Fiber> fibers;  // kept for the next run
ucontext_t scheduler;
const std::function<void(unsigned)>* body;
unsigned current;

void Enter() {
  const unsigned index = current;
  (*body)(index);
  fibers[index].done = true;
  swapcontext(&fibers[index].context, &scheduler);
}

void Prepare(Fiber& fiber) {
  if (fiber.stack == nullptr) fiber.stack = std::make_unique<char[]>(kStackBytes);
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack.get();
  fiber.context.uc_stack.ss_size = kStackBytes;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, Enter, 0);
  fiber.done = false;
}

}  // namespace

void RunFibers(unsigned count, const std::function<void(unsigned index)>& of_fiber) {
  static std::mt19937 random(1);
  if (fibers.size() < count) fibers.resize(count);
  body = &of_fiber;
  for (unsigned i = 0; i < count; ++i) Prepare(fibers[i]);
  std::vector<unsigned> order(count);
  std::iota(order.begin(), order.end(), 0);
  for (size_t done = 0; done < count;) {
    std::shuffle(order.begin(), order.end(), random);
    for (const unsigned i : order) {
      current = i;
      swapcontext(&scheduler, &fibers[i].context);
      done += fibers[i].done ? 1 : 0;
    }
    if (done != 0 && done != count) {
      std::fputs("a barrier that some threads of a block pass and others end before\n", stderr);
      std::abort();
    }
  }
}

void YieldFiber() { swapcontext(&fibers[current].context, &scheduler); }

}  // namespace quipu::test
