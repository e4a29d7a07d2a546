/*
 * A peer of bench/hash: the official BLAKE3 C library with its assembly, behind the thinnest call
 * that Node allows. Its sources are found where the peers are installed (bench/install-peers.ts)
 * and are no part of this repository.
 *
 *   blake3(data, out)   digest of a Uint8Array, by this thread, into the 32 bytes of another
 *   version             of the library
 */
#include <blake3.h>
#include <node_api.h>

static napi_value hash(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2, sizes[2];
  void* bytes[2];
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok) return NULL;
  for (int i = 0; i < 2; i++) {
    napi_typedarray_type type;
    if (napi_get_typedarray_info(env, arguments[i], &type, &sizes[i], &bytes[i], NULL, NULL) !=
            napi_ok ||
        type != napi_uint8_array) {
      napi_throw_type_error(env, NULL, "blake3(data, out) takes two Uint8Arrays");
      return NULL;
    }
  }
  if (sizes[1] != BLAKE3_OUT_LEN) {
    napi_throw_range_error(env, NULL, "out must have 32 bytes");
    return NULL;
  }
  blake3_hasher hasher;
  blake3_hasher_init(&hasher);
  blake3_hasher_update(&hasher, bytes[0], sizes[0]);
  blake3_hasher_finalize(&hasher, bytes[1], BLAKE3_OUT_LEN);
  return NULL;
}

NAPI_MODULE_INIT() {
  napi_value function, version;
  napi_create_function(env, "blake3", NAPI_AUTO_LENGTH, hash, NULL, &function);
  napi_set_named_property(env, exports, "blake3", function);
  napi_create_string_utf8(env, blake3_version(), NAPI_AUTO_LENGTH, &version);
  napi_set_named_property(env, exports, "version", version);
  return exports;
}
