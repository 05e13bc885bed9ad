#include "engine.h"

#include "common/nvml.h"
#include "types.h"

#include <chrono>
#include <cstring>
#include <filesystem>
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

//! The meters of the GPU in use, or null.
std::unique_ptr<Nvml> openMeters() {
    const CudaDriver& cuda = CudaDriver::get();
    char bus[32] = {};
    const CUresult found = cuda.deviceGetPciBusId(bus, sizeof(bus), cuda.device());
    return found == CUDA_SUCCESS ? Nvml::open(bus) : nullptr;
}

PbGpuMeters metersBetween(const GpuMeters& before, const GpuMeters& after) {
    PbGpuMeters meters = {-1, -1, -1, -1, -1, -1};
    if (after.graphicsClockMhz) {
        meters.graphicsClockMhz = static_cast<int32_t>(*after.graphicsClockMhz);
    }
    if (after.memoryClockMhz) {
        meters.memoryClockMhz = static_cast<int32_t>(*after.memoryClockMhz);
    }
    meters.powerWatts = after.powerWatts.value_or(-1);
    meters.temperatureCelsius = after.temperatureCelsius.value_or(-1);
    if (before.throttleReasons && after.throttleReasons) {
        meters.throttleReasons = static_cast<int64_t>(*before.throttleReasons | *after.throttleReasons);
    }
    if (before.energyMillijoules && after.energyMillijoules) {
        meters.energyMillijoules = static_cast<double>(*after.energyMillijoules - *before.energyMillijoules);
    }
    return meters;
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
    std::ifstream file(std::filesystem::u8path(path), std::ios::binary);
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
        status =
            library.logger().hasRunOutOfMemory()
                ? reporter.fail(PB_NO_MEMORY, "The GPU has not enough memory for the engine " + std::string(path) + ".")
                : reporter.fail(PB_ENGINE, "TensorRT refused the engine " + std::string(path) + ".");
        return nullptr;
    }
    std::unique_ptr<EngineContext> context = EngineContext::create(*engine);
    if (context == nullptr) {
        status = library.logger().hasRunOutOfMemory()
                     ? reporter.fail(PB_NO_MEMORY, "The GPU has not enough memory for an execution context.")
                     : reporter.fail(PB_RUN, "TensorRT made no execution context.");
        return nullptr;
    }
    return std::unique_ptr<Engine>(new Engine(library, std::move(engine), std::move(context)));
}

Engine::Engine(Library& library, std::unique_ptr<nvinfer1::ICudaEngine> engine, std::unique_ptr<EngineContext> context)
    : mLibrary(library), mEngine(std::move(engine)), mContext(std::move(context)), mTensors(describeTensors(*mEngine)) {
    for (const TensorDescription& tensor : mTensors) {
        mPlainTensors.push_back({tensor.name.c_str(), tensor.type, tensor.isInput ? 1 : 0, tensor.holdsShape ? 1 : 0,
                                 tensor.format.c_str(), tensor.dims.size(), tensor.dims.data()});
    }
}

Engine::Binding::Binding(std::vector<int64_t> sizes, size_t byteCount, bool isOnGpu)
    : dims(std::move(sizes)), bytes(byteCount), host(byteCount),
      device(isOnGpu ? std::make_unique<DeviceMemory>(byteCount) : nullptr) {}

void* Engine::Binding::address() const {
    return device != nullptr ? reinterpret_cast<void*>(device->address()) : host.address();
}

PbEngineInfo Engine::describe() const {
    return {mPlainTensors.data(), mPlainTensors.size(), mEngine->getNbLayers(), mEngine->getNbOptimizationProfiles()};
}

size_t Engine::tensorNamed(const char* name) const {
    size_t index = 0;
    while (index < mTensors.size() && mTensors[index].name != name) {
        ++index;
    }
    return index;
}

int32_t Engine::profileFor(const PbInputShape* inputs, size_t count) const {
    for (int32_t profile = 0; profile < mEngine->getNbOptimizationProfiles(); ++profile) {
        bool takesAll = true;
        for (size_t i = 0; takesAll && i < count; ++i) {
            const size_t tensor = tensorNamed(inputs[i].name);
            const std::vector<int64_t> dims(inputs[i].dims, inputs[i].dims + inputs[i].rank);
            takesAll = tensor == mTensors.size() || mTensors[tensor].holdsShape || mTensors[tensor].dims == dims ||
                       mContext->takes(profile, tensor, dims);
        }
        if (takesAll) {
            return profile;
        }
    }
    return -1;
}

