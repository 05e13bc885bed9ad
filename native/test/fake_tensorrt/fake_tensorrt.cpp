//! \file fake_tensorrt.cpp
//! \brief A fake TensorRT: the entry points and the builder. It compiles against the headers of every major.
//!
//! It knows no kernels. Its builder does what a caller can see of TensorRT's: takes profiles, flags and constraints,
//! asks calibrators for data, reports progress, keeps timings, and writes an engine that says what it was told
//! (plan.h). How it fails is steered from outside (options.h).
#include "runtime.h"

#include <cmath>
#include <csignal>
#include <cstdio>

namespace fake {
namespace {

#if defined(TRT_MAJOR_RTX)
constexpr int32_t kVersion = NV_TENSORRT_MAJOR * 10000 + NV_TENSORRT_MINOR * 100 + NV_TENSORRT_PATCH;
#elif NV_TENSORRT_MAJOR >= 10
constexpr int32_t kVersion = NV_TENSORRT_MAJOR * 10000 + NV_TENSORRT_MINOR * 100 + NV_TENSORRT_PATCH;
#else
constexpr int32_t kVersion = NV_TENSORRT_MAJOR * 1000 + NV_TENSORRT_MINOR * 100 + NV_TENSORRT_PATCH;
#endif

int32_t version() { return static_cast<int32_t>(number(tensorrtOption("version", std::to_string(kVersion)))); }

[[noreturn]] void crash() {
    std::raise(SIGSEGV);
    std::abort();
}

//! Runs while the library is loaded.
[[maybe_unused]] const bool kLoaded = [] {
    if (tensorrtOption("load") == "crash") {
        crash();
    }
    return true;
}();

const char* wordOf(DataType type) {
    switch (type) {
    case DataType::kHALF:
        return "FP16";
    case DataType::kINT8:
        return "Int8";
    case DataType::kINT32:
        return "Int32";
    case DataType::kBOOL:
        return "Bool";
#if FAKE_MODERN
    case DataType::kBF16:
        return "BFloat16";
    case DataType::kFP8:
        return "FP8";
    case DataType::kINT64:
        return "Int64";
#endif
    default:
        return "FP32";
    }
}

bool isFloat(DataType type) {
#if FAKE_MODERN
    if (type == DataType::kBF16) {
        return true;
    }
#endif
    return type == DataType::kFLOAT || type == DataType::kHALF;
}

//! One build.
class Build {
public:
    Build(ILogger& logger, Network& network, Config& config) : mLogger(logger), mNetwork(network), mConfig(config) {}

    //! \return null after logging why
    IHostMemory* run() {
        if (tensorrtOption("build") == "crash") {
            crash();
        }
        if (isDynamic() && mConfig.profiles.empty()) {
            return fail("Network has dynamic or shape inputs, but no optimization profile has been defined.");
        }
        if (!calibrate()) {
            return nullptr;
        }
        if (!work() || !takeGpuMemory()) {
            return nullptr;
        }
        if (tensorrtOption("build") == "fail") {
            return fail("Error Code 10: Internal Error (Could not find any implementation for node conv1.)");
        }
        if (tensorrtOption("build") == "weakOnly" && mNetwork.isStrong && quantizes()) {
            return fail("Error Code 2: Internal Error (Assertion type() == expectedDataType<T>() failed. )");
        }
        if (tensorrtOption("build") == "oom") {
            return fail("Error Code 2: OutOfMemory (Requested size was 1073741824 bytes.)");
        }
        Plan plan;
        if (!addLayers(plan)) {
            return nullptr;
        }
        describe(plan);
        return new MadeMemory(serialize(plan));
    }

private:
    IHostMemory* fail(const std::string& reason) {
        mLogger.log(ILogger::Severity::kERROR, reason.c_str());
        return nullptr;
    }

    bool quantizes() const {
        for (const auto& made : mNetwork.layers) {
            if (made->implementation.operation == "QuantizeLinear") {
                return true;
            }
        }
        return false;
    }

    bool isDynamic() const {
        for (const MadeTensor* input : mNetwork.inputs) {
            for (const int64_t size : input->implementation.dims) {
                if (size < 0) {
                    return true;
                }
            }
        }
        return false;
    }

#if FAKE_WEAK

