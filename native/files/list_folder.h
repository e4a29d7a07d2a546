// Everything under a folder, without following a link.
#ifndef QUIPU_FILES_LIST_FOLDER_H_
#define QUIPU_FILES_LIST_FOLDER_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "files/file_facts.h"
#include "quipu/status.h"

namespace quipu {

// Numbers cross to TypeScript.
enum class EntryKind : uint8_t { kFile = 0, kLink = 1, kSpecial = 2, kUnreadable = 3 };

struct FolderEntry {
  std::string path;  // relative, "/" between parts; any bytes but "/" and zero
  EntryKind kind = EntryKind::kFile;
  FileFacts facts;  // of files
  int error = 0;    // errno, where a folder or a name could not be looked at
};

struct ListLimits {
  size_t entries_max;
  size_t depth_max;
};

// Sorted by the bytes of the paths. Folders are not listed for themselves; one that cannot be read
// is an entry of its kind. LIMIT_EXCEEDED past a limit; CANCELLED when `go_on`, asked often, says
// false.
Status ListFolder(const std::string& path, const ListLimits& limits,
                  const std::function<bool()>& go_on, std::vector<FolderEntry>* entries);

}  // namespace quipu

#endif  // QUIPU_FILES_LIST_FOLDER_H_