PbStatus Engine::bindInput(const PbInputShape& input, Reporter& reporter) {
    const size_t tensor = tensorNamed(input.name);
    if (tensor == mTensors.size() || !mTensors[tensor].isInput) {
        return reporter.fail(PB_INVALID, "The engine has no input " + std::string(input.name) + ".");
    }
    if (input.rank > static_cast<size_t>(nvinfer1::Dims::MAX_DIMS)) {
        return reporter.fail(PB_INVALID, "Input " + std::string(input.name) + " has too many axes.");
    }
    const std::vector<int64_t> dims(input.dims, input.dims + input.rank);
    if (!mTensors[tensor].holdsShape) {
        return mContext->setInputShape(tensor, dimsOf(input.dims, input.rank))
                   ? PB_OK
                   : reporter.fail(PB_INVALID, "The engine does not take input " + std::string(input.name) +
                                                   " of shape " + textOf(dims) + ".");
    }
    if (input.values == nullptr) {
        return reporter.fail(PB_INVALID, "Input " + std::string(input.name) + " holds a shape and has no values.");
    }
    auto binding = std::make_unique<Binding>(dims, bytesOf(mTensors[tensor].type, dims), false);
    std::memcpy(binding->host.address(), input.values, binding->bytes);
    if (!mContext->setShapeValues(tensor, binding->host.address())) {
        return reporter.fail(PB_INVALID, "The engine does not take these values of " + std::string(input.name) + ".");
    }
    mBindings[tensor] = std::move(binding);
    return PB_OK;
}

PbStatus Engine::bindTensor(size_t tensor, Reporter& reporter) {
    const TensorDescription& description = mTensors[tensor];
    std::vector<int64_t> sizes = sizesOf(mContext->shape(tensor));
    for (const int64_t size : sizes) {
        if (size < 0) {
            return reporter.fail(PB_INVALID, "The shape of " + description.name + " is " + textOf(sizes) +
                                                 ": an input has no shape yet, or the data decide it.");
        }
    }
    if (bitsOf(description.type) == 0) {
        return reporter.fail(PB_INVALID, description.name + " has an element type that cannot be bound.");
    }
    const size_t bytes = bytesOf(description.type, sizes);
    auto binding = std::make_unique<Binding>(std::move(sizes), bytes, !description.holdsShape);
    if (!mContext->setAddress(tensor, binding->address())) {
        return reporter.fail(PB_RUN, "TensorRT refused the memory of " + description.name + ".");
    }
    mBindings[tensor] = std::move(binding);
    return PB_OK;
}

