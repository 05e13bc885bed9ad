#include "engine.h"

#if PB_TRT_HAS_NAMED_BINDINGS

#include <chrono>
#include <fstream>
#include <iterator>
#include <unordered_map>

namespace precision_bench {
namespace {

using Clock = std::chrono::steady_clock;

//! Enough for a day of short runs, and a bound on memory.
constexpr size_t kMaximumRuns = 10'000'000;

double secondsBetween(Clock::time_point start, Clock::time_point end) {
    return std::chrono::duration<double>(end - start).count();
}

PbDataType typeOf(nvinfer1::DataType type) {
    switch (type) {
    case nvinfer1::DataType::kFLOAT:
        return PB_TYPE_FP32;
    case nvinfer1::DataType::kHALF:
        return PB_TYPE_FP16;
    case nvinfer1::DataType::kINT8:
        return PB_TYPE_INT8;
    case nvinfer1::DataType::kINT32:
        return PB_TYPE_INT32;
    case nvinfer1::DataType::kBOOL:
        return PB_TYPE_BOOL;
    case nvinfer1::DataType::kUINT8:
        return PB_TYPE_UINT8;
#if PB_TRT_MODERN
    case nvinfer1::DataType::kBF16:
        return PB_TYPE_BF16;
    case nvinfer1::DataType::kFP8:
        return PB_TYPE_FP8;
    case nvinfer1::DataType::kINT64:
        return PB_TYPE_INT64;
    case nvinfer1::DataType::kINT4:
        return PB_TYPE_INT4;
#endif
    default:
        return PB_TYPE_UNKNOWN;
    }
}

//! Bits per element; 0 for types that have no place in host memory.
size_t bitsOf(PbDataType type) {
    switch (type) {
    case PB_TYPE_INT64:
        return 64;
    case PB_TYPE_FP32:
    case PB_TYPE_INT32:
        return 32;
    case PB_TYPE_FP16:
    case PB_TYPE_BF16:
        return 16;
    case PB_TYPE_FP8:
    case PB_TYPE_INT8:
    case PB_TYPE_UINT8:
    case PB_TYPE_BOOL:
        return 8;
    case PB_TYPE_INT4:
        return 4;
    case PB_TYPE_UNKNOWN:
        break;
    }
    return 0;
}

std::vector<int64_t> sizesOf(const nvinfer1::Dims& dims) {
    return dims.nbDims < 0 ? std::vector<int64_t>() : std::vector<int64_t>(dims.d, dims.d + dims.nbDims);
}

std::string textOf(const std::vector<int64_t>& sizes) {
    std::string text = "[";
    for (size_t i = 0; i < sizes.size(); ++i) {
        text += (i == 0 ? "" : ", ") + std::to_string(sizes[i]);
    }
    return text + "]";
}

//! Sums the time of every layer over the runs. TensorRT reports the layers in the order of their execution.
class LayerTimes final : public nvinfer1::IProfiler {
public:
    void reportLayerTime(const char* layerName, float ms) noexcept override {
        try {
            const auto [found, isNew] = mIndices.try_emplace(layerName, mTimes.size());
            if (isNew) {
                mTimes.emplace_back(layerName, 0.0);
            }
            mTimes[found->second].second += ms;
        } catch (...) {
            // Out of memory: the layer is missing from the profile.
        }
    }

    void clear() {
        mIndices.clear();
        mTimes.clear();
    }