    //! The sizes at which calibration runs.
    size_t calibrationElements(const Tensor& input) const {
        size_t count = 1;
        for (size_t i = 0; i < input.dims.size(); ++i) {
            const bool isKnown = input.dims[i] >= 0;
            count *= static_cast<size_t>(
                isKnown ? input.dims[i] : mConfig.calibrationProfile->implementation.sizes.at(input.name).of[1][i]);
        }
        return count;
    }

    //! The legacy calibrator has more to say.
    static std::string parameters(IInt8Calibrator& calibrator) {
        if (calibrator.getAlgorithm() != CalibrationAlgoType::kLEGACY_CALIBRATION) {
            return "";
        }
        auto& legacy = static_cast<IInt8LegacyCalibrator&>(calibrator);
        return "quantile: " + std::to_string(legacy.getQuantile()) +
               " cutoff: " + std::to_string(legacy.getRegressionCutoff()) + "\n";
    }

    static const char* nameOf(CalibrationAlgoType algorithm) {
        switch (algorithm) {
        case CalibrationAlgoType::kLEGACY_CALIBRATION:
            return "LegacyCalibration";
        case CalibrationAlgoType::kENTROPY_CALIBRATION:
            return "EntropyCalibration";
        case CalibrationAlgoType::kMINMAX_CALIBRATION:
            return "MinMaxCalibration";
        default:
            return "EntropyCalibration2";
        }
    }

    bool calibrate() {
        if (!mConfig.has(BuilderFlag::kINT8) || mConfig.calibrator == nullptr) {
            return true;
        }
        IInt8Calibrator& calibrator = *mConfig.calibrator;
        const std::string header = "TRT-" + std::to_string(version()) + "-" + nameOf(calibrator.getAlgorithm()) + "\n";
        size_t length = 0;
        const void* kept = calibrator.readCalibrationCache(length);
        if (kept != nullptr) {
            const std::string text(static_cast<const char*>(kept), length);
            if (text.compare(0, header.size(), header) == 0) {
                mIsCalibrated = true;
                return true;
            }
            mLogger.log(ILogger::Severity::kWARNING,
                        "Calibration table does not match calibrator algorithm type; calibrating.");
        }
        if (isDynamic() && mConfig.calibrationProfile == nullptr) {
            return fail("Calibration failure: no calibration profile for dynamic shapes.") != nullptr;
        }
        if (calibrator.getBatchSize() != 1) {
            return fail("Calibration failure: the batch size is part of the shapes.") != nullptr;
        }
        std::vector<const char*> names;
        for (const MadeTensor* input : mNetwork.inputs) {
            names.push_back(input->implementation.name.c_str());
        }
        std::vector<void*> bindings(names.size(), nullptr);
        std::vector<float> largest(names.size(), 0);
        int batches = 0;
        while (calibrator.getBatch(bindings.data(), names.data(), static_cast<int32_t>(names.size()))) {
            for (size_t i = 0; i < names.size(); ++i) {
                const Tensor& input = mNetwork.inputs[i]->implementation;
                if (!isFloat(input.type) && input.type != DataType::kINT8) {
                    continue;
                }
                const auto* values = static_cast<const float*>(bindings[i]); // FP32, whatever the binding
                for (size_t j = 0; j < calibrationElements(input); ++j) {
                    largest[i] = std::max(largest[i], std::fabs(values[j]));
                }
            }
            ++batches;
        }
        if (batches == 0) {
            return fail("Calibration failure occurred with no scaling factors detected.") != nullptr;
        }
        std::string cache = header + parameters(calibrator);
        for (size_t i = 0; i < names.size(); ++i) {
            const float scale = largest[i] / 127;
            uint32_t bits = 0;
            std::memcpy(&bits, &scale, sizeof(bits));
            char text[16];
            std::snprintf(text, sizeof(text), "%08x", bits);
            cache += std::string(names[i]) + ": " + text + "\n";
        }
        calibrator.writeCalibrationCache(cache.data(), cache.size());
        mIsCalibrated = true;
        return true;
    }

#else
    bool calibrate() { return true; }
#endif

