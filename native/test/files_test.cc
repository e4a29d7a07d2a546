// Opening beneath a folder, with the system call that does it at once and without.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "files/hash_file.h"
#include "files/list_folder.h"
#include "files/open_beneath.h"
#include "test/check.h"

namespace quipu::test {
namespace {

// inner/file, a link to each, a pipe.
class Folder {
 public:
  Folder() {
    // mkdtemp puts a name that nobody can foresee in the place of the X.
    path_ = std::filesystem::temp_directory_path() / "quipu-test-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) std::abort();
    std::filesystem::create_directory(path_ + "/inner");
    close(open((path_ + "/inner/file").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    std::filesystem::create_symlink("inner", path_ + "/link-to-folder");
    std::filesystem::create_symlink("file", path_ + "/inner/link-to-file");
    mkfifo((path_ + "/pipe").c_str(), 0600);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

bool OpensOnlyBeneath(const std::string& path) {
  Descriptor folder, opened;
  if (!OpenFolder(path, &folder).ok()) return false;
  constexpr int kOpened = 0, kRefused = -1;  // else errno
  const struct {
    const char* path;
    int want;
  } cases[] = {
      {"inner/file", kOpened},
      {"inner", kOpened},
      {"inner/link-to-file", ELOOP},
      {"link-to-folder/file", ELOOP},
      {"pipe/file", ENOTDIR},
      {"nowhere/file", ENOENT},
      {"../file", kRefused},
      {"inner/./file", kRefused},
      {"inner//file", kRefused},
      {"/etc/passwd", kRefused},
      {"", kRefused},
  };
  for (const auto& one : cases) {
    int number = 0;
    const Status status =
        OpenBeneath(folder, one.path, one.path, O_RDONLY | O_NONBLOCK, &opened, &number);
    const int got = status.code == Code::kInvalidArgument ? kRefused : number;
    if (got == one.want && status.ok() == (got == kOpened)) continue;
    std::printf("# %s: %s (%d)\n", one.path, status.message.c_str(), got);
    return false;
  }
  return true;
}

// As on a kernel before 5.6. False when this process may not forbid itself a call.
bool ForbidOpenat2() {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 437, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{sizeof(program) / sizeof(program[0]), program};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

void TestWithoutOpenat2(const std::string& path) {
  constexpr const char* kName = "files: a folder without openat2 lets nothing else be opened";
  constexpr int kCannot = 2;
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    if (!ForbidOpenat2()) _exit(kCannot);
    const bool ok = OpensOnlyBeneath(path);
    std::fflush(stdout);
    _exit(ok ? 0 : 1);
  }
  int how = 0;
  waitpid(child, &how, 0);
  if (WIFEXITED(how) && WEXITSTATUS(how) == kCannot) return Skip(kName, "no system call filters");
  Check(WIFEXITED(how) && WEXITSTATUS(how) == 0, kName);
}

// Its writer would be told that somebody reads.
void TestPipe(const std::string& path) {
  Descriptor file;
  const Status status = OpenFile(path + "/pipe", &file);
  const int writer = open((path + "/pipe").c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  Check(status.code == Code::kDataInvalid && writer < 0 && errno == ENXIO,
        "files: a pipe is refused unopened");
}

void TestListing(const std::string& path) {
  std::vector<FolderEntry> entries;
  const Status status = ListFolder(
      path, ListLimits{100, 10}, [] { return true; }, &entries);
  std::string kinds;
  for (const FolderEntry& entry : entries) {
    kinds += entry.path + "=" + std::to_string(static_cast<int>(entry.kind)) + " ";
  }
  Check(status.ok() && kinds == "inner/file=0 inner/link-to-file=1 link-to-folder=1 pipe=2 ",
        "files: a folder's list, links not followed");
}

}  // namespace

void TestFiles() {
  const Folder folder;
  Check(OpensOnlyBeneath(folder.path()), "files: a folder lets nothing else be opened");
  TestWithoutOpenat2(folder.path());
  TestPipe(folder.path());
  TestListing(folder.path());
}

}  // namespace quipu::test
