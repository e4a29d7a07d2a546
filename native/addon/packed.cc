#include "addon/packed.h"

#include <cmath>

namespace quipu {

Packed::Packed(const Napi::CallbackInfo& info, size_t index, Place place) {
  const Napi::Env env = info.Env();
  if (place == Place::kDevice && info[index].IsExternal()) {
    device_ = DeviceArgument(info, index, "data");
    data_ = ByteView{device_->data(), device_->size()};
  } else {
    data_ = BytesArgument(info, index, "data");
  }
  count_ = static_cast<size_t>(CountArgument(info, index + 1, "count"));
  const Napi::Value ends = info[index + 2];
  if (ends.IsUndefined()) {
    size_ = count_ == 0 ? 0 : data_.size / count_;
    if (size_ * count_ != data_.size) {
      RefuseArgument(env, "data", "must divide into messages of equal size");
    }
    return;
  }
  if (device_ != nullptr) RefuseArgument(env, "ends", "must be absent: the data is on a device");
  if (!ends.IsTypedArray() || ends.As<Napi::TypedArray>().TypedArrayType() != napi_float64_array ||
      ends.As<Napi::TypedArray>().ElementLength() != count_) {
    RefuseArgument(env, "ends", "must be a Float64Array with one number a message");
  }
  const double* const given = ends.As<Napi::Float64Array>().Data();
  ends_.reserve(count_);
  double last = 0;
  for (size_t i = 0; i < count_; ++i) {
    const double end = given[i];
    if (!(end >= last && end <= static_cast<double>(data_.size) && end == std::floor(end))) {
      RefuseArgument(env, "ends", "must be whole numbers that do not descend or pass the data");
    }
    ends_.push_back(static_cast<uint64_t>(end));
    last = end;
  }
  if (static_cast<uint64_t>(last) != data_.size) {
    RefuseArgument(env, "ends", "must end with the data");
  }
}

}  // namespace quipu
