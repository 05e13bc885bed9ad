#include "build_options.h"

#include "common/shared_library.h"
#include "compute_capability.h"

#include <algorithm>
#include <initializer_list>
#include <string>

// Weak typing is deprecated in TensorRT 10, and what `--typing weak` asks for.
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#endif

namespace precision_bench {
namespace {

using nvinfer1::BuilderFlag;

#if !PB_TRT_RTX
//! Runs of a kernel that one timing is the mean of. TensorRT's own default is 1, which on an H200 made the builder take
//! a 17 µs kernel for one of 10 µs and a whole engine 1.7 times slower (docs/measurements/h200-trt10.6); this is
//! trtexec's (--avgTiming).
constexpr int32_t kTimingIterations = 8;
#endif

//! TensorRT 8 grew these at 8.4 and 8.6; later majors have them from the start.
#if PB_TRT_MODERN
bool hasMemoryPools(const Library&) { return true; }
bool hasLevelsAndCompatibility(const Library&) { return true; }
#else
bool hasMemoryPools(const Library& library) { return PB_TRT_HAS_MEMORY_POOLS && library.isAtLeast(8, 4); }
bool hasLevelsAndCompatibility(const Library& library) {
    return PB_TRT_HAS_OPTIMIZATION_LEVEL && library.isAtLeast(8, 6);
}
#endif

void setFlag(nvinfer1::IBuilderConfig& config, BuilderFlag flag, bool on) {
    if (on) {
        config.setFlag(flag);
    } else {
        config.clearFlag(flag);
    }
}

void setWorkspace(const Library& library, nvinfer1::IBuilderConfig& config, int64_t bytes) {
    if (bytes < 0) {
        return;
    }
#if PB_TRT_HAS_MEMORY_POOLS
    if (hasMemoryPools(library)) {
        config.setMemoryPoolLimit(nvinfer1::MemoryPoolType::kWORKSPACE, static_cast<size_t>(bytes));
        return;
    }
#endif
#if PB_TRT_MODERN
    (void)library;
#else
    (void)hasMemoryPools(library);
    config.setMaxWorkspaceSize(static_cast<size_t>(bytes));
#endif
}

PbStatus setTargets(nvinfer1::IBuilderConfig& config, const PbBuildRequest& request, Reporter& reporter) {
#if PB_TRT_HAS_COMPUTE_CAPABILITY
    if (request.computeCapabilityCount == 0) {
        return config.setNbComputeCapabilities(1) &&
                       config.setComputeCapability(nvinfer1::ComputeCapability::kCURRENT, 0)
                   ? PB_OK
                   : reporter.fail(PB_INVALID, "There is no GPU here to take the architecture from.");
    }
    if (!config.setNbComputeCapabilities(static_cast<int32_t>(request.computeCapabilityCount))) {
        return reporter.fail(PB_INVALID, "TensorRT-RTX refused the number of architectures.");
    }
    for (size_t i = 0; i < request.computeCapabilityCount; ++i) {
        const int32_t number = request.computeCapabilities[i];
        const auto target = computeCapability(number);
        if (!target || !config.setComputeCapability(*target, static_cast<int32_t>(i))) {
            return reporter.fail(PB_UNSUPPORTED, "TensorRT-RTX does not build for sm_" + std::to_string(number) + ".");
        }
    }
    return PB_OK;
#else
    (void)config;
    if (request.computeCapabilityCount != 0) {
        return reporter.fail(PB_UNSUPPORTED, "This TensorRT builds for the GPU of this machine only.");
    }
    return PB_OK;
#endif
}

PbStatus setCompatibility(const Library& library, nvinfer1::IBuilderConfig& config, const PbBuildRequest& request,
                          Reporter& reporter) {
    (void)config; // unused with headers that have no compatibility
    if (request.versionCompatible == 0 && request.hardwareCompatible == 0) {
        return PB_OK;
    }
    if (!hasLevelsAndCompatibility(library)) {
        return reporter.fail(PB_UNSUPPORTED, "This TensorRT builds neither version- nor hardware-compatible engines.");
    }
#if PB_TRT_HAS_COMPATIBILITY
    setFlag(config, BuilderFlag::kVERSION_COMPATIBLE, request.versionCompatible != 0);
#if PB_TRT_RTX
    // TensorRT would put a lean runtime into the engine, and RTX comes without one.
    setFlag(config, BuilderFlag::kEXCLUDE_LEAN_RUNTIME, request.versionCompatible != 0);
#endif
    if (request.hardwareCompatible != 0) {
        config.setHardwareCompatibilityLevel(nvinfer1::HardwareCompatibilityLevel::kAMPERE_PLUS);
    }
#endif
    return PB_OK;
}

PbStatus setDla(nvinfer1::IBuilderConfig& config, const PbBuildRequest& request, Reporter& reporter) {
    if (request.dlaCore < 0) {
        return PB_OK;
    }
#if PB_TRT_HAS_DLA
    (void)reporter;
    config.setDefaultDeviceType(nvinfer1::DeviceType::kDLA);
    config.setDLACore(request.dlaCore);
    setFlag(config, BuilderFlag::kGPU_FALLBACK, request.gpuFallback != 0);
    return PB_OK;
#else
    (void)config;
    return reporter.fail(PB_UNSUPPORTED, "TensorRT-RTX does not build for DLA.");
#endif
}

#if PB_TRT_HAS_WEAK_TYPING

//! The types that a weakly typed network may use beside FP32.
PbStatus allowTypes(const Library& library, nvinfer1::IBuilderConfig& config, const PbBuildRequest& request,
                    Reporter& reporter) {
    setFlag(config, BuilderFlag::kFP16, request.allowFp16 != 0);
    setFlag(config, BuilderFlag::kINT8, request.allowInt8 != 0);
#if PB_TRT_HAS_WEAK_BF16
    setFlag(config, BuilderFlag::kBF16, request.allowBf16 != 0);
#else
    if (request.allowBf16 != 0) {
        return reporter.fail(PB_UNSUPPORTED, "TensorRT 8 has no BF16.");
    }
#endif
#if PB_TRT_HAS_WEAK_FP8
    if (request.allowFp8 == 0 || hasLevelsAndCompatibility(library)) {
        setFlag(config, BuilderFlag::kFP8, request.allowFp8 != 0);
        return PB_OK;
    }
#else
    (void)library;
#endif
    return request.allowFp8 == 0 ? PB_OK : reporter.fail(PB_UNSUPPORTED, "This TensorRT has no FP8.");
}

#endif

#if PB_TRT_USES_CUDNN

bool isAnyInstalled(std::initializer_list<const char*> libraries) {
    return std::any_of(libraries.begin(), libraries.end(),
                       [](const char* name) { return SharedLibrary(name).isOpen(); });
}

//! TensorRT opens cuDNN and cuBLAS by itself, and cannot build where one that it is to use is missing.
void leaveOutMissingKernels(nvinfer1::IBuilderConfig& config) {
    using nvinfer1::TacticSource;
    const auto bit = [](TacticSource source) { return 1U << static_cast<uint32_t>(source); };
    nvinfer1::TacticSources sources = config.getTacticSources();
    if (!isAnyInstalled({"libcudnn.so.8", "libcudnn.so.7"})) {
        sources &= ~bit(TacticSource::kCUDNN);
    }
    if (!isAnyInstalled({"libcublas.so.12", "libcublas.so.11", "libcublas.so.10"})) {
        sources &= ~(bit(TacticSource::kCUBLAS) | bit(TacticSource::kCUBLAS_LT));
    }
    config.setTacticSources(sources);
}

#endif

PbStatus setTyping(const Library& library, nvinfer1::IBuilderConfig& config, const PbBuildRequest& request,
                   Reporter& reporter) {
    if (request.typing == PB_STRONG) {
#if PB_TRT_HAS_STRONG_TYPING
        return request.calibrator == nullptr
                   ? PB_OK
                   : reporter.fail(PB_INVALID, "TensorRT's calibrators are for weakly typed networks only.");
#else
        return reporter.fail(PB_UNSUPPORTED, "TensorRT 8 has no strongly typed networks; ask for weak typing.");
#endif
    }
#if PB_TRT_HAS_WEAK_TYPING
    if (request.calibrator != nullptr && request.allowInt8 == 0) {
        return reporter.fail(PB_INVALID, "A calibrator was given and INT8 is not allowed.");
    }
    return allowTypes(library, config, request, reporter);
#else
    (void)library;
    (void)config;
    return reporter.fail(PB_UNSUPPORTED, request.calibrator != nullptr
                                             ? "This TensorRT has no INT8 calibrators; quantize the graph with Q/DQ."
                                             : "This TensorRT has no weakly typed networks; ask for strong typing.");
#endif
}

} // namespace

PbStatus setOptions(const Library& library, nvinfer1::IBuilderConfig& config, const PbBuildRequest& request,
                    Reporter& reporter) {
    // Without it the inspector knows the layers' names and nothing else.
    config.setProfilingVerbosity(nvinfer1::ProfilingVerbosity::kDETAILED);
    setWorkspace(library, config, request.workspaceBytes);
    setFlag(config, BuilderFlag::kTF32, request.tf32 != 0); // on by default
#if !PB_TRT_RTX
    // TensorRT-RTX times nothing where it builds.
    config.setAvgTimingIterations(kTimingIterations);
#endif
#if PB_TRT_USES_CUDNN
    leaveOutMissingKernels(config);
#endif
#if PB_TRT_HAS_OPTIMIZATION_LEVEL
    if (request.optimizationLevel >= 0 && hasLevelsAndCompatibility(library)) {
        config.setBuilderOptimizationLevel(request.optimizationLevel);
    }
#endif
    if (const PbStatus status = setTyping(library, config, request, reporter); status != PB_OK) {
        return status;
    }
    if (const PbStatus status = setCompatibility(library, config, request, reporter); status != PB_OK) {
        return status;
    }
    if (const PbStatus status = setDla(config, request, reporter); status != PB_OK) {
        return status;
    }
    return setTargets(config, request, reporter);
}

} // namespace precision_bench

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
