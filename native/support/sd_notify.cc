#include "support/sd_notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace quipu {

Status SdNotify(const std::string& socket_name, const std::string& text) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const bool known = socket_name.size() >= 2 && (socket_name[0] == '/' || socket_name[0] == '@');
  if (!known || socket_name.size() >= sizeof(address.sun_path)) {
    return Error(Code::kInvalidArgument,
                 "NOTIFY_SOCKET is neither a path nor an abstract name: " + socket_name);
  }
  std::memcpy(address.sun_path, socket_name.data(), socket_name.size());
  if (socket_name[0] == '@') address.sun_path[0] = '\0';
  // An abstract name ends with its length, a path with a zero byte.
  const size_t length =
      offsetof(sockaddr_un, sun_path) + socket_name.size() + (socket_name[0] == '@' ? 0 : 1);
  const int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return SystemError("cannot open a socket", errno);
  const ssize_t sent =
      sendto(descriptor, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
             reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(length));
  const int error = errno;
  close(descriptor);
  if (sent >= 0) return Status{};
  Status status = SystemError("cannot notify " + socket_name, error);
  if (error == EAGAIN) status.code = Code::kUnavailable;
  return status;
}

}  // namespace quipu
