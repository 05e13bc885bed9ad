// The loops of kernels.h, included by one source file per instruction set. Everything is in an unnamed namespace and
// nothing of the standard library is called: code compiled for AVX2 must never be linked in place of the baseline's.
//
// The loops are written over the bit patterns of the floats so that the compiler can vectorize them without being
// allowed to reorder floating-point arithmetic.

#include <cstring>

namespace precision_bench {
namespace {

constexpr int32_t kMagnitude = 0x7fffffff;
constexpr int32_t kInfinity = 0x7f800000;

inline int32_t bitsOf(float value) {
    int32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

//! Flipping the magnitude of negative numbers makes the integers sort as the floats do.
inline int32_t keyOf(int32_t bits) { return bits ^ ((bits >> 31) & kMagnitude); }

//! The slow way, for values that are not all finite.
KeyRange finiteRange(const float* values, size_t count) {
    KeyRange found = {INT32_MAX, INT32_MIN, 0};
    for (size_t i = 0; i < count; ++i) {
        const int32_t bits = bitsOf(values[i]);
        const int32_t key = keyOf(bits);
        if ((bits & kMagnitude) >= kInfinity) {
            ++found.nonFinite;
        } else {
            found.least = key < found.least ? key : found.least;
            found.greatest = key > found.greatest ? key : found.greatest;
        }
    }
    return found;
}

KeyRange range(const float* values, size_t count) {
    if (count == 0) {
        return {INT32_MAX, INT32_MIN, 0};
    }
    // Three plain reductions over the bit patterns. As signed integers, those of positive numbers sort as the numbers
    // do, above all others; as unsigned ones, those of negative numbers sort the other way round, above all others.
    int32_t greatestSigned = INT32_MIN;
    uint32_t greatestUnsigned = 0;
    uint32_t leastUnsigned = UINT32_MAX;
    for (size_t i = 0; i < count; ++i) {
        const int32_t bits = bitsOf(values[i]);
        const uint32_t pattern = static_cast<uint32_t>(bits);
        greatestSigned = bits > greatestSigned ? bits : greatestSigned;
        greatestUnsigned = pattern > greatestUnsigned ? pattern : greatestUnsigned;
        leastUnsigned = pattern < leastUnsigned ? pattern : leastUnsigned;
    }
    const bool allPositive = static_cast<int32_t>(greatestUnsigned) >= 0;
    const bool allNegative = greatestSigned < 0;
    const int32_t least = static_cast<int32_t>(allPositive ? leastUnsigned : greatestUnsigned);
    const int32_t greatest = allNegative ? static_cast<int32_t>(leastUnsigned) : greatestSigned;
    // NaN and infinity lie beyond all numbers of their sign.
    const bool finite = (least & kMagnitude) < kInfinity && (greatest & kMagnitude) < kInfinity;
    return finite ? KeyRange{keyOf(least), keyOf(greatest), 0} : finiteRange(values, count);
}

void bins(const float* values, size_t count, double binWidth, int32_t lastBin, int32_t* out) {
    const double last = lastBin;
    for (size_t i = 0; i < count; ++i) {
        const int32_t magnitude = bitsOf(values[i]) & kMagnitude;
        float absolute;
        std::memcpy(&absolute, &magnitude, sizeof absolute);
        const double quotient = static_cast<double>(absolute) / binWidth;
        // Written so that NaN takes the last bin: the conversion to an integer is then always defined.
        const int32_t bin = static_cast<int32_t>(quotient < last ? quotient : last);
        out[i] = magnitude < kInfinity ? bin : lastBin + 1;
    }
}

void magnitudeBins(const float* values, size_t count, float inverseWidth, int32_t trash, int32_t* out) {
    const float beyond = static_cast<float>(trash);
    for (size_t i = 0; i < count; ++i) {
        const int32_t magnitude = bitsOf(values[i]) & kMagnitude;
        float absolute;
        std::memcpy(&absolute, &magnitude, sizeof absolute);
        const float position = absolute * inverseWidth;
        // Written so that NaN and infinity take the trash: the conversion to an integer is then always defined.
        out[i] = static_cast<int32_t>(position < beyond ? position : beyond);
    }
}

void rangeEach(const float* values, size_t count, int32_t* least, int32_t* greatest) {
    for (size_t i = 0; i < count; ++i) {
        const int32_t bits = bitsOf(values[i]);
        const int32_t key = keyOf(bits);
        const bool finite = (bits & kMagnitude) < kInfinity;
        const int32_t low = finite ? key : INT32_MAX;
        const int32_t high = finite ? key : INT32_MIN;
        least[i] = low < least[i] ? low : least[i];
        greatest[i] = high > greatest[i] ? high : greatest[i];
    }
}

//! Sums side by side, which vectors hold; their number is part of the result and the same everywhere.
constexpr size_t kLanes = 8;

ErrorSums error(const float* computed, const float* original, size_t count) {
    double errors[kLanes] = {};
    double noises[kLanes] = {};
    double signals[kLanes] = {};
    size_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
        for (size_t lane = 0; lane < kLanes; ++lane) {
            const double right = original[i + lane];
            const double difference = computed[i + lane] - right;
            errors[lane] += difference;
            noises[lane] += difference * difference;
            signals[lane] += right * right;
        }
    }
    ErrorSums sums = {0, 0, 0};
    for (; i < count; ++i) {
        const double right = original[i];
        const double difference = computed[i] - right;
        sums.error += difference;
        sums.noise += difference * difference;
        sums.signal += right * right;
    }
    for (size_t lane = 0; lane < kLanes; ++lane) {
        sums.error += errors[lane];
        sums.noise += noises[lane];
        sums.signal += signals[lane];
    }
    return sums;
}

void errorEach(const float* computed, const float* original, size_t count, double* errors, double* noises,
               double* signals) {
    for (size_t i = 0; i < count; ++i) {
        const double right = original[i];
        const double difference = computed[i] - right;
        errors[i] += difference;
        noises[i] += difference * difference;
        signals[i] += right * right;
    }
}

} // namespace
} // namespace precision_bench
