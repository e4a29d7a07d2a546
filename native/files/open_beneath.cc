#include "files/open_beneath.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>
#include <string_view>

namespace quipu {
namespace {

// From linux/openat2.h, which older headers lack.
struct OpenHow {
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};
constexpr uint64_t kNoMagicLinks = 0x02, kNoSymlinks = 0x04, kBeneath = 0x08;
constexpr long kOpenat2 = 437;  // the same on every architecture

bool IsPlain(std::string_view path) {
  for (;;) {
    const size_t end = path.find('/');
    const std::string_view part = path.substr(0, end);
    if (part.empty() || part == "." || part == "..") return false;
    if (end == std::string_view::npos) return true;
    path.remove_prefix(end + 1);
  }
}

int OpenAt(int folder, const char* name, int flags) {
  int opened;
  do {
    opened = openat(folder, name, flags | O_NOFOLLOW);
  } while (opened < 0 && errno == EINTR);
  return opened;
}

// A folder on the way, or -1 with ELOOP for a link as openat2 has it, ENOTDIR for all else.
int OpenPart(int folder, const std::string& part) {
  Descriptor opened(OpenAt(folder, part.c_str(), O_PATH | O_CLOEXEC));
  struct stat found;
  if (!opened.valid() || fstat(opened.get(), &found) != 0) return -1;
  if (S_ISDIR(found.st_mode)) return opened.Release();
  errno = S_ISLNK(found.st_mode) ? ELOOP : ENOTDIR;
  return -1;
}

// Part by part, where the kernel has no openat2 or a sandbox forbids it.
int Walk(int folder, const std::string& path, int flags) {
  Descriptor inner;
  size_t begin = 0;
  for (size_t end; (end = path.find('/', begin)) != std::string::npos; begin = end + 1) {
    const std::string part = path.substr(begin, end - begin);
    const int at = inner.valid() ? inner.get() : folder;
    inner = Descriptor(OpenPart(at, part));
    if (!inner.valid()) return -1;
  }
  return OpenAt(inner.valid() ? inner.get() : folder, path.c_str() + begin, flags);
}

}  // namespace

Status OpenFolder(const std::string& path, Descriptor* folder) {
  *folder = Descriptor(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder->valid()) return SystemError("cannot open the folder " + path, errno);
  return Status{};
}

Status OpenBeneath(const Descriptor& folder, const std::string& path, const std::string& name,
                   int flags, Descriptor* opened, int* number) {
  *number = 0;
  if (!IsPlain(path)) {
    return Error(Code::kInvalidArgument, name + " leaves the folder, or is not its plain path",
                 "name what lies in the folder, relative to it");
  }
  const int all = flags | O_CLOEXEC;
  OpenHow how{static_cast<uint64_t>(all), 0, kBeneath | kNoSymlinks | kNoMagicLinks};
  long got;
  do {
    got = syscall(kOpenat2, folder.get(), path.c_str(), &how, sizeof(how));
  } while (got < 0 && errno == EINTR);
  if (got < 0 && (errno == ENOSYS || errno == EPERM)) got = Walk(folder.get(), path, all);
  if (got < 0) {
    *number = errno;
    return SystemError("cannot open " + name, errno);
  }
  *opened = Descriptor(static_cast<int>(got));
  return Status{};
}

}  // namespace quipu
