/*
 * What this machine could do at best, measured beside the benches: each function runs for about
 * `seconds` and returns units a second over all `threads`; 0 where the machine cannot tell.
 */
#ifndef QUIPU_BENCH_LIMITS_H_
#define QUIPU_BENCH_LIMITS_H_

#include <stddef.h>
#include <stdint.h>

/* One slice of work, a few milliseconds at most; returns the units done. */
typedef double (*limit_slice)(void* context, int thread);

/* Runs slices on every thread until the time is up; units a second of all of them. */
double limit_run(limit_slice slice, void* context, int threads, double seconds);

/* Bytes a second read from memory, each thread its own share of the buffer. */
double limit_read(const uint8_t* bytes, size_t size, int threads, double seconds);

/* Bytes a second that a file yields to pread into a buffer that stays in the second cache. */
double limit_file(const char* path, int threads, double seconds);

/* Bytes of BLAKE3 a second if its additions, XORs and rotations were all, and never waited. */
double limit_blake3(int threads, double seconds);

/* Bytes of SHA-256 blocks a second, of independent messages: the better of SHA extensions and
 * lanes. */
double limit_sha256(int threads, double seconds);

/* The same of one message, where each step waits for the last; SHA extensions only. */
double limit_sha256_stream(double seconds);

/* Bytes a second copied from pinned memory to the first CUDA device. */
double limit_device_copy(double seconds);

#endif
