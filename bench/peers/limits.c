/*
 * The limits of this machine for bench/hash, as a Node addon. Every function blocks while it
 * measures, takes milliseconds last and returns units a second, 0 where the machine cannot tell.
 */
#include "limits.h"

#include <node_api.h>

enum { kArgumentsMax = 3, kPathBytesMax = 4096, kThreadsMax = 1024 };

typedef struct {
  napi_env env;
  napi_value values[kArgumentsMax];
  size_t count;
} call;

static call read_call(napi_env env, napi_callback_info info) {
  call read = {env, {NULL}, kArgumentsMax};
  napi_get_cb_info(env, info, &read.count, read.values, NULL, NULL);
  return read;
}

static double number(const call* read, size_t at) {
  double value = 0;
  napi_get_value_double(read->env, read->values[at], &value);
  return value;
}

static int threads(const call* read, size_t at) {
  const double value = number(read, at);
  return value >= 1 && value <= kThreadsMax ? (int)value : 1;
}

static double seconds(const call* read, size_t at) { return number(read, at) / 1000; }

static napi_value rate(napi_env env, double value) {
  napi_value result;
  return napi_create_double(env, value, &result) == napi_ok ? result : NULL;
}

static napi_value memory(napi_env env, napi_callback_info info) {
  const call read = read_call(env, info);
  void* bytes = NULL;
  size_t size = 0;
  napi_get_typedarray_info(env, read.values[0], NULL, &size, &bytes, NULL, NULL);
  return rate(env, limit_read(bytes, size, threads(&read, 1), seconds(&read, 2)));
}

static napi_value file(napi_env env, napi_callback_info info) {
  const call read = read_call(env, info);
  char path[kPathBytesMax];
  size_t size = 0;
  napi_get_value_string_utf8(env, read.values[0], path, sizeof path, &size);
  return rate(env, limit_file(path, threads(&read, 1), seconds(&read, 2)));
}

static napi_value blake3(napi_env env, napi_callback_info info) {
  const call read = read_call(env, info);
  return rate(env, limit_blake3(threads(&read, 0), seconds(&read, 1)));
}

static napi_value sha256(napi_env env, napi_callback_info info) {
  const call read = read_call(env, info);
  return rate(env, limit_sha256(threads(&read, 0), seconds(&read, 1)));
}

static napi_value sha256_stream(napi_env env, napi_callback_info info) {
  const call read = read_call(env, info);
  return rate(env, limit_sha256_stream(seconds(&read, 0)));
}

static napi_value device_copy(napi_env env, napi_callback_info info) {
  const call read = read_call(env, info);
  return rate(env, limit_device_copy(seconds(&read, 0)));
}

NAPI_MODULE_INIT() {
  const struct {
    const char* name;
    napi_callback call;
  } functions[] = {{"memory", memory},
                   {"file", file},
                   {"blake3", blake3},
                   {"sha256", sha256},
                   {"sha256Stream", sha256_stream},
                   {"deviceCopy", device_copy}};
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    napi_value function;
    napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL,
                         &function);
    napi_set_named_property(env, exports, functions[i].name, function);
  }
  return exports;
}
