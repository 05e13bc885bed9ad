//! \file engine_context.h
//! \brief An execution context whose tensors are numbered, over TensorRT's two ways to address them.
#pragma once

#include "engine_api.h"
#include "trt.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace precision_bench {

//! A binding as the engine declares it.
struct TensorDescription {
    std::string name;
    PbDataType type;
    bool isInput;
    bool holdsShape; //!< Its values are needed on the host before the run.
    std::string format;
    std::vector<int64_t> dims;
};

//! The tensors of an engine, in the order in which EngineContext numbers them.
std::vector<TensorDescription> describeTensors(const nvinfer1::ICudaEngine& engine);

//! \brief An execution context.
//!
//! TensorRT 8 addresses tensors by binding index, with a range of indices for each optimization profile; 8.5 brought
//! names, and 10 took the indices away.
class EngineContext {
public:
    //! \return null when TensorRT refuses, as it does without memory
    static std::unique_ptr<EngineContext> create(nvinfer1::ICudaEngine& engine);

    nvinfer1::IExecutionContext& get() const { return *mContext; }

    bool setProfile(int32_t profile, cudaStream_t stream);
    //! Whether \p profile has \p dims for the input; sizes of a profile are in its declaration.
    bool takes(int32_t profile, size_t tensor, const std::vector<int64_t>& dims) const;
    bool setInputShape(size_t tensor, const nvinfer1::Dims& dims);
    //! For inputs that hold a shape; \p host stays there until the run is over.
    bool setShapeValues(size_t tensor, void* host);
    nvinfer1::Dims shape(size_t tensor) const;
    //! \p address is of the GPU, or of the host for tensors that hold a shape
    bool setAddress(size_t tensor, void* address);
    bool enqueue(cudaStream_t stream);

private:
    EngineContext(nvinfer1::ICudaEngine& engine, std::unique_ptr<nvinfer1::IExecutionContext> context);

    nvinfer1::ICudaEngine& mEngine;
    std::unique_ptr<nvinfer1::IExecutionContext> mContext;
#if PB_TRT_HAS_NAMED_BINDINGS
    const char* nameOf(size_t tensor) const { return mEngine.getIOTensorName(static_cast<int32_t>(tensor)); }
#else
    int32_t indexOf(size_t tensor) const { return mFirst + static_cast<int32_t>(tensor); }

    int32_t mPerProfile = 0;
    int32_t mFirst = 0; //!< Index of the chosen profile's first tensor.
    std::vector<void*> mAddresses;
#endif
};

} // namespace precision_bench
