#include "builder.h"

#include "atomic_file.h"
#include "compute_capability.h"
#include "progress_monitor.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace precision_bench {
namespace {

using nvinfer1::BuilderFlag;

double secondsSince(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::unique_ptr<nvinfer1::INetworkDefinition> createNetwork(nvinfer1::IBuilder& builder, PbTyping typing) {
    uint32_t flags = 0;
    (void)typing;
#if !PB_TRT_HAS_STRONG_TYPING
    flags |= 1U << static_cast<uint32_t>(nvinfer1::NetworkDefinitionCreationFlag::kEXPLICIT_BATCH);
#elif !PB_TRT_ONLY_STRONG_TYPING
    if (typing == PB_STRONG) {
        flags |= 1U << static_cast<uint32_t>(nvinfer1::NetworkDefinitionCreationFlag::kSTRONGLY_TYPED);
    }
#endif
    return std::unique_ptr<nvinfer1::INetworkDefinition>(builder.createNetworkV2(flags));
}

void reportParserError(const nvonnxparser::IParserError& error, Reporter& reporter) {
    PbParserError plain = {};
    plain.code = static_cast<int32_t>(error.code());
    plain.nodeIndex = error.node();
    plain.reason = error.desc();
    std::string stack;
#if PB_TRT_HAS_PARSER_NODE_NAMES
    plain.nodeName = error.nodeName();
    plain.nodeOperator = error.nodeOperator();
    for (int32_t i = 0; i < error.localFunctionStackSize(); ++i) {
        stack += (i == 0 ? "" : " > ") + std::string(error.localFunctionStack()[i]);
    }
#endif
    plain.functionStack = stack.c_str();
    reporter.parserError(plain);
}

PbStatus parse(nvonnxparser::IParser& parser, const PbBuildRequest& request, Reporter& reporter) {
    const int verbosity = static_cast<int>(nvinfer1::ILogger::Severity::kWARNING);
    if (parser.parseFromFile(request.onnxPath, verbosity)) {
        return PB_OK;
    }
    const int count = parser.getNbErrors();
    for (int i = 0; i < count; ++i) {
        reportParserError(*parser.getError(i), reporter);
    }
    return reporter.fail(PB_PARSE, "The ONNX parser refused " + std::string(request.onnxPath) + " with " +
                                       std::to_string(count) + (count == 1 ? " error." : " errors."));
}

nvinfer1::Dims dimsOf(const int64_t* sizes, size_t rank) {
    nvinfer1::Dims dims = {};
    dims.nbDims = static_cast<int32_t>(rank);
    for (size_t i = 0; i < rank; ++i) {
        dims.d[i] = static_cast<std::remove_reference_t<decltype(dims.d[0])>>(sizes[i]);
    }
    return dims;
}

//! Adds one profile with the sizes of the request. The profile belongs to the builder.
PbStatus addProfile(nvinfer1::IBuilder& builder, nvinfer1::IBuilderConfig& config, const PbBuildRequest& request,
                    Reporter& reporter) {
    if (request.inputCount == 0) {
        return PB_OK;
    }
    nvinfer1::IOptimizationProfile* profile = builder.createOptimizationProfile();
    if (profile == nullptr) {
        return reporter.fail(PB_INTERNAL, "TensorRT made no optimization profile.");
    }
    for (size_t i = 0; i < request.inputCount; ++i) {
        const PbProfileInput& input = request.inputs[i];
        if (input.rank > static_cast<size_t>(nvinfer1::Dims::MAX_DIMS)) {
            return reporter.fail(PB_INVALID, "Input " + std::string(input.name) + " has " + std::to_string(input.rank) +
                                                 " axes; TensorRT takes " + std::to_string(nvinfer1::Dims::MAX_DIMS) +
                                                 ".");
        }
        using nvinfer1::OptProfileSelector;
        const bool taken =
            profile->setDimensions(input.name, OptProfileSelector::kMIN, dimsOf(input.minimum, input.rank)) &&
            profile->setDimensions(input.name, OptProfileSelector::kOPT, dimsOf(input.optimum, input.rank)) &&
            profile->setDimensions(input.name, OptProfileSelector::kMAX, dimsOf(input.maximum, input.rank));
        if (!taken) {
            return reporter.fail(PB_INVALID, "TensorRT refused the shapes of input " + std::string(input.name) + ".");
        }
    }
    if (!profile->isValid() || config.addOptimizationProfile(profile) < 0) {
        return reporter.fail(PB_INVALID, "TensorRT refused the optimization profile.");
    }
    return PB_OK;
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
            return reporter.fail(PB_INVALID, "TensorRT-RTX does not build for sm_" + std::to_string(number) + ".");
        }
    }
    return PB_OK;
#else
    (void)config;
    if (request.computeCapabilityCount != 0) {
        return reporter.fail(PB_INVALID, "This TensorRT builds for the GPU of this machine only.");
    }
    return PB_OK;
#endif
}

