//! \file observe_test.cpp
//! \brief Observation against a plain loop, for every instruction set of this machine and across thread borders.
#include "observe/channel_ranges.h"
#include "observe/kernels.h"
#include "observe/layer_error.h"
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

//! The channel of an element of a tensor of \p channels channels with \p inner elements each in a row.
size_t channelOf(size_t element, size_t channels, size_t inner) { return element / inner % channels; }

void testChannels(const std::vector<float>& values, size_t channels, size_t inner) {
    const size_t row = channels * inner;
    const size_t outer = values.size() / row;
    pb::ChannelRanges first;
    pb::ChannelRanges second;
    first.add(values.data(), outer / 2, channels, inner);
    second.add(values.data() + outer / 2 * row, outer - outer / 2, channels, inner);
    first.merge(second);
    check(first.size() == channels, "channels: their number");
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    std::vector<float> least(channels, kInfinity);
    std::vector<float> greatest(channels, -kInfinity);
    for (size_t i = 0; i < outer * row; ++i) {
        if (std::isfinite(values[i])) {
            const size_t channel = channelOf(i, channels, inner);
            least[channel] = std::min(least[channel], values[i]);
            greatest[channel] = std::max(greatest[channel], values[i]);
        }
    }
    for (size_t channel = 0; channel < channels; ++channel) {
        check(first.minimum(channel) == least[channel], "channels: least");
        check(first.maximum(channel) == greatest[channel], "channels: greatest");
    }
}

void testCompareLayer(const std::vector<float>& original, size_t channels, size_t inner) {
    const size_t row = channels * inner;
    const size_t outer = original.size() / row;
    std::vector<float> computed = original;
    std::vector<double> expected(channels + 2);
    for (size_t i = 0; i < outer * row; ++i) {
        computed[i] += 0.25f * static_cast<float>(i % 7) - 0.5f;
        const double difference = static_cast<double>(computed[i]) - static_cast<double>(original[i]);
        const double right = original[i];
        const auto elements = static_cast<double>(outer * row);
        expected[channelOf(i, channels, inner)] += difference / static_cast<double>(outer * inner);
        expected[channels] += difference * difference / elements;
        expected[channels + 1] += right * right / elements;
    }
    std::vector<double> result(channels + 2);
    pb::compareLayer(computed.data(), original.data(), outer, channels, inner, result.data());
    for (size_t i = 0; i < result.size(); ++i) {
        check(std::fabs(result[i] - expected[i]) < 1e-9 * std::max(1.0, std::fabs(expected[i])), "layer error");
    }
}

void testSumsAgree(const std::vector<float>& original) {
    const std::vector<float> computed(original.rbegin(), original.rend());
    const auto equal = [](const pb::ErrorSums& a, const pb::ErrorSums& b) {
        return a.error == b.error && a.noise == b.noise && a.signal == b.signal;
    };
    const size_t count = computed.size();
    check(equal(pb::kernelsBaseline.error(computed.data(), original.data(), count),
                pb::bestKernels().error(computed.data(), original.data(), count)),
          "kernels: the same sums on every instruction set");
}

} // namespace

int main() {
    for (const size_t channels : {1, 3, 8, 37}) {
        for (const size_t inner : {1, 2, 7, 8, 49, 1000}) {
            for (bool withNonFinite : {false, true}) {
                testChannels(sample(5 * channels * inner, withNonFinite), channels, inner);
            }
            testCompareLayer(sample(5 * channels * inner, false), channels, inner);
            testSumsAgree(sample(5 * channels * inner, false));
        }
    }
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
    // The range's extremes come from other reductions where all values have one sign.
    for (const float sign : {1.0f, -1.0f}) {
        for (const float special :
             {0.5f, 0.0f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
            std::vector<float> oneSided = sample(1025, false);
            for (float& value : oneSided) {
                value = std::copysign(value, sign);
            }
            oneSided[77] = std::copysign(special, sign);
            testRange(oneSided);
            testAccumulator(oneSided, 100);
            testKernelsAgree(oneSided);
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
