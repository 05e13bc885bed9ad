//! \file observing_session.cpp
//! \brief The operator and the runs. A run tells the operator by a thread-local pointer where its observations go.
#include "observing_session.h"

#include "layer_error.h"

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

//! A tensor as channels see it: `outer` rows of `channels` runs of `inner` elements.
struct ChannelLayout {
    size_t outer = 1;
    size_t channels = 1;
    size_t inner = 1;
};

//! \param axesBehind how many axes follow the one that counts channels
ChannelLayout layoutOf(const std::vector<int64_t>& dims, size_t axesBehind) {
    if (dims.size() <= axesBehind) {
        throw ort::Error("A tensor of rank " + std::to_string(dims.size()) + " has no axis of channels.");
    }
    ChannelLayout layout;
    const size_t axis = dims.size() - 1 - axesBehind;
    for (size_t i = 0; i < dims.size(); ++i) {
        size_t& part = i < axis ? layout.outer : i == axis ? layout.channels : layout.inner;
        part *= static_cast<size_t>(dims[i]);
    }
    return layout;
}

std::vector<int64_t> dimsOf(const ort::Api& api, const ort::TensorInfo* info) {
    std::vector<int64_t> dims(api.rank(info));
    api.dims(info, dims.data(), dims.size());
    return dims;
}

const float* floatsOf(const ort::Api& api, const ort::Value* value) {
    return static_cast<const float*>(api.tensorData(const_cast<ort::Value*>(value)));
}

//! One Observe node.
struct ObserveKernel {
    const ort::Api* api;
    size_t tensor;
    int64_t axesBehind; //!< The axes behind that of the channels; negative where no channels are wanted.

    ObserveKernel(const ort::Api& runtime, const ort::KernelInfo* info)
        : api(&runtime), tensor(static_cast<size_t>(runtime.integerAttribute(info, "tensor"))),
          axesBehind(runtime.integerAttribute(info, "axes_behind")) {}

    void compute(ort::KernelContext* context) const;
};

//! One CompareLayer node.
struct CompareLayerKernel {
    const ort::Api* api;
    size_t axesBehind;

    CompareLayerKernel(const ort::Api& runtime, const ort::KernelInfo* info)
        : api(&runtime), axesBehind(static_cast<size_t>(runtime.integerAttribute(info, "axes_behind"))) {}

    void compute(ort::KernelContext* context) const;
};

void ObserveKernel::compute(ort::KernelContext* context) const {
    constexpr int64_t kOne = 1;
    ort::Value* const mark = api->kernelOutput(context, 0, &kOne, 1);
    *static_cast<float*>(api->tensorData(mark)) = 0;
    // The runtime folds no operators of a domain it does not know; should it do so one day, the tensor shows as unseen.
    if (currentRun.observations == nullptr) {
        return;
    }
    TensorObservations& seen = currentRun.observations->at(tensor);
    const ort::Value* const input = api->kernelInput(context, 0);
    const ort::Owned<ort::TensorInfo> info(*api, api->tensorInfo(input));
    if (currentRun.notesDims || !seen.notedDims) {
        seen.addDims(dimsOf(*api, info.get()), currentRun.notesDims);
    }
    const size_t count = api->elementCount(info.get());
    if (api->elementType(info.get()) != ort::kFloat || count == 0) {
        return;
    }
    const float* const values = floatsOf(*api, input);
    seen.values.add(values, count);
    if (axesBehind >= 0) {
        const ChannelLayout layout = layoutOf(dimsOf(*api, info.get()), static_cast<size_t>(axesBehind));
        seen.channels.add(values, layout.outer, layout.channels, layout.inner);
    }
}

