// Opens what lies in a folder, and nothing that does not: no part of the path may be a symbolic
// link, so that a link put in the place of a folder while it is worked on leads nowhere.
#ifndef QUIPU_FILES_OPEN_BENEATH_H_
#define QUIPU_FILES_OPEN_BENEATH_H_

#include <string>

#include "files/descriptor.h"
#include "quipu/status.h"

namespace quipu {

// The folder itself; its path may hold links, since its owner named it.
Status OpenFolder(const std::string& path, Descriptor* folder);

// `path` is relative to the folder, without empty, "." or ".." parts, which are refused. `flags`
// are open's, O_DIRECTORY perhaps; `name` stands in messages. Fails with the system's errno in
// `number`: ELOOP for a link.
Status OpenBeneath(const Descriptor& folder, const std::string& path, const std::string& name,
                   int flags, Descriptor* opened, int* number);

}  // namespace quipu

#endif  // QUIPU_FILES_OPEN_BENEATH_H_
