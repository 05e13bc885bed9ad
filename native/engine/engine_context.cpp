#include "engine_context.h"

#include "types.h"

#include <utility>

// Bindings by index are deprecated from 8.5 on, and the only ones that all of TensorRT 8 has.
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#endif

namespace precision_bench {
namespace {

std::string textOrNothing(const char* text) { return text != nullptr ? text : ""; }

using nvinfer1::OptProfileSelector;

} // namespace

EngineContext::EngineContext(nvinfer1::ICudaEngine& engine, std::unique_ptr<nvinfer1::IExecutionContext> context)
    : mEngine(engine), mContext(std::move(context)) {
#if !PB_TRT_HAS_NAMED_BINDINGS
    mPerProfile = engine.getNbBindings() / engine.getNbOptimizationProfiles();
    mAddresses.resize(static_cast<size_t>(engine.getNbBindings()), nullptr);
#endif
}

std::unique_ptr<EngineContext> EngineContext::create(nvinfer1::ICudaEngine& engine) {
    std::unique_ptr<nvinfer1::IExecutionContext> context(engine.createExecutionContext());
    if (context == nullptr) {
        return nullptr;
    }
    return std::unique_ptr<EngineContext>(new EngineContext(engine, std::move(context)));
}

bool EngineContext::setProfile(int32_t profile, cudaStream_t stream) {
    if (mContext->getOptimizationProfile() == profile) {
        return true;
    }
    if (!mContext->setOptimizationProfileAsync(profile, stream)) {
        return false;
    }
#if !PB_TRT_HAS_NAMED_BINDINGS
    mFirst = profile * mPerProfile;
#endif
    return true;
}

bool EngineContext::takes(int32_t profile, size_t tensor, const std::vector<int64_t>& dims) const {
#if PB_TRT_HAS_NAMED_BINDINGS
    const auto bound = [&](OptProfileSelector selector) {
        return sizesOf(mEngine.getProfileShape(nameOf(tensor), profile, selector));
    };
#else
    const auto bound = [&](OptProfileSelector selector) {
        const int32_t index = profile * mPerProfile + static_cast<int32_t>(tensor);
        return sizesOf(mEngine.getProfileDimensions(index, profile, selector));
    };
#endif
    const std::vector<int64_t> minimum = bound(OptProfileSelector::kMIN);
    const std::vector<int64_t> maximum = bound(OptProfileSelector::kMAX);
    if (minimum.size() != dims.size() || maximum.size() != dims.size()) {
        return false;
    }
    for (size_t axis = 0; axis < dims.size(); ++axis) {
        if (dims[axis] < minimum[axis] || dims[axis] > maximum[axis]) {
            return false;
        }
    }
    return true;
}

#if PB_TRT_HAS_NAMED_BINDINGS

std::vector<TensorDescription> describeTensors(const nvinfer1::ICudaEngine& engine) {
    std::vector<TensorDescription> tensors;
    for (int32_t i = 0; i < engine.getNbIOTensors(); ++i) {
        const char* name = engine.getIOTensorName(i);
        tensors.push_back({name, typeOf(engine.getTensorDataType(name)),
                           engine.getTensorIOMode(name) == nvinfer1::TensorIOMode::kINPUT,
                           engine.isShapeInferenceIO(name), textOrNothing(engine.getTensorFormatDesc(name)),
                           sizesOf(engine.getTensorShape(name))});
    }
    return tensors;
}

bool EngineContext::setInputShape(size_t tensor, const nvinfer1::Dims& dims) {
    return mContext->setInputShape(nameOf(tensor), dims);
}

bool EngineContext::setShapeValues(size_t tensor, void* host) {
    return mContext->setTensorAddress(nameOf(tensor), host);
}

nvinfer1::Dims EngineContext::shape(size_t tensor) const { return mContext->getTensorShape(nameOf(tensor)); }

bool EngineContext::setAddress(size_t tensor, void* address) {
    return mContext->setTensorAddress(nameOf(tensor), address);
}

bool EngineContext::enqueue(cudaStream_t stream) { return mContext->enqueueV3(stream); }

#else

std::vector<TensorDescription> describeTensors(const nvinfer1::ICudaEngine& engine) {
    std::vector<TensorDescription> tensors;
    const int32_t count = engine.getNbBindings() / engine.getNbOptimizationProfiles();
    for (int32_t i = 0; i < count; ++i) {
        tensors.push_back({engine.getBindingName(i), typeOf(engine.getBindingDataType(i)), engine.bindingIsInput(i),
                           engine.isShapeBinding(i), textOrNothing(engine.getBindingFormatDesc(i)),
                           sizesOf(engine.getBindingDimensions(i))});
    }
    return tensors;
}

bool EngineContext::setInputShape(size_t tensor, const nvinfer1::Dims& dims) {
    return mContext->setBindingDimensions(indexOf(tensor), dims);
}

bool EngineContext::setShapeValues(size_t tensor, void* host) {
    mAddresses[static_cast<size_t>(indexOf(tensor))] = host;
    return mContext->setInputShapeBinding(indexOf(tensor), static_cast<const int32_t*>(host));
}

nvinfer1::Dims EngineContext::shape(size_t tensor) const { return mContext->getBindingDimensions(indexOf(tensor)); }

bool EngineContext::setAddress(size_t tensor, void* address) {
    mAddresses[static_cast<size_t>(indexOf(tensor))] = address;
    return true;
}

bool EngineContext::enqueue(cudaStream_t stream) { return mContext->enqueueV2(mAddresses.data(), stream, nullptr); }

#endif

} // namespace precision_bench

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