void CompareLayerKernel::compute(ort::KernelContext* context) const {
    const ort::Value* const computed = api->kernelInput(context, 0);
    const ort::Value* const original = api->kernelInput(context, 1);
    const ort::Owned<ort::TensorInfo> info(*api, api->tensorInfo(original));
    const ort::Owned<ort::TensorInfo> computedInfo(*api, api->tensorInfo(computed));
    if (api->elementCount(info.get()) != api->elementCount(computedInfo.get())) {
        throw ort::Error("The two outputs of a layer differ in size.");
    }
    const ChannelLayout layout = layoutOf(dimsOf(*api, info.get()), axesBehind);
    const auto size = static_cast<int64_t>(layout.channels + 2);
    ort::Value* const result = api->kernelOutput(context, 0, &size, 1);
    compareLayer(floatsOf(*api, computed), floatsOf(*api, original), layout.outer, layout.channels, layout.inner,
                 static_cast<double*>(api->tensorData(result)));
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

namespace {

//! What our operators have in common: no attribute that the runtime has to know, one output. \p Kernel is what a node
//! does.
template <typename Kernel>
class OperatorOf : public ort::CustomOp {
public:
    explicit OperatorOf(const ort::Api& api) : mApi(&api) {
        executionProvider = [](const CustomOp*) -> const char* { return nullptr; };
        outputCount = [](const CustomOp*) { return size_t{1}; };
        inputCharacteristic = [](const CustomOp*, size_t) { return int32_t{0}; };
        outputCharacteristic = inputCharacteristic;
        inputMemoryType = inputCharacteristic;
        createKernelV2 = &create;
        computeV2 = &compute;
        destroyKernel = [](void* kernel) { delete static_cast<Kernel*>(kernel); };
    }

private:
    static ort::Status* create(const CustomOp* op, const void*, const ort::KernelInfo* info, void** kernel) {
        const ort::Api& api = *static_cast<const OperatorOf*>(op)->mApi;
        return guarded(api, [&] { *kernel = new Kernel(api, info); });
    }

    static ort::Status* compute(void* kernel, ort::KernelContext* context) {
        const Kernel& node = *static_cast<const Kernel*>(kernel);
        return guarded(*node.api, [&] { node.compute(context); });
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

} // namespace

//! `precision_bench.Observe`: any tensor in, one float out that nobody needs. Attributes: `tensor`, its number, and
//! `axes_behind`, the axes behind that of its channels, -1 where these are of no interest.
class ObservingSession::ObserveOp : public OperatorOf<ObserveKernel> {
public:
    explicit ObserveOp(const ort::Api& api) : OperatorOf(api) {
        name = [](const CustomOp*) { return "Observe"; };
        inputCount = [](const CustomOp*) { return size_t{1}; };
        inputType = [](const CustomOp*, size_t) { return int32_t{ort::kUndefined}; };
        outputType = [](const CustomOp*, size_t) { return int32_t{ort::kFloat}; };
    }
};

//! `precision_bench.CompareLayer`: two float tensors in, the numbers of `compareLayer` out, as doubles. Attribute
//! `axes_behind`: the axes behind that of the channels.
class ObservingSession::CompareLayerOp : public OperatorOf<CompareLayerKernel> {
public:
    explicit CompareLayerOp(const ort::Api& api) : OperatorOf(api) {
        name = [](const CustomOp*) { return "CompareLayer"; };
        inputCount = [](const CustomOp*) { return size_t{2}; };
        inputType = [](const CustomOp*, size_t) { return int32_t{ort::kFloat}; };
        outputType = [](const CustomOp*, size_t) { return int32_t{ort::kDouble}; };
    }
};

ObservingSession::ObservingSession(const std::string& library, const ModelSource& model,
                                   const ObservingSessionOptions& options)
    : mApi(ort::Api::open(library)), mOptions(options), mObserve(std::make_unique<ObserveOp>(mApi)),
      mCompareLayer(std::make_unique<CompareLayerOp>(mApi)) {
    // Lives as long as the process.
    static ort::MemoryInfo* const memory = mApi.createCpuMemoryInfo();
    mMemory = memory;
    mDomain.emplace_back(mApi, mApi.createDomain("precision_bench"));
    mApi.addOperator(mDomain.front().get(), mObserve.get());
    mApi.addOperator(mDomain.front().get(), mCompareLayer.get());
    const ort::Owned<ort::SessionOptions> session(mApi, mApi.createSessionOptions());
    mApi.setOptimization(session.get(), options.optimization);
    mApi.setIntraOpThreads(session.get(), 1);
    constexpr int kFatal = 4;
    mApi.setLogSeverity(session.get(), kFatal);
    for (const auto& [key, value] : options.config) {
        mApi.addConfigEntry(session.get(), key.c_str(), value.c_str());
    }
    mApi.addDomain(session.get(), mDomain.front().get());
    mSession.emplace_back(mApi, model.data == nullptr ? mApi.createSession(model.path, session.get())
                                                      : mApi.createSession(model.data, model.bytes, session.get()));
}

ObservingSession::~ObservingSession() {
    // The session's kernels belong to the operators.
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
            merged.back().channels.merge(seen.channels);
            if (seen.hasDims) {
                merged.back().addDims(seen.dims, seen.notedDims);
            }
        }
    }
    return merged;
}

} // namespace precision_bench
