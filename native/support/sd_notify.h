// The service manager's notification protocol (sd_notify(3)): one datagram to the socket that
// NOTIFY_SOCKET names.
#ifndef QUIPU_SUPPORT_SD_NOTIFY_H_
#define QUIPU_SUPPORT_SD_NOTIFY_H_

#include <string>

#include "quipu/status.h"

namespace quipu {

// `socket` is a path, or @name for Linux's abstract namespace. Never blocks: UNAVAILABLE when the
// service manager does not take the datagram now.
Status SdNotify(const std::string& socket, const std::string& text);

}  // namespace quipu

#endif  // QUIPU_SUPPORT_SD_NOTIFY_H_