    //! The steps of the build. \return false when the caller wants it to end
    bool work() {
        const auto steps = static_cast<int32_t>(number(tensorrtOption("steps", "4")));
        const auto pause = std::chrono::milliseconds(number(tensorrtOption("stepMs", "0")));
#if FAKE_MODERN
        IProgressMonitor* monitor = mConfig.monitor;
        bool goesOn = true;
        const auto start = [&](const char* phase, const char* parent, int32_t count) {
            if (monitor != nullptr) {
                monitor->phaseStart(phase, parent, count);
            }
        };
        const auto finish = [&](const char* phase) {
            if (monitor != nullptr) {
                monitor->phaseFinish(phase);
            }
        };
        start("Building Engine", nullptr, 2);
        start("Tactic Selection", "Building Engine", steps);
        for (int32_t step = 0; step < steps && goesOn; ++step) {
            std::this_thread::sleep_for(pause);
            goesOn = monitor == nullptr || monitor->stepComplete("Tactic Selection", step);
        }
        finish("Tactic Selection");
        goesOn = goesOn && (monitor == nullptr || monitor->stepComplete("Building Engine", 0));
        finish("Building Engine");
        if (!goesOn) {
            fail("The build was cancelled by the progress monitor.");
        }
        return goesOn;
#else
        std::this_thread::sleep_for(pause * steps);
        return true;
#endif
    }

    //! TensorRT times kernels on the GPU and needs room there.
    bool takeGpuMemory() {
        const long bytes = number(tensorrtOption("gpu", "0"));
        void* library = bytes > 0 ? dlopen("libcuda.so.1", RTLD_NOW) : nullptr;
        if (library == nullptr) {
            return true;
        }
        auto* allocate = reinterpret_cast<int (*)(unsigned long long*, size_t)>(dlsym(library, "cuMemAlloc_v2"));
        auto* release = reinterpret_cast<int (*)(unsigned long long)>(dlsym(library, "cuMemFree_v2"));
        unsigned long long address = 0;
        if (allocate(&address, static_cast<size_t>(bytes)) != 0) {
            return fail(
                       "[virtualMemoryBuffer.cpp::resizePhysical::154] Error Code 2: OutOfMemory (Requested size was " +
                       std::to_string(bytes) + " bytes.)") != nullptr;
        }
        release(address);
        return true;
    }

    //! The type that a weakly typed layer gets.
    DataType choose(const Layer& layer) const {
        if (!isFloat(layer.outputs.empty() ? layer.reads : layer.outputs[0]->implementation.type)) {
            return layer.reads;
        }
        if (tensorrtOption("choose") == "fp32") {
            return DataType::kFLOAT;
        }
#if FAKE_WEAK
        const bool multiplies = layer.operation == "Conv" || layer.operation == "Gemm" || layer.operation == "MatMul";
        // Q/DQ are obeyed, weakly typed or not.
        const bool isQuantized = mIsCalibrated || layer.reads == DataType::kINT8;
        if (mConfig.has(BuilderFlag::kINT8) && isQuantized && multiplies) {
            return DataType::kINT8;
        }
        if (mConfig.has(BuilderFlag::kFP16)) {
            return DataType::kHALF;
        }
#if FAKE_MODERN
        if (mConfig.has(BuilderFlag::kBF16)) {
            return DataType::kBF16;
        }
#endif
#endif
        return DataType::kFLOAT;
    }

    //! The type of a layer; false after logging where a constraint cannot be met.
    bool precisionOf(const Layer& layer, DataType& type) {
        type = mNetwork.isStrong ? layer.reads : choose(layer);
        if (!layer.isConstrained) {
            return true;
        }
        if (tensorrtOption("refuse") != layer.name) {
            type = layer.precision;
            return true;
        }
#if FAKE_WEAK
        if (mConfig.has(BuilderFlag::kOBEY_PRECISION_CONSTRAINTS)) {
            return fail("No implementation of layer " + layer.name + " obeys the requested constraints.") != nullptr;
        }
#endif
        mLogger.log(ILogger::Severity::kWARNING, ("No implementation obeys the constraints of " + layer.name).c_str());
        return true;
    }