    std::vector<std::pair<std::string, double>> means(int64_t runs) const {
        std::vector<std::pair<std::string, double>> means = mTimes;
        for (auto& [name, time] : means) {
            time /= static_cast<double>(runs);
        }
        return means;
    }

private:
    std::unordered_map<std::string, size_t> mIndices;
    std::vector<std::pair<std::string, double>> mTimes;
};

} // namespace

std::unique_ptr<Engine> Engine::open(Library& library, const char* path, Reporter& reporter, PbStatus& status) {
    CudaDriver::get().useContext();
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (bytes.empty()) {
        status = reporter.fail(PB_ENGINE, std::string(path) + " cannot be read or is empty.");
        return nullptr;
    }
    nvinfer1::IRuntime* runtime = library.runtime();
    if (runtime == nullptr) {
        status = reporter.fail(PB_GPU, "TensorRT made no runtime on this machine.");
        return nullptr;
    }
    std::unique_ptr<nvinfer1::ICudaEngine> engine(runtime->deserializeCudaEngine(bytes.data(), bytes.size()));
    if (engine == nullptr) {
        status = reporter.fail(PB_ENGINE, "TensorRT refused the engine " + std::string(path) + ".");
        return nullptr;
    }
    std::unique_ptr<nvinfer1::IExecutionContext> context(engine->createExecutionContext());
    if (context == nullptr) {
        status = reporter.fail(PB_RUN, "TensorRT made no execution context; the GPU may be out of memory.");
        return nullptr;
    }
    return std::unique_ptr<Engine>(new Engine(library, std::move(engine), std::move(context)));
}

Engine::Engine(Library& library, std::unique_ptr<nvinfer1::ICudaEngine> engine,
               std::unique_ptr<nvinfer1::IExecutionContext> context)
    : mLibrary(library), mEngine(std::move(engine)), mContext(std::move(context)) {
    for (int32_t i = 0; i < mEngine->getNbIOTensors(); ++i) {
        const char* name = mEngine->getIOTensorName(i);
        mTensors.push_back({name, typeOf(mEngine->getTensorDataType(name)),
                            mEngine->getTensorIOMode(name) == nvinfer1::TensorIOMode::kINPUT,
                            sizesOf(mEngine->getTensorShape(name))});
    }
    for (const TensorDescription& tensor : mTensors) {
        mPlainTensors.push_back(
            {tensor.name.c_str(), tensor.type, tensor.isInput ? 1 : 0, tensor.dims.size(), tensor.dims.data()});
    }
}

PbEngineInfo Engine::describe() const { return {mPlainTensors.data(), mPlainTensors.size(), mEngine->getNbLayers()}; }

PbStatus Engine::bind(const PbInputShape* inputs, size_t count, Reporter& reporter) {
    CudaDriver::get().useContext();
    // What was bound before must not be used once a size has changed.
    mGraph.reset();
    mPlainBindings.clear();
    mBindings.clear();
    for (size_t i = 0; i < count; ++i) {
        nvinfer1::Dims dims = {};
        if (inputs[i].rank > static_cast<size_t>(nvinfer1::Dims::MAX_DIMS)) {
            return reporter.fail(PB_INVALID, "Input " + std::string(inputs[i].name) + " has too many axes.");
        }
        dims.nbDims = static_cast<int32_t>(inputs[i].rank);
        for (size_t axis = 0; axis < inputs[i].rank; ++axis) {
            dims.d[axis] = static_cast<std::remove_reference_t<decltype(dims.d[0])>>(inputs[i].dims[axis]);
        }
        if (!mContext->setInputShape(inputs[i].name, dims)) {
            return reporter.fail(PB_INVALID, "The engine does not take input " + std::string(inputs[i].name) +
                                                 " of shape " + textOf(sizesOf(dims)) + ".");
        }
    }
    for (const TensorDescription& tensor : mTensors) {
        const char* name = tensor.name.c_str();
        if (mEngine->isShapeInferenceIO(name)) {
            return reporter.fail(PB_INVALID, tensor.name + " holds a shape; such bindings are not run yet.");
        }
        std::vector<int64_t> sizes = sizesOf(mContext->getTensorShape(name));
        size_t elements = 1;
        for (const int64_t size : sizes) {
            if (size < 0) {
                return reporter.fail(PB_INVALID, "The shape of " + tensor.name + " is " + textOf(sizes) +
                                                     ": an input has no shape yet, or the data decide it.");
            }
            elements *= static_cast<size_t>(size);
        }
        const size_t bits = bitsOf(tensor.type);
        if (bits == 0) {
            return reporter.fail(PB_INVALID, tensor.name + " has an element type that cannot be bound.");
        }
        auto binding = std::make_unique<Binding>(std::move(sizes), (elements * bits + 7) / 8);
        if (!mContext->setTensorAddress(name, reinterpret_cast<void*>(binding->device.address()))) {
            return reporter.fail(PB_RUN, "TensorRT refused the memory of " + tensor.name + ".");
        }
        mBindings.push_back(std::move(binding));
    }
    for (size_t i = 0; i < mTensors.size(); ++i) {
        const Binding& binding = *mBindings[i];
        mPlainBindings.push_back({mTensors[i].name.c_str(), mTensors[i].type, mTensors[i].isInput ? 1 : 0,
                                  binding.dims.size(), binding.dims.data(), binding.host.address(), binding.bytes});
    }
    return PB_OK;
}

PbStatus Engine::requireBindings(Reporter& reporter) const {
    return mPlainBindings.empty() ? reporter.fail(PB_INVALID, "The engine has no bindings yet.") : PB_OK;
}

void Engine::copyInputs() const {
    const CudaDriver& cuda = CudaDriver::get();
    for (size_t i = 0; i < mTensors.size(); ++i) {
        const Binding& binding = *mBindings[i];
        if (mTensors[i].isInput && binding.bytes > 0) {
            cuda.check(
                cuda.memcpyHtoDAsync(binding.device.address(), binding.host.address(), binding.bytes, mStream.get()),
                "cuMemcpyHtoDAsync");
        }
    }
}

void Engine::copyOutputs() const {
    const CudaDriver& cuda = CudaDriver::get();
    for (size_t i = 0; i < mTensors.size(); ++i) {
        const Binding& binding = *mBindings[i];
        if (!mTensors[i].isInput && binding.bytes > 0) {
            cuda.check(
                cuda.memcpyDtoHAsync(binding.host.address(), binding.device.address(), binding.bytes, mStream.get()),
                "cuMemcpyDtoHAsync");
        }
    }
}

PbStatus Engine::run(Reporter& reporter) {
    CudaDriver::get().useContext();
    if (const PbStatus status = requireBindings(reporter); status != PB_OK) {
        return status;
    }
    copyInputs();
    if (!enqueue()) {
        return reporter.fail(PB_RUN, "TensorRT did not run the engine.");
    }
    copyOutputs();
    mStream.synchronize();
    return PB_OK;
}

bool Engine::timedRun(bool replay, PbRunTime& time) const {
    const Clock::time_point start = Clock::now();
    mStart.record(mStream);
    copyInputs();
    mCopied.record(mStream);
    if (replay) {
        mGraph.launch(mStream);
    } else if (!enqueue()) {
        return false;
    }
    mComputed.record(mStream);
    copyOutputs();
    mEnd.record(mStream);
    mEnd.synchronize();
    time.hostMs = static_cast<float>(1000 * secondsBetween(start, Clock::now()));
    time.hostToDeviceMs = mCopied.millisecondsSince(mStart);
    time.computeMs = mComputed.millisecondsSince(mCopied);
    time.deviceToHostMs = mEnd.millisecondsSince(mComputed);
    return true;
}

bool Engine::recordGraph() {
    if (mGraph.isRecorded()) {
        return true;
    }
    // TensorRT does work of its own at the first run after a change of sizes; that must not be recorded.
    if (!enqueue()) {
        return false;
    }
    mStream.synchronize();
    return mGraph.record(mStream, [&] { return enqueue(); });
}

PbStatus Engine::measure(const PbMeasureRequest& request, Reporter& reporter, PbMeasureResult& result) {
    CudaDriver::get().useContext();
    if (const PbStatus status = requireBindings(reporter); status != PB_OK) {
        return status;
    }
    copyInputs();
    const bool replay = request.cudaGraph != 0 && recordGraph();
    const auto refused = [&] { return reporter.fail(PB_RUN, "TensorRT did not run the engine."); };
    const auto cancelled = [&] { return reporter.fail(PB_CANCELLED, "The measurement was cancelled."); };

    const Clock::time_point warmupStart = Clock::now();
    PbRunTime time = {};
    while (secondsBetween(warmupStart, Clock::now()) < request.warmupSeconds) {
        if (reporter.cancelled()) {
            return cancelled();
        }
        if (!timedRun(replay, time)) {
            return refused();
        }
    }
    const Clock::time_point start = Clock::now();
    mRunTimes.clear();
    while (mRunTimes.size() < kMaximumRuns && (static_cast<int64_t>(mRunTimes.size()) < request.minimumRuns ||
                                               secondsBetween(start, Clock::now()) < request.minimumSeconds)) {
        if (reporter.cancelled()) {
            return cancelled();
        }
        if (!timedRun(replay, time)) {
            return refused();
        }
        mRunTimes.push_back(time);
    }
    result.runs = mRunTimes.data();
    result.runCount = mRunTimes.size();
    result.warmupSeconds = secondsBetween(warmupStart, start);
    result.cudaGraph = replay ? 1 : 0;
    return PB_OK;
}

std::unique_ptr<nvinfer1::IExecutionContext> Engine::profiledContext(nvinfer1::IProfiler& profiler) const {
    std::unique_ptr<nvinfer1::IExecutionContext> context(mEngine->createExecutionContext());
    if (context == nullptr) {
        return nullptr;
    }
    context->setProfiler(&profiler);
    bool taken = true;
    for (size_t i = 0; i < mTensors.size(); ++i) {
        const char* name = mTensors[i].name.c_str();
        if (mTensors[i].isInput) {
            taken = taken && context->setInputShape(name, mContext->getTensorShape(name));
        }
        taken = taken && context->setTensorAddress(name, reinterpret_cast<void*>(mBindings[i]->device.address()));
    }
    return taken ? std::move(context) : nullptr;
}

PbStatus Engine::profile(int64_t runs, Reporter& reporter) {
    CudaDriver::get().useContext();
    if (const PbStatus status = requireBindings(reporter); status != PB_OK) {
        return status;
    }
    copyInputs();
    // A context cannot be rid of its profiler, and runs layer by layer as long as it has one.
    LayerTimes times;
    const std::unique_ptr<nvinfer1::IExecutionContext> context = profiledContext(times);
    bool ran = context != nullptr;
    for (int64_t i = 0; ran && i <= runs && !reporter.cancelled(); ++i) {
        ran = context->enqueueV3(reinterpret_cast<cudaStream_t>(mStream.get()));
        mStream.synchronize();
        if (i == 0) {
            times.clear(); // the first run loads kernels
        }
    }
    if (!ran) {
        return reporter.fail(PB_RUN, "TensorRT did not run the engine.");
    }
    mLayerTimes = times.means(runs);
    mPlainLayerTimes.clear();
    for (const auto& [name, ms] : mLayerTimes) {
        mPlainLayerTimes.push_back({name.c_str(), ms});
    }
    return PB_OK;
}

const char* Engine::inspect(Reporter& reporter) {
    CudaDriver::get().useContext();
    const std::unique_ptr<nvinfer1::IEngineInspector> inspector(mEngine->createEngineInspector());
    if (inspector == nullptr) {
        reporter.fail(PB_RUN, "TensorRT made no engine inspector.");
        return nullptr;
    }
    inspector->setExecutionContext(mContext.get());
    const char* json = inspector->getEngineInformation(nvinfer1::LayerInformationFormat::kJSON);
    mInspection = json != nullptr ? json : "";
    if (mInspection.empty()) {
        reporter.fail(PB_RUN, "The engine inspector said nothing.");
        return nullptr;
    }
    return mInspection.c_str();
}

} // namespace precision_bench

#endif
