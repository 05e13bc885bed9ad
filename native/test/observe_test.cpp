//! \file observe_test.cpp
//! \brief Observation against a plain loop, for every instruction set of this machine and across thread borders.
#include "observe/kernels.h"
#include "observe/observe.h"
#include "observe/value_accumulator.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>
#include <vector>

namespace pb = precision_bench;

namespace {

int gFailures = 0;

void check(bool condition, const char* what) {
    if (!condition) {
        std::fprintf(stderr, "FAILED: %s\n", what);
        ++gFailures;
    }
}

std::vector<float> sample(size_t count, bool withNonFinite) {
    std::mt19937 generator(static_cast<unsigned>(count));
    std::normal_distribution<float> normal(0.5f, 3.0f);
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i) {
        values[i] = i % 3 == 0 ? 0.0f : normal(generator);
        if (withNonFinite && i % 97 == 0) {
            values[i] = i % 2 == 0 ? std::numeric_limits<float>::quiet_NaN() : -std::numeric_limits<float>::infinity();
        }
    }
    return values;
}

void testRange(const std::vector<float>& values) {
    float minimum = std::numeric_limits<float>::infinity();
    float maximum = -minimum;
    float absMaximum = 0;
    size_t nonFinite = 0;
    for (float value : values) {
        if (!std::isfinite(value)) {
            ++nonFinite;
            continue;
        }
        minimum = std::fmin(minimum, value);
        maximum = std::fmax(maximum, value);
        absMaximum = std::fmax(absMaximum, std::fabs(value));
    }
    const pb::Range range = pb::observeRange(values.data(), values.size());
    check(range.minimum == minimum && range.maximum == maximum, "range: least and greatest");
    check(range.absMaximum == absMaximum, "range: greatest magnitude");
    check(range.nonFinite == nonFinite, "range: elements that are not finite");
}

void testHistogram(const std::vector<float>& values, size_t bins, double binWidth) {
    std::vector<double> expected(bins, 1.0); // the histogram is added to
    std::vector<double> counts(bins, 1.0);
    size_t leftOut = 0;
    for (float value : values) {
        if (!std::isfinite(value)) {
            ++leftOut;
            continue;
        }
        const double quotient = std::floor(std::fabs(static_cast<double>(value)) / binWidth);
        ++expected[quotient < static_cast<double>(bins - 1) ? static_cast<size_t>(quotient) : bins - 1];
    }
    check(pb::accumulateHistogram(values.data(), values.size(), counts.data(), bins, binWidth) == leftOut,
          "histogram: elements left out");
    check(counts == expected, "histogram: counts");
}

//! Values in pieces, in several accumulators that are merged, against a plain count into the final bins.
void testAccumulator(const std::vector<float>& values, size_t piece) {
    pb::ValueAccumulator parts[] = {pb::ValueAccumulator(true), pb::ValueAccumulator(true), pb::ValueAccumulator(true)};
    size_t next = 0;
    for (size_t begin = 0; begin < values.size(); begin += piece) {
        parts[next++ % 3].add(values.data() + begin, std::min(piece, values.size() - begin));
    }
    pb::ValueAccumulator whole(true);
    for (const pb::ValueAccumulator& part : parts) {
        whole.merge(part);
    }
    const pb::Range range = pb::observeRange(values.data(), values.size());
    check(whole.minimum() == range.minimum && whole.maximum() == range.maximum, "accumulator: least and greatest");
    check(whole.nonFinite() == range.nonFinite, "accumulator: elements that are not finite");
    const double largest = range.absMaximum;
    const double width = whole.binWidth();
    check(largest < width * pb::ValueAccumulator::kBins, "accumulator: the bins hold everything");
    check(width == std::ldexp(1.0, -126) || largest >= width * pb::ValueAccumulator::kBins / 2,
          "accumulator: the bins are no wider than they must be");
    std::vector<uint64_t> expected(pb::ValueAccumulator::kBins);
    for (float value : values) {
        if (std::isfinite(value)) {
            ++expected[static_cast<size_t>(std::fabs(static_cast<double>(value)) / width)];
        }
    }
    check(whole.counts() == expected, "accumulator: counts");
    pb::ValueAccumulator rangeOnly(false);
    rangeOnly.add(values.data(), values.size());
    check(rangeOnly.counts().empty() && rangeOnly.maximum() == range.maximum, "accumulator: range alone");
}

void testKernelsAgree(const std::vector<float>& values) {
    const pb::Kernels& best = pb::bestKernels();
    const pb::KeyRange one = pb::kernelsBaseline.range(values.data(), values.size());
    const pb::KeyRange other = best.range(values.data(), values.size());
    check(one.least == other.least && one.greatest == other.greatest && one.nonFinite == other.nonFinite,
          "kernels: the same range on every instruction set");
    std::vector<int32_t> first(values.size());
    std::vector<int32_t> second(values.size());
    pb::kernelsBaseline.bins(values.data(), values.size(), 0.00317, 2047, first.data());
    best.bins(values.data(), values.size(), 0.00317, 2047, second.data());
    check(first == second, "kernels: the same bins on every instruction set");
    pb::kernelsBaseline.magnitudeBins(values.data(), values.size(), 128.0f, 4096, first.data());
    best.magnitudeBins(values.data(), values.size(), 128.0f, 4096, second.data());
    check(first == second, "kernels: the same bins of a power of two on every instruction set");
}

} // namespace

int main() {
    for (size_t count : {0, 1, 3, 8, 1023, 1024, 1025, 100000, 524288, 1500001}) {
        for (bool withNonFinite : {false, true}) {
            const std::vector<float> values = sample(count, withNonFinite);
            testRange(values);
            testHistogram(values, 1, 1.0);
            testHistogram(values, 2048, 0.0049);
            testHistogram(values, 128, 1e-30);
            testAccumulator(values, 1000);
            testAccumulator(values, 50000);
            testKernelsAgree(values);
        }
    }
    const std::vector<float> extremes = {-0.0f, std::numeric_limits<float>::max(), std::numeric_limits<float>::lowest(),
                                         std::numeric_limits<float>::denorm_min()};
    testRange(extremes);
    testAccumulator(extremes, 1);
    testAccumulator(extremes, 4);
    testHistogram(extremes, 16, std::numeric_limits<double>::denorm_min());
    const float negativeZero = -0.0f;
    check(!std::signbit(pb::observeRange(&negativeZero, 1).minimum), "range: -0 is reported as 0");
    std::printf("%d failures\n", gFailures);
    return gFailures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
