/*
 * The peer of bench/matmul.ts: a process that multiplies with OpenBLAS when told to. Commands on
 * standard input, one a line, each answered by one line:
 *   multiply M N K TIMES   C = A x B on its own random data
 *   peak                   multiply-adds a second of one core, in registers; 0 without FMA
 *
 * usage: openblas LIBRARY
 */
#include <dlfcn.h>
#include <immintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef void (*sgemm32)(int, int, int, int, int, int, float, const float*, int, const float*, int,
                        float, float*, int);
typedef void (*sgemm64)(int, int, int, long, long, long, float, const float*, long, const float*,
                        long, float, float*, long);

enum { kRowMajor = 101, kNoTranspose = 111 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static float* random_matrix(long count) {
  float* values = aligned_alloc(64, ((size_t)count * sizeof(float) + 63) / 64 * 64);
  if (values == NULL) exit(1);
  for (long i = 0; i < count; i++) values[i] = (float)rand() / (float)RAND_MAX - 0.5f;
  return values;
}

#define TWELVE(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11)

__attribute__((target("avx512f"))) static double peak_avx512(void) {
  const long rounds = 1000000;
  __m512 a = _mm512_set1_ps(0.5f);
  __m512 s0 = a, s1 = a, s2 = a, s3 = a, s4 = a, s5 = a, s6 = a, s7 = a, s8 = a, s9 = a, s10 = a,
         s11 = a;
  const double start = now();
  for (long i = 0; i < rounds; i++) {
#define F(n) __asm__ volatile("vfmadd231ps %1, %1, %0" : "+v"(s##n) : "v"(a));
    TWELVE(F)
#undef F
  }
  return (double)rounds * 12 * 16 / (now() - start);
}

__attribute__((target("avx2,fma"))) static double peak_avx2(void) {
  const long rounds = 1000000;
  __m256 a = _mm256_set1_ps(0.5f);
  __m256 s0 = a, s1 = a, s2 = a, s3 = a, s4 = a, s5 = a, s6 = a, s7 = a, s8 = a, s9 = a, s10 = a,
         s11 = a;
  const double start = now();
  for (long i = 0; i < rounds; i++) {
#define F(n) __asm__ volatile("vfmadd231ps %1, %1, %0" : "+x"(s##n) : "x"(a));
    TWELVE(F)
#undef F
  }
  return (double)rounds * 12 * 8 / (now() - start);
}

static double peak(void) {
  double best = 0;
  for (int i = 0; i < 9; i++) {
    double rate = 0;
    if (__builtin_cpu_supports("avx512f")) rate = peak_avx512();
    else if (__builtin_cpu_supports("fma")) rate = peak_avx2();
    if (rate > best) best = rate;
  }
  return best;
}

int main(int argc, char** argv) {
  void* library = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
  if (library == NULL) {
    fprintf(stderr, "openblas: %s\n", argc == 2 ? dlerror() : "usage: openblas LIBRARY");
    return 1;
  }
  const sgemm32 narrow = (sgemm32)dlsym(library, "cblas_sgemm");
  const sgemm64 wide = (sgemm64)dlsym(library, "scipy_cblas_sgemm64_");
  char* (*core)(void) = (char* (*)(void))dlsym(library, "openblas_get_corename");
  if (core == NULL) core = (char* (*)(void))dlsym(library, "scipy_openblas_get_corename64_");
  if (wide == NULL && narrow == NULL) return 1;
  printf("ready %s\n", core == NULL ? "unknown" : core());
  fflush(stdout);

  float *a = NULL, *b = NULL, *c = NULL;
  long held[3] = {0, 0, 0};
  char line[200];
  while (fgets(line, sizeof line, stdin) != NULL) {
    long m, n, k, times;
    if (strncmp(line, "peak", 4) == 0) {
      printf("peak %.0f\n", peak());
    } else if (sscanf(line, "multiply %ld %ld %ld %ld", &m, &n, &k, &times) == 4) {
      if (m != held[0] || n != held[1] || k != held[2]) {
        free(a), free(b), free(c);
        a = random_matrix(m * k), b = random_matrix(k * n), c = random_matrix(m * n);
        held[0] = m, held[1] = n, held[2] = k;
      }
      for (long i = 0; i < times; i++) {
        if (wide != NULL) {
          wide(kRowMajor, kNoTranspose, kNoTranspose, m, n, k, 1, a, k, b, n, 0, c, n);
        } else {
          narrow(kRowMajor, kNoTranspose, kNoTranspose, (int)m, (int)n, (int)k, 1, a, (int)k, b,
                 (int)n, 0, c, (int)n);
        }
      }
      printf("done\n");
    } else {
      return 1;
    }
    fflush(stdout);
  }
  return 0;
}
