//! \file observing_session.cpp
//! \brief The operator and the runs. A run tells the operator by a thread-local pointer where its observations go.
#include "observing_session.h"

#include <cstring>
#include <functional>
#include <numeric>
#include <utility>

namespace precision_bench {
namespace {

//! Where the run on this thread collects, and whether it notes shapes.
struct CurrentRun {
    std::vector<TensorObservations>* observations = nullptr;
    bool notesDims = false;
};

thread_local CurrentRun currentRun;

//! One Observe node.
struct ObserveKernel {
    const ort::Api* api;
    size_t tensor;
};

void observe(const ObserveKernel& kernel, ort::KernelContext* context) {
    const ort::Api& api = *kernel.api;
    constexpr int64_t kOne = 1;
    ort::Value* const mark = api.kernelOutput(context, 0, &kOne, 1);
    *static_cast<float*>(api.tensorData(mark)) = 0;
    // The runtime folds no operators of a domain it does not know; should it do so one day, the tensor shows as unseen.
    if (currentRun.observations == nullptr) {
        return;
    }
    TensorObservations& tensor = currentRun.observations->at(kernel.tensor);
    const ort::Value* const input = api.kernelInput(context, 0);
    const ort::Owned<ort::TensorInfo> info(api, api.tensorInfo(input));
    if (currentRun.notesDims || !tensor.notedDims) {
        std::vector<int64_t> dims(api.rank(info.get()));
        api.dims(info.get(), dims.data(), dims.size());
        tensor.addDims(dims, currentRun.notesDims);
    }
    const size_t count = api.elementCount(info.get());
    if (api.elementType(info.get()) == ort::kFloat && count > 0) {
        tensor.values.add(static_cast<const float*>(api.tensorData(const_cast<ort::Value*>(input))), count);
    }
}

int64_t elementCount(const std::vector<int64_t>& dims) {
    return std::accumulate(dims.begin(), dims.end(), int64_t{1}, std::multiplies<>());
}

//! Bytes of an element, by ONNX's number of its type; 0 for those that are not plain bytes.
size_t elementSize(int32_t type) {
    switch (type) {
    case 2: // uint8
    case 3: // int8
    case 9: // bool
        return 1;
    case 4:  // uint16
    case 5:  // int16
    case 10: // float16
    case 16: // bfloat16
        return 2;
    case ort::kFloat:
    case 6:  // int32
    case 12: // uint32
        return 4;
    case 7:  // int64
    case 11: // double
    case 13: // uint64
        return 8;
    default:
        return 0;
    }
}

RunOutput copyOf(const ort::Api& api, ort::Value* value) {
    const ort::Owned<ort::TensorInfo> info(api, api.tensorInfo(value));
    RunOutput output = {api.elementType(info.get()), {}, {}};
    const size_t size = elementSize(output.type);
    if (size == 0) {
        throw ort::Error("An output of element type " + std::to_string(output.type) + " cannot be given out.");
    }
    output.dims.resize(api.rank(info.get()));
    api.dims(info.get(), output.dims.data(), output.dims.size());
    const auto* data = static_cast<const uint8_t*>(api.tensorData(value));
    output.bytes.assign(data, data + size * api.elementCount(info.get()));
    return output;
}

} // namespace

void TensorObservations::addDims(const std::vector<int64_t>& seen, bool noted) {
    const auto size = [](const std::vector<int64_t>& shape) { return std::make_pair(elementCount(shape), shape); };
    if (!noted && (notedDims || (hasDims && size(seen) <= size(dims)))) {
        return;
    }
    dims = seen;
    hasDims = true;
    notedDims = noted;
}

//! `precision_bench.Observe`: any tensor in, one float out that nobody needs; attribute `tensor` is its number.
class ObservingSession::ObserveOp : public ort::CustomOp {
public:
    explicit ObserveOp(const ort::Api& api) : mApi(&api) {
        name = [](const CustomOp*) { return "Observe"; };
        executionProvider = [](const CustomOp*) -> const char* { return nullptr; };
        inputCount = [](const CustomOp*) { return size_t{1}; };
        inputType = [](const CustomOp*, size_t) { return int32_t{ort::kUndefined}; };
        outputCount = inputCount;
        outputType = [](const CustomOp*, size_t) { return int32_t{ort::kFloat}; };
        inputCharacteristic = [](const CustomOp*, size_t) { return int32_t{0}; };
        outputCharacteristic = inputCharacteristic;
        inputMemoryType = inputCharacteristic;
        createKernelV2 = &create;
        computeV2 = &compute;
        destroyKernel = [](void* kernel) { delete static_cast<ObserveKernel*>(kernel); };
    }

private:
    static ort::Status* create(const CustomOp* op, const void*, const ort::KernelInfo* info, void** kernel) {
        const ort::Api& api = *static_cast<const ObserveOp*>(op)->mApi;
        return guarded(api, [&] {
            *kernel = new ObserveKernel{&api, static_cast<size_t>(api.integerAttribute(info, "tensor"))};
        });
    }

