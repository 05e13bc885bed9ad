//! \file runtime.h
//! \brief The fake's engines: they compute output[i] = 2 · input[i mod n] + 1 of the first input, in FP32.
#pragma once

#include "config.h"
#include "options.h"
#include "plan.h"

#include <algorithm>
#include <chrono>
#include <dlfcn.h>
#include <memory>
#include <thread>

namespace fake {

//! The fake driver, where it is in the process.
struct Driver {
    void (*launch)(void*, void (*)(void*), void*) = nullptr;
    int (*isCapturing)(void*) = nullptr;

    static const Driver& get() {
        static const Driver driver = [] {
            Driver found;
            if (void* library = dlopen("libcuda.so.1", RTLD_NOW)) {
                found.launch = reinterpret_cast<decltype(launch)>(dlsym(library, "pb_fake_cuda_launch"));
                found.isCapturing =
                    reinterpret_cast<decltype(isCapturing)>(dlsym(library, "pb_fake_cuda_is_capturing"));
            }
            return found;
        }();
        return driver;
    }
};

class Engine;
class Context final : public StubVExecutionContext {
public:
    explicit Context(const Engine& engine);
    ~Context() override;

    void setProfiler(IProfiler* wanted) noexcept override { mProfiler = wanted; }
    int32_t getOptimizationProfile() const noexcept override { return mProfile; }
    bool setOptimizationProfileAsync(int32_t profile, cudaStream_t) noexcept override;
#if FAKE_MODERN
    bool setInputShape(const char* name, const Dims& dims) noexcept override { return setSizes(indexOf(name), dims); }
    Dims getTensorShape(const char* name) const noexcept override { return sizes(indexOf(name)); }
    bool setTensorAddress(const char* name, void* address) noexcept override {
        mAddresses[indexOf(name)] = address;
        return true;
    }
    bool enqueueV3(cudaStream_t stream) noexcept override { return enqueue(stream); }
#else
    bool setBindingDimensions(int32_t index, Dims dims) noexcept override { return setSizes(tensorAt(index), dims); }
    Dims getBindingDimensions(int32_t index) const noexcept override { return sizes(tensorAt(index)); }
    bool setInputShapeBinding(int32_t index, const int32_t* values) noexcept override {
        mAddresses[tensorAt(index)] = const_cast<int32_t*>(values);
        return true;
    }
    bool enqueueV2(void* const* bindings, cudaStream_t stream, cudaEvent_t*) noexcept override;
#endif

private:
    size_t indexOf(const char* name) const;
    size_t tensorAt(int32_t binding) const;
    bool setSizes(size_t tensor, const Dims& dims);
    Dims sizes(size_t tensor) const;
    bool enqueue(void* stream);
    void compute() const;
    size_t elements(size_t tensor) const;

    const Engine& mEngine;
    IProfiler* mProfiler = nullptr;
    int32_t mProfile = -1;                    //!< None: TensorRT 8 has given the first to another context.
    std::vector<std::vector<int64_t>> mSizes; //!< Of inputs; empty until set.
    std::vector<void*> mAddresses;
};

using MadeContext = Made<IExecutionContext, Context>;

class Inspector final : public StubVEngineInspector {
public:
    explicit Inspector(const Plan& plan) : mPlan(plan) {}
    bool setExecutionContext(const IExecutionContext*) noexcept override { return true; }
    const AsciiChar* getEngineInformation(LayerInformationFormat) FAKE_CONST noexcept override {
        mText = "{\"Layers\": [";
        for (const PlanLayer& layer : mPlan.layers) {
            mText += mText.back() == '[' ? "" : ",";
            mText += mPlan.isDetailed ? describe(layer) : "\"" + layer.name + "\"";
        }
        mText += "]}";
        return mText.c_str();
    }

private:
    //! As TensorRT 10 writes a layer.
    static std::string describe(const PlanLayer& layer) {
        const std::string tensor = "[{\"Name\": \"t\", \"Location\": \"Device\", \"Dimensions\": [1], "
                                   "\"Format/Datatype\": \"Row major linear " +
                                   layer.precision + " format\"}]";
        std::string metadata;
        for (size_t at = 0; at != std::string::npos;) {
            const size_t end = layer.name.find(" + ", at);
            metadata += "[ONNX Layer: " + layer.name.substr(at, end - at) + "]";
            at = end == std::string::npos ? end : end + 3;
        }
        return "{\"Name\": \"" + layer.name + "\", \"LayerType\": \"" + layer.type + "\", \"Inputs\": " + tensor +
               ", \"Outputs\": " + tensor + ", \"TacticName\": \"" + layer.tactic + "\", \"Metadata\": \"" + metadata +
               "\"}";
    }

    const Plan& mPlan;
    mutable std::string mText;
};

class Engine final : public StubVCudaEngine {
public:
    explicit Engine(Plan content) : plan(std::move(content)) {}

    const Plan plan;
    //! Of TensorRT 8, which lets every profile to one context at a time.
    mutable std::vector<int32_t> takenProfiles;

