//! \file observe.cpp
//! \brief Observation in blocks, over as many threads as the tensor is worth.
#include "observe.h"

#include "kernels.h"

#include <algorithm>
#include <array>
#include <limits>
#include <system_error>
#include <thread>
#include <vector>

namespace precision_bench {
namespace {

//! Below this many elements a thread costs more than it brings.
constexpr size_t kElementsPerThread = size_t{1} << 18;
constexpr size_t kMaxThreads = 8;
//! Elements whose bins are computed at a time: small enough for the first-level cache.
constexpr size_t kBlock = 1024;
//! Equal neighbours (the zeros after a ReLU) would wait for each other's increment; counting in turns avoids that.
constexpr size_t kTurns = 4;

//! The number of threads that \p count elements are worth.
size_t partsFor(size_t count) {
    const size_t cores = std::max(1u, std::thread::hardware_concurrency());
    return std::clamp<size_t>(count / kElementsPerThread, 1, std::min(cores, kMaxThreads));
}

//! \brief Splits [0, count) into \p parts and calls work(part, begin, end) for each, one thread per part.
//! \param work must not throw
template <typename Work>
void inParallel(size_t count, size_t parts, Work work) {
    const size_t perPart = (count + parts - 1) / parts;
    const auto run = [&](size_t part) {
        const size_t begin = std::min(count, part * perPart);
        work(part, begin, std::min(count, begin + perPart));
    };
    std::array<std::thread, kMaxThreads> threads;
    size_t started = 1;
    try {
        for (; started < parts; ++started) {
            threads[started] = std::thread(run, started);
        }
    } catch (const std::system_error&) {
        // No more threads to be had: the parts not started are done here.
    }
    run(0);
    for (size_t part = started; part < parts; ++part) {
        run(part);
    }
    for (size_t part = 1; part < started; ++part) {
        threads[part].join();
    }
}

//! Counts one thread's share of the elements into integers of its own.
class PartialHistogram {
public:
    explicit PartialHistogram(size_t bins) : mStride(bins + 1), mCounts(kTurns * mStride) {}

    void add(const float* values, size_t count, double binWidth) {
        const Kernels& kernels = bestKernels();
        std::array<int32_t, kBlock> binOf;
        for (size_t begin = 0; begin < count; begin += kBlock) {
            const size_t length = std::min(kBlock, count - begin);
            kernels.bins(values + begin, length, binWidth, static_cast<int32_t>(mStride) - 2, binOf.data());
            for (size_t i = 0; i < length; ++i) {
                ++mCounts[(i % kTurns) * mStride + static_cast<size_t>(binOf[i])];
            }
        }
    }

    //! Adds the counts to \p counts and returns the number of elements left out.
    size_t mergeInto(double* counts) const {
        for (size_t turn = 0; turn < kTurns; ++turn) {
            const uint64_t* own = mCounts.data() + turn * mStride;
            for (size_t bin = 0; bin + 1 < mStride; ++bin) {
                counts[bin] += static_cast<double>(own[bin]);
            }
        }
        size_t leftOut = 0;
        for (size_t turn = 0; turn < kTurns; ++turn) {
            leftOut += mCounts[turn * mStride + mStride - 1];
        }
        return leftOut;
    }

private:
    size_t mStride; //!< The bins, and one more for elements that are not finite.
    std::vector<uint64_t> mCounts;
};

//! For tensors so small that a histogram of their own would cost more than counting.
size_t accumulateSmall(const float* values, size_t count, double* counts, size_t bins, double binWidth) {
    const Kernels& kernels = bestKernels();
    std::array<int32_t, kBlock> binOf;
    size_t leftOut = 0;
    for (size_t begin = 0; begin < count; begin += kBlock) {
        const size_t length = std::min(kBlock, count - begin);
        kernels.bins(values + begin, length, binWidth, static_cast<int32_t>(bins) - 1, binOf.data());
        for (size_t i = 0; i < length; ++i) {
            const size_t bin = static_cast<size_t>(binOf[i]);
            if (bin < bins) {
                counts[bin] += 1;
            } else {
                ++leftOut;
            }
        }
    }
    return leftOut;
}

} // namespace

Range observeRange(const float* values, size_t count) {
    // Keeps each call of the kernel within its 32-bit counter.
    constexpr size_t kKernelLimit = size_t{1} << 30;
    std::array<int32_t, kMaxThreads> least;
    std::array<int32_t, kMaxThreads> greatest;
    std::array<size_t, kMaxThreads> nonFinite;
    const size_t parts = partsFor(count);
    inParallel(count, parts, [&](size_t part, size_t begin, size_t end) {
        KeyRange found = {INT32_MAX, INT32_MIN, 0};
        size_t bad = 0;
        for (size_t at = begin; at < end; at += kKernelLimit) {
            const KeyRange piece = bestKernels().range(values + at, std::min(kKernelLimit, end - at));
            found.least = std::min(found.least, piece.least);
            found.greatest = std::max(found.greatest, piece.greatest);
            bad += piece.nonFinite;
        }
        least[part] = found.least;
        greatest[part] = found.greatest;
        nonFinite[part] = bad;
    });
    size_t bad = 0;
    for (size_t part = 0; part < parts; ++part) {
        bad += nonFinite[part];
    }
    if (bad == count) {
        constexpr float kInfinity = std::numeric_limits<float>::infinity();
        return {kInfinity, -kInfinity, 0.0f, bad};
    }
    const float minimum = keyToFloat(*std::min_element(least.begin(), least.begin() + parts));
    const float maximum = keyToFloat(*std::max_element(greatest.begin(), greatest.begin() + parts));
    return {minimum, maximum, std::max(std::max(minimum, -minimum), std::max(maximum, -maximum)), bad};
}

size_t accumulateHistogram(const float* values, size_t count, double* counts, size_t bins, double binWidth) {
    if (count < 2 * kTurns * bins) {
        return accumulateSmall(values, count, counts, bins, binWidth);
    }
    const size_t parts = partsFor(count);
    std::vector<PartialHistogram> partial(parts, PartialHistogram(bins));
    inParallel(count, parts, [&](size_t part, size_t begin, size_t end) {
        partial[part].add(values + begin, end - begin, binWidth);
    });
    size_t leftOut = 0;
    for (const PartialHistogram& share : partial) {
        leftOut += share.mergeInto(counts);
    }
    return leftOut;
}

} // namespace precision_bench