PbStatus Engine::bind(const PbInputShape* inputs, size_t count, Reporter& reporter) {
    CudaDriver::get().useContext();
    if (mContext == nullptr && (mContext = EngineContext::create(*mEngine)) == nullptr) {
        return reporter.fail(PB_RUN, "TensorRT made no execution context.");
    }
    // What was bound before must not be used once a size has changed.
    mGraph.reset();
    mPlainBindings.clear();
    mBindings.clear();
    mBindings.resize(mTensors.size());
    mProfile = profileFor(inputs, count);
    if (mProfile < 0) {
        return reporter.fail(PB_INVALID, "No optimization profile of the engine has these input shapes.");
    }
    if (!mContext->setProfile(mProfile, stream())) {
        return reporter.fail(PB_RUN, "TensorRT refused optimization profile " + std::to_string(mProfile + 1) + ".");
    }
    mStream.synchronize();
    for (size_t i = 0; i < count; ++i) {
        if (const PbStatus status = bindInput(inputs[i], reporter); status != PB_OK) {
            return status;
        }
    }
    for (size_t tensor = 0; tensor < mTensors.size(); ++tensor) {
        if (mBindings[tensor] != nullptr) {
            continue; // holds a shape
        }
        if (const PbStatus status = bindTensor(tensor, reporter); status != PB_OK) {
            return status;
        }
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

void Engine::copyInputs(const Stream& stream) const {
    const CudaDriver& cuda = CudaDriver::get();
    for (size_t i = 0; i < mTensors.size(); ++i) {
        const Binding& binding = *mBindings[i];
        if (mTensors[i].isInput && binding.device != nullptr && binding.bytes > 0) {
            cuda.check(
                cuda.memcpyHtoDAsync(binding.device->address(), binding.host.address(), binding.bytes, stream.get()),
                "cuMemcpyHtoDAsync");
        }
    }
}

void Engine::copyOutputs(const Stream& stream) const {
    const CudaDriver& cuda = CudaDriver::get();
    for (size_t i = 0; i < mTensors.size(); ++i) {
        const Binding& binding = *mBindings[i];
        if (!mTensors[i].isInput && binding.device != nullptr && binding.bytes > 0) {
            cuda.check(
                cuda.memcpyDtoHAsync(binding.host.address(), binding.device->address(), binding.bytes, stream.get()),
                "cuMemcpyDtoHAsync");
        }
    }
}

PbStatus Engine::run(Reporter& reporter) {
    CudaDriver::get().useContext();
    if (const PbStatus status = requireBindings(reporter); status != PB_OK) {
        return status;
    }
    copyInputs(mStream);
    if (!enqueue()) {
        return reporter.fail(PB_RUN, "TensorRT did not run the engine.");
    }
    copyOutputs(mStream);
    mStream.synchronize();
    return PB_OK;
}

bool Engine::timedRun(const PbMeasureRequest& request, bool replay, PbRunTime& time) {
    const bool hasTransfers = request.transfers != 0;
    const Clock::time_point start = Clock::now();
    if (hasTransfers) {
        mInputs.start.record(mCopies);
        copyInputs(mCopies);
        mInputs.end.record(mCopies);
        mStream.waitFor(mInputs.end);
    }
    mCompute.start.record(mStream);
    if (replay) {
        mGraph.launch(mStream);
    } else if (!enqueue()) {
        return false;
    }
    mCompute.end.record(mStream);
    if (hasTransfers) {
        mCopies.waitFor(mCompute.end);
        mOutputs.start.record(mCopies);
        copyOutputs(mCopies);
        mOutputs.end.record(mCopies);
    }
    if (request.spin != 0) {
        (hasTransfers ? mOutputs.end : mCompute.end).spin();
    } else {
        mDone.record(hasTransfers ? mCopies : mStream);
        mDone.synchronize();
    }
    time.hostMs = static_cast<float>(1000 * secondsBetween(start, Clock::now()));
    time.hostToDeviceMs = hasTransfers ? mInputs.milliseconds() : 0;
    time.computeMs = mCompute.milliseconds();
    time.deviceToHostMs = hasTransfers ? mOutputs.milliseconds() : 0;
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
    copyInputs(mStream);
    mStream.synchronize();
    const bool replay = request.cudaGraph != 0 && recordGraph();
    const auto refused = [&] { return reporter.fail(PB_RUN, "TensorRT did not run the engine."); };
    const auto cancelled = [&] { return reporter.fail(PB_CANCELLED, "The measurement was cancelled."); };

    const Clock::time_point warmupStart = Clock::now();
    PbRunTime time = {};
    while (secondsBetween(warmupStart, Clock::now()) < request.warmupSeconds) {
        if (reporter.cancelled()) {
            return cancelled();
        }
        if (!timedRun(request, replay, time)) {
            return refused();
        }
    }
    // Reading the meters takes milliseconds and happens outside of the runs.
    const std::unique_ptr<Nvml> nvml = openMeters();
    const GpuMeters before = nvml != nullptr ? nvml->read() : GpuMeters();
    const Clock::time_point start = Clock::now();
    mRunTimes.clear();
    while (mRunTimes.size() < kMaximumRuns && (static_cast<int64_t>(mRunTimes.size()) < request.minimumRuns ||
                                               secondsBetween(start, Clock::now()) < request.minimumSeconds)) {
        if (reporter.cancelled()) {
            return cancelled();
        }
        if (!timedRun(request, replay, time)) {
            return refused();
        }
        mRunTimes.push_back(time);
    }
    result.runs = mRunTimes.data();
    result.runCount = mRunTimes.size();
    if (nvml != nullptr) {
        result.hasMeters = 1;
        result.meters = metersBetween(before, nvml->read());
    }
    result.warmupSeconds = secondsBetween(warmupStart, start);
    result.cudaGraph = replay ? 1 : 0;
    return PB_OK;
}

std::unique_ptr<EngineContext> Engine::boundContext(nvinfer1::IProfiler* profiler) const {
    std::unique_ptr<EngineContext> context = EngineContext::create(*mEngine);
    if (context == nullptr) {
        return nullptr;
    }
    if (profiler != nullptr) {
        context->get().setProfiler(profiler);
    }
    bool taken = context->setProfile(mProfile, stream());
    mStream.synchronize();
    for (size_t i = 0; taken && i < mTensors.size(); ++i) {
        const Binding& binding = *mBindings[i];
        if (mTensors[i].isInput && mTensors[i].holdsShape) {
            taken = context->setShapeValues(i, binding.address());
            continue;
        }
        if (mTensors[i].isInput) {
            taken = context->setInputShape(i, dimsOf(binding.dims.data(), binding.dims.size()));
        }
        taken = taken && context->setAddress(i, binding.address());
    }
    return taken ? std::move(context) : nullptr;
}

PbStatus Engine::profile(int64_t runs, Reporter& reporter) {
    CudaDriver::get().useContext();
    if (const PbStatus status = requireBindings(reporter); status != PB_OK) {
        return status;
    }
    copyInputs(mStream);
    // A context cannot be rid of its profiler, and runs layer by layer as long as it has one.
    LayerTimes times;
#if !PB_TRT_SHARES_PROFILES
    // "Profile 0 has been chosen by another IExecutionContext": seen with TensorRT 8.6 on an H200.
    mGraph.reset();
    mContext.reset();
#endif
    std::unique_ptr<EngineContext> context = boundContext(&times);
    bool ran = context != nullptr;
    for (int64_t i = 0; ran && i <= runs && !reporter.cancelled(); ++i) {
        ran = context->enqueue(stream());
        mStream.synchronize();
        if (i == 0) {
            times.clear(); // the first run loads kernels
        }
    }
    context.reset();
    if (mContext == nullptr && (mContext = boundContext(nullptr)) == nullptr) {
        mPlainBindings.clear(); // nothing runs before inputs are bound again
        ran = false;
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
    inspector->setExecutionContext(mContext != nullptr ? &mContext->get() : nullptr);
    const char* json = inspector->getEngineInformation(nvinfer1::LayerInformationFormat::kJSON);
    mInspection = json != nullptr ? json : "";
    if (mInspection.empty()) {
        reporter.fail(PB_RUN, "The engine inspector said nothing.");
        return nullptr;
    }
    return mInspection.c_str();
}

} // namespace precision_bench
