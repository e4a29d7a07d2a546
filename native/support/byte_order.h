// Words from and to bytes. Compilers turn these loops into plain or byte-swapping moves.
#ifndef QUIPU_SUPPORT_BYTE_ORDER_H_
#define QUIPU_SUPPORT_BYTE_ORDER_H_

#include <cstddef>
#include <cstdint>

#include "quipu/device.h"

namespace quipu {

QUIPU_HOST_DEVICE static inline void LoadLittleEndian(const uint8_t* bytes, size_t count,
                                                      uint32_t* words) {
  for (size_t i = 0; i < count; ++i, bytes += 4) {
    words[i] = uint32_t{bytes[0]} | uint32_t{bytes[1]} << 8 | uint32_t{bytes[2]} << 16 |
               uint32_t{bytes[3]} << 24;
  }
}

QUIPU_HOST_DEVICE static inline void StoreLittleEndian(const uint32_t* words, size_t count,
                                                       uint8_t* bytes) {
  for (size_t i = 0; i < count; ++i, bytes += 4) {
    bytes[0] = static_cast<uint8_t>(words[i]);
    bytes[1] = static_cast<uint8_t>(words[i] >> 8);
    bytes[2] = static_cast<uint8_t>(words[i] >> 16);
    bytes[3] = static_cast<uint8_t>(words[i] >> 24);
  }
}

QUIPU_HOST_DEVICE static inline void LoadBigEndian(const uint8_t* bytes, size_t count,
                                                   uint32_t* words) {
  for (size_t i = 0; i < count; ++i, bytes += 4) {
    words[i] = uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 |
               uint32_t{bytes[3]};
  }
}

QUIPU_HOST_DEVICE static inline void StoreBigEndian(const uint32_t* words, size_t count,
                                                    uint8_t* bytes) {
  for (size_t i = 0; i < count; ++i, bytes += 4) {
    bytes[0] = static_cast<uint8_t>(words[i] >> 24);
    bytes[1] = static_cast<uint8_t>(words[i] >> 16);
    bytes[2] = static_cast<uint8_t>(words[i] >> 8);
    bytes[3] = static_cast<uint8_t>(words[i]);
  }
}

}  // namespace quipu

#endif  // QUIPU_SUPPORT_BYTE_ORDER_H_