void setWorkspace(nvinfer1::IBuilderConfig& config, int64_t bytes) {
    if (bytes < 0) {
        return;
    }
#if PB_TRT_HAS_MEMORY_POOLS
    config.setMemoryPoolLimit(nvinfer1::MemoryPoolType::kWORKSPACE, static_cast<size_t>(bytes));
#else
    config.setMaxWorkspaceSize(static_cast<size_t>(bytes));
#endif
}

void setFlag(nvinfer1::IBuilderConfig& config, BuilderFlag flag, bool on) {
    if (on) {
        config.setFlag(flag);
    } else {
        config.clearFlag(flag);
    }
}

// Weak typing is deprecated in TensorRT 10, and what `--typing weak` asks for.
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#endif

//! The types that a weakly typed network may use beside FP32.
PbStatus setTyping(nvinfer1::IBuilderConfig& config, const PbBuildRequest& request, Reporter& reporter) {
    if (request.typing == PB_STRONG) {
#if PB_TRT_HAS_STRONG_TYPING
        return PB_OK;
#else
        return reporter.fail(PB_INVALID, "TensorRT 8 has no strongly typed networks; ask for weak typing.");
#endif
    }
    (void)reporter;
#if PB_TRT_HAS_WEAK_TYPING
    setFlag(config, BuilderFlag::kFP16, request.allowFp16 != 0);
    setFlag(config, BuilderFlag::kINT8, request.allowInt8 != 0);
#if PB_TRT_HAS_WEAK_BF16
    setFlag(config, BuilderFlag::kBF16, request.allowBf16 != 0);
#else
    if (request.allowBf16 != 0) {
        return reporter.fail(PB_INVALID, "This TensorRT has no BF16.");
    }
#endif
    return PB_OK;
#else
    (void)config;
    return reporter.fail(PB_INVALID, "This TensorRT has no weakly typed networks; ask for strong typing.");
#endif
}

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#if PB_TRT_HAS_TIMING_CACHE

std::vector<char> readFile(const char* path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

//! The timings kept from earlier builds; an unusable file counts as none, since TensorRT makes it anew.
std::unique_ptr<nvinfer1::ITimingCache> loadTimingCache(nvinfer1::IBuilderConfig& config, const char* path) {
    const std::vector<char> kept = readFile(path);
    std::unique_ptr<nvinfer1::ITimingCache> cache(config.createTimingCache(kept.data(), kept.size()));
    if (cache == nullptr || !config.setTimingCache(*cache, false)) {
        cache.reset(config.createTimingCache(nullptr, 0));
        if (cache != nullptr) {
            config.setTimingCache(*cache, false);
        }
    }
    return cache;
}

void saveTimingCache(const nvinfer1::ITimingCache& cache, const char* path, Reporter& reporter) {
    const std::unique_ptr<nvinfer1::IHostMemory> data(cache.serialize());
    const std::string failure =
        data == nullptr ? "TensorRT gave no timing cache." : writeAtomically(path, data->data(), data->size());
    if (!failure.empty()) {
        reporter.log(PB_WARNING, failure.c_str()); // the engine is good without it
    }
}

#endif

PbStatus setOptions(nvinfer1::IBuilderConfig& config, const PbBuildRequest& request, Reporter& reporter) {
    // Without it the inspector knows the layers' names and nothing else.
    config.setProfilingVerbosity(nvinfer1::ProfilingVerbosity::kDETAILED);
    setWorkspace(config, request.workspaceBytes);
    setFlag(config, BuilderFlag::kTF32, request.tf32 != 0); // on by default
#if PB_TRT_HAS_OPTIMIZATION_LEVEL
    if (request.optimizationLevel >= 0) {
        config.setBuilderOptimizationLevel(request.optimizationLevel);
    }
#endif
    if (request.versionCompatible != 0 || request.hardwareCompatible != 0) {
#if PB_TRT_HAS_COMPATIBILITY
        setFlag(config, BuilderFlag::kVERSION_COMPATIBLE, request.versionCompatible != 0);
#if PB_TRT_RTX
        // TensorRT would put a lean runtime into the engine, and RTX comes without one.
        setFlag(config, BuilderFlag::kEXCLUDE_LEAN_RUNTIME, request.versionCompatible != 0);
#endif
        if (request.hardwareCompatible != 0) {
            config.setHardwareCompatibilityLevel(nvinfer1::HardwareCompatibilityLevel::kAMPERE_PLUS);
        }
#else
        return reporter.fail(PB_INVALID, "This TensorRT builds neither version- nor hardware-compatible engines.");
#endif
    }
    if (request.dlaCore >= 0) {
#if PB_TRT_HAS_DLA
        config.setDefaultDeviceType(nvinfer1::DeviceType::kDLA);
        config.setDLACore(request.dlaCore);
        config.setFlag(BuilderFlag::kGPU_FALLBACK);
#else
        return reporter.fail(PB_INVALID, "TensorRT-RTX does not build for DLA.");
#endif
    }
    if (const PbStatus status = setTyping(config, request, reporter); status != PB_OK) {
        return status;
    }
    return setTargets(config, request, reporter);
}

std::unique_ptr<nvinfer1::IHostMemory> serialize(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network,
                                                 nvinfer1::IBuilderConfig& config, Reporter& reporter) {
#if PB_TRT_HAS_PROGRESS_MONITOR
    ProgressMonitor monitor(reporter);
    config.setProgressMonitor(&monitor);
    std::unique_ptr<nvinfer1::IHostMemory> plan(builder.buildSerializedNetwork(network, config));
    config.setProgressMonitor(nullptr);
    return plan;
#else
    reporter.progress("building", -1);
    return std::unique_ptr<nvinfer1::IHostMemory>(builder.buildSerializedNetwork(network, config));
#endif
}

} // namespace

