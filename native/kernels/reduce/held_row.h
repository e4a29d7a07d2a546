// Rows of one block of the canonical order that stay in registers, so that they are read once.
// Include only from .cu files.
#ifndef QUIPU_KERNELS_REDUCE_HELD_ROW_H_
#define QUIPU_KERNELS_REDUCE_HELD_ROW_H_

#include "kernels/reduce/reduce_device.h"

namespace quipu {
namespace {

// A row of kWarps · kHeldMost · 32 elements at most. A thread holds, of its warp's stretch of the
// row, every 32nd: those belong to two lanes in turn.
template <int kHeldMost, int kWarpsOfRow>
struct HeldRow : RowPlaces<kWarpsOfRow * kWarp, 128> {
  using Places = RowPlaces<kWarpsOfRow * kWarp, 128>;
  static constexpr int kWarps = kWarpsOfRow, kHeld = kHeldMost;
  static constexpr int kTogether = 8;  // whether they are beyond the row is asked once
  static constexpr int kShared = Places::kRows * kReduceLanes;  // values that a fold needs

  __device__ HeldRow(int64_t length, bool live)
      : left_((live ? static_cast<int>(length) : 0) - Part() * kHeld * kWarp) {}

  static __device__ int Lane() { return static_cast<int>(threadIdx.x % kWarp); }
  static __device__ int Part() { return Places::Place() / kWarp; }  // warp of the row

  // The h-th element of this thread is the (FirstElement() + h * kWarp)-th of the row, if that has
  // it.
  static __device__ int FirstElement() { return Part() * kHeld * kWarp + Lane(); }
  __device__ __forceinline__ bool Has(int h) const { return h * kWarp < left_ - Lane(); }

  // use(h) for every h of which the row may have h, h + 1, ... h + kTogether - 1.
  template <class Use>
  __device__ __forceinline__ void EachGroup(const Use& use) const {
    QUIPU_UNROLL
    for (int h = 0; h < kHeld; h += kTogether) {
      if (h * kWarp >= left_) break;
      use(h);
    }
  }

  // use(h) for every h that the row may have.
  template <class Use>
  __device__ __forceinline__ void EachOrMore(const Use& use) const {
    EachGroup([&use](int first) {
      QUIPU_UNROLL
      for (int k = 0; k < kTogether; ++k) use(first + k);
    });
  }

  // use(h) for every h that the row has.
  template <class Use>
  __device__ __forceinline__ void Each(const Use& use) const {
    EachOrMore([this, &use](int h) {
      if (Has(h)) use(h);
    });
  }

  // Of get(h) of all elements, for all threads of the row; get(h) that the row does not have
  // changes nothing. All of a block call this together, each time with other memory than the last
  // time; what they share it for is over at the next call.
  template <class Fold, class Get>
  __device__ __forceinline__ typename Fold::Value Reduce(typename Fold::Value* shared,
                                                         const Get& get) const {
    typename Fold::Value lanes[2] = {Fold::Start(), Fold::Start()};
    typename Fold::Value* of_row = shared + threadIdx.x / Places::kRowThreads * kReduceLanes;
    if constexpr (kWarps == 1) {
      Take<Fold>(lanes, get);
      return JoinLanes<Fold>(lanes[0], lanes[1]);
    } else if constexpr (!Fold::kOrdered) {
      Take<Fold>(lanes, get);
      of_row[Part()] = JoinLanes<Fold>(lanes[0], lanes[1]);
      __syncthreads();
      typename Fold::Value value = of_row[0];
      QUIPU_UNROLL
      for (int part = 1; part < kWarps; ++part) value = Fold::Join(value, of_row[part]);
      return value;
    } else {
      ReduceInTurn<Fold>(lanes, of_row, get);
      return JoinLanes<Fold>(of_row[Lane()], of_row[Lane() + kWarp]);
    }
  }

 private:
  // Each warp goes on where the one before it has stopped.
  template <class Fold, class Get>
  __device__ __forceinline__ void ReduceInTurn(typename Fold::Value* lanes,
                                               typename Fold::Value* of_row, const Get& get) const {
    QUIPU_ROLLED
    for (int part = 0; part < kWarps; ++part) {
      if (Part() == part) {
        if (part > 0) {
          lanes[0] = of_row[Lane()];
          lanes[1] = of_row[Lane() + kWarp];
        }
        Take<Fold>(lanes, get);
        of_row[Lane()] = lanes[0];
        of_row[Lane() + kWarp] = lanes[1];
      }
      __syncthreads();
    }
  }

  template <class Fold, class Get>
  __device__ __forceinline__ void Take(typename Fold::Value* lanes, const Get& get) const {
    EachOrMore([&](int h) { lanes[h % 2] = Fold::Take(lanes[h % 2], get(h), 0); });
  }

  const int left_;  // elements of the row from the first of this warp on
};

// A type as a value.
template <class Type>
struct Form {
  using Row = Type;
};

// Calls `with` with how rows of this length are held, which is a block at most.
template <class With>
void WithHeldRow(int64_t length, const With& with) {
  if (length <= 1024) return with(Form<HeldRow<32, 1>>());
  with(Form<HeldRow<32, 4>>());
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_REDUCE_HELD_ROW_H_
