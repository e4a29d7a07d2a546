/* Threads that repeat a slice of work until the time is up. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "limits.h"

typedef struct {
  limit_slice slice;
  void* context;
  int thread;
  double until; /* by the clock below */
  double units;
  pthread_barrier_t* start;
  double seconds;
} worker;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void* work(void* argument) {
  worker* const self = argument;
  pthread_barrier_wait(self->start);
  const double start = now();
  double end;
  do {
    self->units += self->slice(self->context, self->thread);
    end = now();
  } while (end - start < self->seconds);
  self->until = end - start;
  return NULL;
}

/* Each thread's rate is its own, so that one that ends late does not lower the others'. */
double limit_run(limit_slice slice, void* context, int threads, double seconds) {
  worker* const workers = calloc((size_t)threads, sizeof(worker));
  pthread_t* const handles = calloc((size_t)threads, sizeof(pthread_t));
  pthread_barrier_t start;
  double rate = 0;
  int begun = 0;
  if (workers == NULL || handles == NULL ||
      pthread_barrier_init(&start, NULL, (unsigned)threads) != 0) {
    abort();
  }
  for (; begun < threads; begun++) {
    workers[begun] = (worker){slice, context, begun, 0, 0, &start, seconds};
    /* The others would wait at the barrier for ever. */
    if (begun > 0 && pthread_create(&handles[begun], NULL, work, &workers[begun]) != 0) abort();
  }
  work(&workers[0]);
  for (int i = 0; i < threads; i++) {
    if (i > 0) pthread_join(handles[i], NULL);
    rate += workers[i].units / workers[i].until;
  }
  pthread_barrier_destroy(&start);
  free(workers);
  free(handles);
  return rate;
}
