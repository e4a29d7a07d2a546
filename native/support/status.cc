#include "quipu/status.h"

#include <cerrno>
#include <cstring>

namespace quipu {

const char* CodeName(Code code) {
  switch (code) {
    case Code::kOk:
      return "OK";
    case Code::kInvalidArgument:
      return "INVALID_ARGUMENT";
    case Code::kModelUnsupported:
      return "MODEL_UNSUPPORTED";
    case Code::kShapeMismatch:
      return "SHAPE_MISMATCH";
    case Code::kDataInvalid:
      return "DATA_INVALID";
    case Code::kDataChanged:
      return "DATA_CHANGED";
    case Code::kLimitExceeded:
      return "LIMIT_EXCEEDED";
    case Code::kNotFound:
      return "NOT_FOUND";
    case Code::kConflict:
      return "CONFLICT";
    case Code::kPermissionDenied:
      return "PERMISSION_DENIED";
    case Code::kCancelled:
      return "CANCELLED";
    case Code::kDeviceLost:
      return "DEVICE_LOST";
    case Code::kDeviceMemory:
      return "DEVICE_MEMORY";
    case Code::kBackendUnavailable:
      return "BACKEND_UNAVAILABLE";
    case Code::kUnavailable:
      return "UNAVAILABLE";
    case Code::kIo:
      return "IO";
    case Code::kInternal:
      return "INTERNAL";
  }
  return "INTERNAL";
}

Status SystemError(const std::string& what, int number) {
  Code code = Code::kIo;
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      code = Code::kNotFound;
      break;
    case EACCES:
    case EPERM:
      code = Code::kPermissionDenied;
      break;
    case ECONNREFUSED:
    case EPIPE:
      code = Code::kUnavailable;
      break;
    case ENAMETOOLONG:
    case EISDIR:
    case ELOOP:
      code = Code::kDataInvalid;
      break;
    default:
      break;
  }
  return Error(code, what + ": " + std::strerror(number));
}

}  // namespace quipu