    bool addLayers(Plan& plan) {
        for (const auto& made : mNetwork.layers) {
            const Layer& layer = made->implementation;
            if (layer.type == LayerType::kCONSTANT || layer.operation == "QuantizeLinear" ||
                layer.operation == "DequantizeLinear") {
                continue; // folded into what reads it
            }
            DataType type = DataType::kFLOAT;
            if (!precisionOf(layer, type)) {
                return false;
            }
            if (layer.operation == "Relu" && !plan.layers.empty()) {
                plan.layers.back().name += " + " + layer.name;
            } else {
                const bool isTf32 = type == DataType::kFLOAT && mConfig.has(BuilderFlag::kTF32);
                const std::string tactic = std::string("fake_") + layer.operation + (isTf32 ? "_tf32" : "");
                plan.layers.push_back({"Cask" + layer.operation, wordOf(type), tactic, layer.name});
            }
            if (mConfig.timings != nullptr) {
                mConfig.timings->implementation.layers.insert(layer.name);
            }
        }
        return true;
    }

    void describe(Plan& plan) const {
        plan.version = version();
        plan.isDetailed = mConfig.verbosity == ProfilingVerbosity::kDETAILED;
        plan.isHardwareCompatible = mConfig.isHardwareCompatible;
#if FAKE_MODERN
        plan.isVersionCompatible = mConfig.has(BuilderFlag::kVERSION_COMPATIBLE);
#endif
        plan.computeCapabilities = mConfig.computeCapabilities;
        if (plan.computeCapabilities.empty() || plan.computeCapabilities[0] == 0) {
            plan.computeCapabilities = {number(cudaOption("sm", "90"))};
        }
        plan.options = "strong=" + std::to_string(mNetwork.isStrong) +
                       " tf32=" + std::to_string(mConfig.has(BuilderFlag::kTF32)) +
                       " workspace=" + std::to_string(mConfig.workspace) + " level=" + std::to_string(mConfig.level) +
                       " averaged=" + std::to_string(mConfig.averaged) + " dla=" + std::to_string(mConfig.dlaCore) +
                       " fallback=" + std::to_string(mConfig.has(BuilderFlag::kGPU_FALLBACK));
#if !FAKE_MODERN
        const auto uses = [&](TacticSource source) {
            return std::to_string((mConfig.sources >> static_cast<uint32_t>(source)) & 1U);
        };
        plan.options += " cudnn=" + uses(TacticSource::kCUDNN) + " cublas=" + uses(TacticSource::kCUBLAS);
#endif
        const auto add = [&](const Tensor& tensor) {
            plan.tensors.push_back({tensor.name, tensor.type, tensor.isInput, tensor.holdsShape, tensor.dims});
        };
        for (const MadeTensor* input : mNetwork.inputs) {
            add(input->implementation);
        }
        for (const MadeTensor* output : mNetwork.outputs) {
            add(output->implementation);
        }
        for (const MadeProfile* made : mConfig.profiles) {
            const Profile& profile = made->implementation;
            PlanProfile ranges;
            for (const MadeTensor* input : mNetwork.inputs) {
                const std::string& name = input->implementation.name;
                const auto found = profile.sizes.find(name);
                const std::vector<int64_t>& known = input->implementation.dims;
                ranges.minimum.push_back(found != profile.sizes.end() ? found->second.of[0] : known);
                ranges.optimum.push_back(found != profile.sizes.end() ? found->second.of[1] : known);
                ranges.maximum.push_back(found != profile.sizes.end() ? found->second.of[2] : known);
                const auto values = profile.values.find(name);
                if (values != profile.values.end()) {
                    plan.options += " values=" + std::to_string(values->second.of[1].at(0));
                }
            }
            plan.profiles.push_back(ranges);
        }
    }

    ILogger& mLogger;
    Network& mNetwork;
    Config& mConfig;
    bool mIsCalibrated = false;
};

class Builder final : public StubVBuilder {
public:
    explicit Builder(ILogger& logger) : mLogger(logger) {}

