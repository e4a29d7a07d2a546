/* How fast bytes come out of memory, and out of a cached file. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "limits.h"

enum { kLine = 64, kStreamsMax = 4, kAheadBytes = 1024, kBlockBytes = 256 * 1024 };
/* So long that the clock costs nothing, so short that no slice overruns its time by much. */
static const size_t kSliceBytes = 8 << 20;

typedef uint64_t line __attribute__((vector_size(kLine), aligned(1), may_alias));

#if defined(__x86_64__)
#define WIDEST __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDEST
#endif

/* Adds up all lines from `streams` places at once; one thread with one place cannot fill the bus.
 */
WIDEST static uint64_t sum(const uint8_t* bytes, size_t size, int streams) {
  line total[kStreamsMax];
  memset(total, 0, sizeof total);
  const size_t each = size / (size_t)streams / kLine * kLine;
  if (streams == 1) {
    for (size_t at = 0; at + 4 * kLine <= each; at += 4 * kLine) {
      for (int i = 0; i < 4; i++) total[i] ^= *(const line*)(bytes + at + (size_t)i * kLine);
    }
  } else {
    for (size_t at = 0; at < each; at += kLine) {
      for (int i = 0; i < kStreamsMax; i++) {
        const uint8_t* const place = bytes + (size_t)i * each + at;
        __builtin_prefetch(place + kAheadBytes);
        total[i] ^= *(const line*)place;
      }
    }
  }
  total[0] ^= total[1] ^ total[2] ^ total[3];
  return total[0][0] ^ total[0][3] ^ total[0][7];
}

typedef struct {
  const uint8_t* bytes;
  size_t share; /* of one thread */
  int streams;
  size_t* at; /* of each thread, in its share */
  volatile uint64_t sink;
} memory;

static double read_slice(void* context, int thread) {
  memory* const all = context;
  const size_t left = all->share - all->at[thread];
  const size_t size = left < kSliceBytes ? left : kSliceBytes;
  /* A share that fits a cache is read as often as makes a slice. */
  const size_t times = size == all->share ? (kSliceBytes + size - 1) / size : 1;
  const uint8_t* const start = all->bytes + (size_t)thread * all->share + all->at[thread];
  for (size_t i = 0; i < times; i++) all->sink = sum(start, size, all->streams);
  all->at[thread] = size == left ? 0 : all->at[thread] + size;
  return (double)(size * times);
}

double limit_read(const uint8_t* bytes, size_t size, int threads, double seconds) {
  const size_t share = size / (size_t)threads / (kStreamsMax * kLine) * (kStreamsMax * kLine);
  if (share == 0) return 0;
  double best = 0;
  for (int streams = 1; streams <= kStreamsMax; streams += kStreamsMax - 1) {
    size_t* const at = calloc((size_t)threads, sizeof(size_t));
    if (at == NULL) return 0;
    memory context = {bytes, share, streams, at, 0};
    const double rate = limit_run(read_slice, &context, threads, seconds / 2);
    if (rate > best) best = rate;
    free(at);
  }
  return best;
}

typedef struct {
  int file;
  off_t size;
  atomic_llong next;
  uint8_t** buffers;
} file_read;

static double file_slice(void* context, int thread) {
  file_read* const all = context;
  double done = 0;
  for (int i = 0; i < 16; i++) {
    const off_t at = (off_t)(atomic_fetch_add(&all->next, kBlockBytes) % all->size);
    const ssize_t got = pread(all->file, all->buffers[thread], kBlockBytes, at);
    if (got > 0) done += (double)got;
  }
  return done;
}

double limit_file(const char* path, int threads, double seconds) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  struct stat facts;
  if (file < 0) return 0;
  double rate = 0;
  uint8_t** const buffers = calloc((size_t)threads, sizeof(uint8_t*));
  if (buffers != NULL && fstat(file, &facts) == 0 && facts.st_size >= kBlockBytes) {
    int ready = 1;
    for (int i = 0; i < threads; i++) {
      buffers[i] = aligned_alloc(4096, kBlockBytes);
      ready = ready && buffers[i] != NULL;
    }
    file_read context = {file, facts.st_size, 0, buffers};
    if (ready) rate = limit_run(file_slice, &context, threads, seconds);
    for (int i = 0; i < threads; i++) free(buffers[i]);
  }
  free(buffers);
  close(file);
  return rate;
}