    static ort::Status* compute(void* kernel, ort::KernelContext* context) {
        const ObserveKernel& observer = *static_cast<const ObserveKernel*>(kernel);
        return guarded(*observer.api, [&] { observe(observer, context); });
    }

    //! No exception may reach the runtime.
    template <typename Work>
    static ort::Status* guarded(const ort::Api& api, Work work) {
        try {
            work();
            return nullptr;
        } catch (const std::exception& error) {
            return api.newStatus(error.what());
        }
    }

    const ort::Api* mApi;
};

ObservingSession::ObservingSession(const std::string& library, const std::string& model,
                                   const ObservingSessionOptions& options)
    : mApi(ort::Api::open(library)), mOptions(options), mOp(std::make_unique<ObserveOp>(mApi)) {
    // Both live as long as the process; the runtime keeps one environment anyway.
    static ort::Env* const env = mApi.createEnv();
    static ort::MemoryInfo* const memory = mApi.createCpuMemoryInfo();
    mMemory = memory;
    mDomain.emplace_back(mApi, mApi.createDomain("precision_bench"));
    mApi.addOperator(mDomain.front().get(), mOp.get());
    const ort::Owned<ort::SessionOptions> session(mApi, mApi.createSessionOptions());
    mApi.setOptimization(session.get(), options.optimization);
    mApi.setIntraOpThreads(session.get(), 1);
    constexpr int kFatal = 4;
    mApi.setLogSeverity(session.get(), kFatal);
    for (const auto& [key, value] : options.config) {
        mApi.addConfigEntry(session.get(), key.c_str(), value.c_str());
    }
    mApi.addDomain(session.get(), mDomain.front().get());
    mSession.emplace_back(mApi, mApi.createSession(env, model, session.get()));
}

ObservingSession::~ObservingSession() {
    // The session's kernels belong to the operator.
    mSession.clear();
    mDomain.clear();
}

std::vector<RunOutput> ObservingSession::run(const std::vector<RunInput>& inputs,
                                             const std::vector<std::string>& outputs, bool noteDims) {
    std::vector<const char*> inputNames;
    std::vector<ort::Owned<ort::Value>> owned;
    std::vector<const ort::Value*> values;
    owned.reserve(inputs.size() + outputs.size());
    for (const RunInput& input : inputs) {
        inputNames.push_back(input.name.c_str());
        owned.emplace_back(mApi, mApi.createTensor(mMemory, input.data, input.bytes, input.dims.data(),
                                                   input.dims.size(), input.type));
        values.push_back(owned.back().get());
    }
    std::vector<const char*> outputNames;
    for (const std::string& output : outputs) {
        outputNames.push_back(output.c_str());
    }
    std::vector<ort::Value*> results(outputs.size(), nullptr);

    std::unique_ptr<Observations> observations = borrow();
    currentRun = {observations.get(), noteDims};
    try {
        mApi.run(mSession.front().get(), inputNames.data(), values.data(), values.size(), outputNames.data(),
                 outputNames.size(), results.data());
    } catch (...) {
        currentRun = {};
        giveBack(std::move(observations));
        throw;
    }
    currentRun = {};
    giveBack(std::move(observations));

    std::vector<RunOutput> given;
    for (ort::Value* result : results) {
        owned.emplace_back(mApi, result);
    }
    for (ort::Value* result : results) {
        given.push_back(copyOf(mApi, result));
    }
    return given;
}

std::unique_ptr<ObservingSession::Observations> ObservingSession::borrow() {
    const std::lock_guard<std::mutex> lock(mLock);
    if (mFree.empty()) {
        auto fresh = std::make_unique<Observations>();
        for (const bool histogram : mOptions.histograms) {
            fresh->push_back(TensorObservations{ValueAccumulator(histogram)});
        }
        return fresh;
    }
    std::unique_ptr<Observations> free = std::move(mFree.back());
    mFree.pop_back();
    return free;
}

void ObservingSession::giveBack(std::unique_ptr<Observations> observations) {
    const std::lock_guard<std::mutex> lock(mLock);
    mFree.push_back(std::move(observations));
}

std::vector<TensorObservations> ObservingSession::observations() const {
    const std::lock_guard<std::mutex> lock(mLock);
    std::vector<TensorObservations> merged;
    for (size_t tensor = 0; tensor < mOptions.histograms.size(); ++tensor) {
        merged.push_back(TensorObservations{ValueAccumulator(mOptions.histograms[tensor])});
        for (const auto& observations : mFree) {
            const TensorObservations& seen = (*observations)[tensor];
            merged.back().values.merge(seen.values);
            if (seen.hasDims) {
                merged.back().addDims(seen.dims, seen.notedDims);
            }
        }
    }
    return merged;
}

} // namespace precision_bench