    INetworkDefinition* createNetworkV2(NetworkDefinitionCreationFlags flags) noexcept override {
#if defined(TRT_MAJOR_RTX) || NV_TENSORRT_MAJOR >= 11
        (void)flags;
        return new MadeNetwork(true);
#elif FAKE_MODERN
        return new MadeNetwork((flags >> static_cast<uint32_t>(NetworkDefinitionCreationFlag::kSTRONGLY_TYPED) & 1) !=
                               0);
#else
        return flags == 1 ? new MadeNetwork(false) : nullptr; // explicit batch only
#endif
    }
    IBuilderConfig* createBuilderConfig() noexcept override { return new MadeConfig; }
    IOptimizationProfile* createOptimizationProfile() noexcept override {
        mProfiles.push_back(std::make_unique<MadeProfile>());
        return mProfiles.back().get();
    }
    IHostMemory* buildSerializedNetwork(INetworkDefinition& network, IBuilderConfig& config) noexcept override {
        IHostMemory* plan = Build(mLogger, static_cast<MadeNetwork&>(network).implementation,
                                  static_cast<MadeConfig&>(config).implementation)
                                .run();
        mProfiles.clear(); // of this build
        return plan;
    }

private:
    ILogger& mLogger;
    std::vector<std::unique_ptr<MadeProfile>> mProfiles;
};

class Runtime final : public StubVRuntime {
public:
    explicit Runtime(ILogger& logger) : mLogger(logger) {}

#if FAKE_MODERN
    ICudaEngine* deserializeCudaEngine(const void* data, std::size_t size) noexcept override {
        return open(data, size);
    }
#else
    ICudaEngine* deserializeCudaEngine(const void* data, std::size_t size, IPluginFactory*) noexcept override {
        return open(data, size);
    }
#endif

private:
    ICudaEngine* refuse(const std::string& reason) {
        mLogger.log(ILogger::Severity::kERROR, ("IRuntime::deserializeCudaEngine: " + reason).c_str());
        return nullptr;
    }

    ICudaEngine* open(const void* data, size_t size) {
        try {
            Plan plan = readPlan({static_cast<const char*>(data), size});
            if (plan.version != version() && !plan.isVersionCompatible) {
                return refuse("The engine plan file is not compatible with this version of TensorRT, expecting library "
                              "version " +
                              std::to_string(plan.version) + " got " + std::to_string(version()));
            }
            const int64_t here = number(cudaOption("sm", "90"));
            const auto& targets = plan.computeCapabilities;
            if (std::find(targets.begin(), targets.end(), here) == targets.end() && !plan.isHardwareCompatible) {
                return refuse("The engine plan file is generated on an incompatible device.");
            }
            return new MadeEngine(std::move(plan));
        } catch (const std::exception& error) {
            return refuse(error.what());
        }
    }

    ILogger& mLogger;
};

} // namespace

std::string timingOrigin() { return "FAKE-TIMINGS " + std::to_string(version()) + " sm" + cudaOption("sm", "90"); }

} // namespace fake

FAKE_EXPORT int32_t getInferLibVersion() noexcept { return fake::version(); }

FAKE_EXPORT void* createInferBuilder_INTERNAL(void* logger, int32_t) noexcept {
    auto& log = *static_cast<nvinfer1::ILogger*>(logger);
    if (fake::tensorrtOption("builder") == "none") {
        log.log(nvinfer1::ILogger::Severity::kERROR, "CUDA initialization failure with error: 35.");
        return nullptr;
    }
    return static_cast<nvinfer1::IBuilder*>(new fake::Made<nvinfer1::IBuilder, fake::Builder>(log));
}

FAKE_EXPORT void* createInferRuntime_INTERNAL(void* logger, int32_t) noexcept {
    auto& log = *static_cast<nvinfer1::ILogger*>(logger);
    return static_cast<nvinfer1::IRuntime*>(new fake::Made<nvinfer1::IRuntime, fake::Runtime>(log));
}

//! Objects of this library that were made and not destroyed.
FAKE_EXPORT int pb_fake_live_objects() { return fake::gLiveObjects; }
