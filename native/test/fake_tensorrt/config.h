//! \file config.h
//! \brief What the fake builder can be told: profiles, flags, timing caches.
#pragma once

#include "network.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace fake {

class Memory final : public StubVHostMemory {
public:
    explicit Memory(std::string content) : mContent(std::move(content)) {}
    void* data() const noexcept override { return const_cast<char*>(mContent.data()); }
    std::size_t size() const noexcept override { return mContent.size(); }

private:
    std::string mContent;
};

using MadeMemory = Made<IHostMemory, Memory>;

class Profile final : public StubVOptimizationProfile {
public:
    struct Range {
        std::vector<int64_t> of[3]; //!< By OptProfileSelector.
    };
    std::map<std::string, Range> sizes;
    std::map<std::string, Range> values;

    bool setDimensions(const char* name, OptProfileSelector selector, DimsArgument dims) noexcept override {
        sizes[name].of[static_cast<int>(selector)] = sizesOf(dims);
        return true;
    }
#if FAKE_WEAK
    bool setShapeValues(const char* name, OptProfileSelector selector, const int32_t* numbers,
                        int32_t count) noexcept override {
        values[name].of[static_cast<int>(selector)] = {numbers, numbers + count};
        return true;
    }
#else
    bool setShapeValuesV2(const char* name, OptProfileSelector selector, const int64_t* numbers,
                          int32_t count) noexcept override {
        values[name].of[static_cast<int>(selector)] = {numbers, numbers + count};
        return true;
    }
#endif
    //! As TensorRT: minimum ≤ optimum ≤ maximum.
    bool isValid() const noexcept override {
        for (const auto* ranges : {&sizes, &values}) {
            for (const auto& [name, range] : *ranges) {
                for (size_t i = 0; i < range.of[0].size(); ++i) {
                    if (range.of[1].size() != range.of[0].size() || range.of[2].size() != range.of[0].size() ||
                        range.of[0][i] > range.of[1][i] || range.of[1][i] > range.of[2][i]) {
                        return false;
                    }
                }
            }
        }
        return true;
    }
};

using MadeProfile = Made<IOptimizationProfile, Profile>;

//! Names of layers that were timed, below a line that says by what.
class Timings final : public StubVTimingCache {
public:
    std::string origin;
    std::set<std::string> layers;

    IHostMemory* serialize() const noexcept override {
        std::string text = origin + "\n";
        for (const std::string& layer : layers) {
            text += layer + "\n";
        }
        return new MadeMemory(text);
    }
    bool combine(const ITimingCache& other, bool) noexcept override;
};

using MadeTimings = Made<ITimingCache, Timings>;

inline bool Timings::combine(const ITimingCache& other, bool) noexcept {
    const Timings& theirs = static_cast<const MadeTimings&>(other).implementation;
    if (theirs.origin != origin) {
        return false;
    }
    layers.insert(theirs.layers.begin(), theirs.layers.end());
    return true;
}

//! What our own library writes on the first line of a timing cache.
std::string timingOrigin();

class Config final : public StubVBuilderConfig {
public:
    uint32_t flags = 1U << static_cast<uint32_t>(BuilderFlag::kTF32);
    ProfilingVerbosity verbosity = ProfilingVerbosity::kLAYER_NAMES_ONLY;
    size_t workspace = 0;
    int32_t level = 3;
    int32_t averaged = 1;
    int32_t dlaCore = -1;
    bool isHardwareCompatible = false;
    std::vector<const MadeProfile*> profiles;
    const MadeProfile* calibrationProfile = nullptr;
    MadeTimings* timings = nullptr;
    std::vector<int64_t> computeCapabilities;

    bool has(BuilderFlag flag) const { return (flags & (1U << static_cast<uint32_t>(flag))) != 0; }