PbStatus buildEngine(Library& library, const PbBuildRequest& request, Reporter& reporter, PbBuildResult& result) {
    const std::lock_guard<std::mutex> lock(library.buildMutex());
    const Logger::Scope logs(library.logger(), reporter);
    const auto cancelled = [&] { return reporter.fail(PB_CANCELLED, "The build was cancelled."); };

    nvinfer1::IBuilder* builder = library.builder();
    if (builder == nullptr) {
        return reporter.fail(PB_NO_BUILDER, "TensorRT made no builder on this machine.");
    }
    const std::unique_ptr<nvinfer1::INetworkDefinition> network = createNetwork(*builder, request.typing);
    const std::unique_ptr<nvinfer1::IBuilderConfig> config(builder->createBuilderConfig());
    if (network == nullptr || config == nullptr) {
        return reporter.fail(PB_INTERNAL, "TensorRT made no network or no configuration.");
    }

    // The parser owns the weights that the network refers to, so it lives until the engine is built.
    const std::unique_ptr<nvonnxparser::IParser> parser = library.createParser(*network);
    if (parser == nullptr) {
        return reporter.fail(PB_LIBRARY, "TensorRT made no ONNX parser.");
    }
    const auto parseStart = std::chrono::steady_clock::now();
    reporter.progress("parsing", 0);
    if (const PbStatus status = parse(*parser, request, reporter); status != PB_OK) {
        return status;
    }
    result.parseSeconds = secondsSince(parseStart);
    result.networkLayers = network->getNbLayers();

    if (const PbStatus status = setOptions(*config, request, reporter); status != PB_OK) {
        return status;
    }
    if (const PbStatus status = addProfile(*builder, *config, request, reporter); status != PB_OK) {
        return status;
    }
    if (reporter.cancelled()) {
        return cancelled();
    }

#if PB_TRT_HAS_TIMING_CACHE
    std::unique_ptr<nvinfer1::ITimingCache> timingCache;
    if (request.timingCachePath != nullptr) {
        timingCache = loadTimingCache(*config, request.timingCachePath);
    }
#endif
    const auto buildStart = std::chrono::steady_clock::now();
    const std::unique_ptr<nvinfer1::IHostMemory> plan = serialize(*builder, *network, *config, reporter);
    result.buildSeconds = secondsSince(buildStart);
    if (reporter.cancelled()) {
        return cancelled();
    }
    if (plan == nullptr || plan->size() == 0) {
        return reporter.fail(PB_BUILD, "The builder gave no engine.");
    }
#if PB_TRT_HAS_TIMING_CACHE
    if (timingCache != nullptr) {
        saveTimingCache(*timingCache, request.timingCachePath, reporter);
    }
#endif
    result.engineBytes = plan->size();
    const std::string failure = writeAtomically(request.enginePath, plan->data(), plan->size());
    return failure.empty() ? PB_OK : reporter.fail(PB_WRITE, failure);
}

} // namespace precision_bench
