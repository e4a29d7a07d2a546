#include "files/list_folder.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "files/open_beneath.h"

namespace quipu {
namespace {

struct Pending {
  std::string path;  // empty: the folder itself
  size_t depth;
};

class Lister {
 public:
  Lister(const Descriptor& root, const std::string& path, const ListLimits& limits,
         const std::function<bool()>& go_on, std::vector<FolderEntry>* entries)
      : root_(root), path_(path), limits_(limits), go_on_(go_on), entries_(entries) {}

  Status Run() {
    pending_.push_back(Pending{"", 1});
    while (!pending_.empty()) {
      const Pending folder = std::move(pending_.back());
      pending_.pop_back();
      Status status = ReadFolder(folder);
      if (!status.ok()) return status;
    }
    return Status{};
  }

 private:
  Status ReadFolder(const Pending& folder) {
    if (folder.depth > limits_.depth_max) {
      return Error(Code::kLimitExceeded, path_ + " nests deeper than " +
                                             std::to_string(limits_.depth_max) +
                                             " folders: " + folder.path);
    }
    int error = 0;
    Descriptor opened;
    const Status status = Open(folder.path, &opened, &error);
    if (!status.ok()) {
      // Short of descriptors nothing can be said of the folder itself.
      if (folder.path.empty() || error == EMFILE || error == ENFILE) return status;
      return Add(FolderEntry{folder.path, EntryKind::kUnreadable, FileFacts{}, error});
    }
    DIR* const stream = fdopendir(opened.get());
    if (stream == nullptr) return SystemError("cannot read the folder " + path_, errno);
    opened.Release();
    const Status read = ReadNames(stream, folder);
    closedir(stream);
    return read;
  }

  Status Open(const std::string& path, Descriptor* opened, int* error) {
    if (!path.empty()) {
      return OpenBeneath(root_, path, path_ + "/" + path, O_RDONLY | O_DIRECTORY, opened, error);
    }
    // Not a copy of the descriptor: it would share its place in the list of names.
    *opened = Descriptor(openat(root_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return opened->valid() ? Status{} : SystemError("cannot read the folder " + path_, errno);
  }

  Status ReadNames(DIR* stream, const Pending& folder) {
    for (;;) {
      if (!go_on_()) return Error(Code::kCancelled, "listing " + path_ + " was cancelled");
      errno = 0;
      const dirent* const found = readdir(stream);
      if (found == nullptr) {
        if (errno == 0) return Status{};
        return Add(FolderEntry{folder.path, EntryKind::kUnreadable, FileFacts{}, errno});
      }
      if (std::strcmp(found->d_name, ".") == 0 || std::strcmp(found->d_name, "..") == 0) continue;
      const Status status = Look(dirfd(stream), found->d_name, folder);
      if (!status.ok()) return status;
    }
  }

  Status Look(int opened, const char* name, const Pending& folder) {
    FolderEntry entry;
    entry.path = folder.path.empty() ? name : folder.path + "/" + name;
    struct stat status;
    if (fstatat(opened, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return Status{};  // gone since it was named: as if it had not been
      entry.kind = EntryKind::kUnreadable;
      entry.error = errno;
    } else if (S_ISDIR(status.st_mode)) {
      pending_.push_back(Pending{std::move(entry.path), folder.depth + 1});
      return CheckCount();
    } else if (S_ISREG(status.st_mode)) {
      entry.facts = FactsOf(status);
    } else {
      entry.kind = S_ISLNK(status.st_mode) ? EntryKind::kLink : EntryKind::kSpecial;
    }
    return Add(std::move(entry));
  }

  Status Add(FolderEntry entry) {
    entries_->push_back(std::move(entry));
    return CheckCount();
  }

  Status CheckCount() const {
    if (entries_->size() + pending_.size() <= limits_.entries_max) return Status{};
    return Error(Code::kLimitExceeded,
                 path_ + " holds more than " + std::to_string(limits_.entries_max) + " files",
                 "split it into several data sets, or pack small files together");
  }

  const Descriptor& root_;
  const std::string& path_;
  const ListLimits& limits_;
  const std::function<bool()>& go_on_;
  std::vector<FolderEntry>* const entries_;
  std::vector<Pending> pending_;
};

}  // namespace

Status ListFolder(const std::string& path, const ListLimits& limits,
                  const std::function<bool()>& go_on, std::vector<FolderEntry>* entries) {
  Descriptor root;
  Status status = OpenFolder(path, &root);
  if (status.ok()) status = Lister(root, path, limits, go_on, entries).Run();
  if (!status.ok()) return status;
  std::sort(entries->begin(), entries->end(),
            [](const FolderEntry& a, const FolderEntry& b) { return a.path < b.path; });
  return status;
}

}  // namespace quipu
