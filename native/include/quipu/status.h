// Status codes of everything native. Each name is a code of src/base/errors.ts; a code that the
// TypeScript table lacks must not appear here.
#ifndef QUIPU_STATUS_H_
#define QUIPU_STATUS_H_

#include <string>
#include <utility>

namespace quipu {

enum class Code {
  kOk,
  kInvalidArgument,
  kModelUnsupported,
  kShapeMismatch,
  kDataInvalid,
  kDataChanged,
  kLimitExceeded,
  kNotFound,
  kConflict,
  kPermissionDenied,
  kCancelled,
  kDeviceLost,
  kDeviceMemory,
  kBackendUnavailable,
  kUnavailable,
  kIo,
  kInternal,
};

// The code as src/base/errors.ts spells it; "OK" for kOk.
const char* CodeName(Code code);

// What happened, why, and what to do next. Default-constructed means that all went well.
struct [[nodiscard]] Status {
  Code code = Code::kOk;
  std::string message;
  std::string next;

  bool ok() const { return code == Code::kOk; }
};

inline Status Error(Code code, std::string message, std::string next = "") {
  return Status{code, std::move(message), std::move(next)};
}

inline Status OutOfMemory() { return Error(Code::kLimitExceeded, "out of memory"); }

// A failed system call: `what` says what was tried, `number` is its errno.
Status SystemError(const std::string& what, int number);

}  // namespace quipu

#endif  // QUIPU_STATUS_H_