    bool take(int32_t profile) const {
#if !FAKE_MODERN
        if (std::find(takenProfiles.begin(), takenProfiles.end(), profile) != takenProfiles.end()) {
            return false;
        }
        takenProfiles.push_back(profile);
#endif
        static_cast<void>(profile);
        return true;
    }
    void release(int32_t profile) const {
        takenProfiles.erase(std::remove(takenProfiles.begin(), takenProfiles.end(), profile), takenProfiles.end());
    }

    int32_t getNbLayers() const noexcept override { return static_cast<int32_t>(plan.layers.size()); }
    int32_t getNbOptimizationProfiles() const noexcept override {
        return std::max<int32_t>(1, static_cast<int32_t>(plan.profiles.size()));
    }
    IEngineInspector* createEngineInspector() const noexcept override {
        return new Made<IEngineInspector, Inspector>(plan);
    }
#if FAKE_MODERN
    IExecutionContext* createExecutionContext(ExecutionContextAllocationStrategy) noexcept override {
        return new MadeContext(*this);
    }
    int32_t getNbIOTensors() const noexcept override { return static_cast<int32_t>(plan.tensors.size()); }
    const char* getIOTensorName(int32_t index) const noexcept override { return at(index).name.c_str(); }
    DataType getTensorDataType(const char* name) const noexcept override { return named(name).type; }
    TensorIOMode getTensorIOMode(const char* name) const noexcept override {
        return named(name).isInput ? TensorIOMode::kINPUT : TensorIOMode::kOUTPUT;
    }
    bool isShapeInferenceIO(const char* name) const noexcept override { return named(name).holdsShape; }
    const char* getTensorFormatDesc(const char*) const noexcept override { return "Row major linear format"; }
    Dims getTensorShape(const char* name) const noexcept override { return dimsOf(named(name).dims); }
    Dims getProfileShape(const char* name, int32_t profile, OptProfileSelector selector) const noexcept override {
        return bound(static_cast<size_t>(&named(name) - plan.tensors.data()), profile, selector);
    }
#else
    IExecutionContext* createExecutionContext() noexcept override { return new MadeContext(*this); }
    int32_t getNbBindings() const noexcept override {
        return static_cast<int32_t>(plan.tensors.size()) * getNbOptimizationProfiles();
    }
    // Names of later profiles have a suffix.
    const char* getBindingName(int32_t index) const noexcept override { return at(index).name.c_str(); }
    bool bindingIsInput(int32_t index) const noexcept override { return at(index).isInput; }
    bool isShapeBinding(int32_t index) const noexcept override { return at(index).holdsShape; }
    DataType getBindingDataType(int32_t index) const noexcept override { return at(index).type; }
    Dims getBindingDimensions(int32_t index) const noexcept override { return dimsOf(at(index).dims); }
    const char* getBindingFormatDesc(int32_t) const noexcept override { return "Row major linear format"; }
    Dims getProfileDimensions(int32_t index, int32_t profile, OptProfileSelector selector) const noexcept override {
        return bound(static_cast<size_t>(index) % plan.tensors.size(), profile, selector);
    }
#endif