    void setFlag(BuilderFlag flag) noexcept override { flags |= 1U << static_cast<uint32_t>(flag); }
    void clearFlag(BuilderFlag flag) noexcept override { flags &= ~(1U << static_cast<uint32_t>(flag)); }
    bool getFlag(BuilderFlag flag) const noexcept override { return has(flag); }
    void setProfilingVerbosity(ProfilingVerbosity wanted) noexcept override { verbosity = wanted; }
    int32_t addOptimizationProfile(const IOptimizationProfile* profile) noexcept override {
        profiles.push_back(static_cast<const MadeProfile*>(profile));
        return static_cast<int32_t>(profiles.size()) - 1;
    }
    void setAvgTimingIterations(int32_t wanted) noexcept override { averaged = wanted; }
    void setDefaultDeviceType(DeviceType) noexcept override {}
    void setDLACore(int32_t core) noexcept override { dlaCore = core; }
    ITimingCache* createTimingCache(const void* data, std::size_t size) const noexcept override {
        auto* made = new MadeTimings;
        std::string text(static_cast<const char*>(data), data != nullptr ? size : 0);
        Timings& timings = made->implementation;
        timings.origin = text.empty() ? timingOrigin() : text.substr(0, text.find('\n'));
        for (size_t at = text.find('\n'); at != std::string::npos && at + 1 < text.size();) {
            const size_t end = text.find('\n', at + 1);
            timings.layers.insert(text.substr(at + 1, end - at - 1));
            at = end;
        }
        return made;
    }
    bool setTimingCache(const ITimingCache& cache, bool) noexcept override {
        auto& made = const_cast<MadeTimings&>(static_cast<const MadeTimings&>(cache));
        if (made.implementation.origin != timingOrigin()) {
            return false;
        }
        timings = &made;
        return true;
    }
#if FAKE_MODERN
    IProgressMonitor* monitor = nullptr;
    void setProgressMonitor(IProgressMonitor* wanted) noexcept override { monitor = wanted; }
    void setMemoryPoolLimit(MemoryPoolType, std::size_t bytes) noexcept override { workspace = bytes; }
    void setBuilderOptimizationLevel(int32_t wanted) noexcept override { level = wanted; }
    void setHardwareCompatibilityLevel(HardwareCompatibilityLevel wanted) noexcept override {
        isHardwareCompatible = wanted != HardwareCompatibilityLevel::kNONE;
    }
#else
    TacticSources sources = 0xff; //!< All, as by default.
    void setMaxWorkspaceSize(std::size_t bytes) noexcept override { workspace = bytes; }
    bool setTacticSources(TacticSources wanted) noexcept override {
        sources = wanted;
        return true;
    }
    TacticSources getTacticSources() const noexcept override { return sources; }
#endif
#if FAKE_WEAK
    IInt8Calibrator* calibrator = nullptr;
    void setInt8Calibrator(IInt8Calibrator* wanted) noexcept override { calibrator = wanted; }
    bool setCalibrationProfile(const IOptimizationProfile* profile) noexcept override {
        calibrationProfile = static_cast<const MadeProfile*>(profile);
        return true;
    }
#endif
#if defined(TRT_MAJOR_RTX)
    bool setNbComputeCapabilities(int32_t count) noexcept override {
        computeCapabilities.resize(static_cast<size_t>(count));
        return true;
    }
    bool setComputeCapability(ComputeCapability capability, int32_t index) noexcept override {
        computeCapabilities[static_cast<size_t>(index)] = numberOf(capability);
        return computeCapabilities[static_cast<size_t>(index)] >= 0;
    }

private:
    static int64_t numberOf(ComputeCapability capability) {
        switch (capability) {
        case ComputeCapability::kCURRENT:
            return 0;
        case ComputeCapability::kSM75:
            return 75;
        case ComputeCapability::kSM89:
            return 89;
        default:
            return -1; // a library takes fewer than its headers name
        }
    }
#endif
};

using MadeConfig = Made<IBuilderConfig, Config>;

} // namespace fake