    Dims bound(size_t tensor, int32_t profile, OptProfileSelector selector) const {
        if (static_cast<size_t>(profile) >= plan.profiles.size()) {
            return dimsOf(plan.tensors[tensor].dims);
        }
        const PlanProfile& ranges = plan.profiles[static_cast<size_t>(profile)];
        const size_t input = static_cast<size_t>(
            std::count_if(plan.tensors.begin(), plan.tensors.begin() + static_cast<std::ptrdiff_t>(tensor),
                          [](const PlanTensor& other) { return other.isInput; }));
        const auto& sizes = selector == OptProfileSelector::kMIN   ? ranges.minimum
                            : selector == OptProfileSelector::kOPT ? ranges.optimum
                                                                   : ranges.maximum;
        return dimsOf(sizes[input]);
    }

private:
    const PlanTensor& at(int32_t index) const { return plan.tensors[static_cast<size_t>(index) % plan.tensors.size()]; }
    const PlanTensor& named(const std::string& name) const {
        return *std::find_if(plan.tensors.begin(), plan.tensors.end(),
                             [&](const PlanTensor& tensor) { return tensor.name == name; });
    }
};

using MadeEngine = Made<ICudaEngine, Engine>;

inline Context::Context(const Engine& engine)
    : mEngine(engine), mSizes(engine.plan.tensors.size()), mAddresses(engine.plan.tensors.size(), nullptr) {
    if (engine.take(0)) {
        mProfile = 0;
    }
    for (size_t i = 0; i < mSizes.size(); ++i) {
        const PlanTensor& tensor = engine.plan.tensors[i];
        const bool isKnown =
            std::all_of(tensor.dims.begin(), tensor.dims.end(), [](int64_t size) { return size >= 0; });
        if (tensor.isInput && isKnown) {
            mSizes[i] = tensor.dims;
        }
    }
}

inline size_t Context::indexOf(const char* name) const {
    size_t index = 0;
    while (mEngine.plan.tensors[index].name != name) {
        ++index;
    }
    return index;
}

inline size_t Context::tensorAt(int32_t binding) const {
    // Only the bindings of the chosen profile may be set.
    const auto count = static_cast<int32_t>(mEngine.plan.tensors.size());
    if (binding / count != mProfile) {
        unexpected("bindings of a profile that is not chosen");
    }
    return static_cast<size_t>(binding % count);
}

inline bool Context::setOptimizationProfileAsync(int32_t profile, cudaStream_t) noexcept {
    if (profile < 0 || profile >= mEngine.getNbOptimizationProfiles() || !mEngine.take(profile)) {
        return false;
    }
    mEngine.release(mProfile);
    mProfile = profile;
    return true;
}

inline Context::~Context() { mEngine.release(mProfile); }

inline bool Context::setSizes(size_t tensor, const Dims& dims) {
    const std::vector<int64_t> minimum = sizesOf(mEngine.bound(tensor, mProfile, OptProfileSelector::kMIN));
    const std::vector<int64_t> maximum = sizesOf(mEngine.bound(tensor, mProfile, OptProfileSelector::kMAX));
    const std::vector<int64_t> wanted = sizesOf(dims);
    bool fits = wanted.size() == minimum.size();
    for (size_t i = 0; fits && i < wanted.size(); ++i) {
        fits = wanted[i] >= minimum[i] && wanted[i] <= maximum[i];
    }
    if (fits) {
        mSizes[tensor] = wanted;
    }
    return fits;
}

//! Unknown sizes of an output: the values of an input that holds a shape, else the same axis of the first input.
inline Dims Context::sizes(size_t tensor) const {
    const std::vector<PlanTensor>& tensors = mEngine.plan.tensors;
    if (tensors[tensor].isInput) {
        return dimsOf(mSizes[tensor].empty() ? tensors[tensor].dims : mSizes[tensor]);
    }
    std::vector<int64_t> dims = tensors[tensor].dims;
    for (size_t i = 0; i < tensors.size(); ++i) {
        if (tensors[i].holdsShape && mAddresses[i] != nullptr) {
            for (size_t axis = 0; axis < dims.size(); ++axis) {
#if FAKE_MODERN
                dims[axis] = tensors[i].type == DataType::kINT64 ? static_cast<const int64_t*>(mAddresses[i])[axis]
                                                                 : static_cast<const int32_t*>(mAddresses[i])[axis];
#else
                dims[axis] = static_cast<const int32_t*>(mAddresses[i])[axis];
#endif
            }
            return dimsOf(dims);
        }
    }
    for (size_t axis = 0; axis < dims.size(); ++axis) {
        if (dims[axis] < 0) {
            dims[axis] = axis < mSizes[0].size() ? mSizes[0][axis] : -1;
        }
    }
    return dimsOf(dims);
}

inline size_t Context::elements(size_t tensor) const {
    size_t count = 1;
    for (const int64_t size : sizesOf(sizes(tensor))) {
        count *= static_cast<size_t>(size);
    }
    return count;
}

inline void Context::compute() const {
    const long microseconds = number(tensorrtOption("runUs", "0"));
    if (microseconds > 0) {
        std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
    }
    const std::vector<PlanTensor>& tensors = mEngine.plan.tensors;
    const auto* input = static_cast<const float*>(mAddresses[0]);
    const size_t count = tensors[0].type == DataType::kFLOAT ? elements(0) : 0;
    for (size_t i = 0; i < tensors.size(); ++i) {
        if (tensors[i].isInput || tensors[i].type != DataType::kFLOAT || count == 0) {
            continue;
        }
        auto* output = static_cast<float*>(mAddresses[i]);
        for (size_t j = 0; j < elements(i); ++j) {
            output[j] = 2 * input[j % count] + 1;
        }
    }
}

inline bool Context::enqueue(void* stream) {
    const bool isComplete =
        std::none_of(mAddresses.begin(), mAddresses.end(), [](const void* address) { return address == nullptr; });
    if (tensorrtOption("enqueue") == "fail" || !isComplete || Driver::get().launch == nullptr) {
        return false;
    }
    if (Driver::get().isCapturing(stream) != 0 && tensorrtOption("capture") == "fail") {
        return false;
    }
    Driver::get().launch(
        stream, [](void* context) { static_cast<const Context*>(context)->compute(); }, this);
    if (mProfiler != nullptr) {
        float milliseconds = 0;
        for (const PlanLayer& layer : mEngine.plan.layers) {
            mProfiler->reportLayerTime(layer.name.c_str(), milliseconds += 0.5F);
        }
    }
    return true;
}

#if !FAKE_MODERN
inline bool Context::enqueueV2(void* const* bindings, cudaStream_t stream, cudaEvent_t*) noexcept {
    for (size_t i = 0; i < mAddresses.size(); ++i) {
        mAddresses[i] = bindings[static_cast<size_t>(mProfile) * mAddresses.size() + i];
    }
    return enqueue(stream);
}
#endif

} // namespace fake
