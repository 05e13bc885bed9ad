//! \file engine.h
//! \brief An engine that runs: its bindings, its memory, its timings.
#pragma once

#include "engine_api.h"
#include "trt.h"

#if PB_TRT_HAS_NAMED_BINDINGS

#include "cuda_driver.h"
#include "library.h"
#include "reporter.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace precision_bench {

//! \brief A deserialized engine with one execution context and one stream.
//!
//! Order of calls: open, bind (at each change of sizes), then run, measure and profile as often as wanted. Every method
//! may throw CudaError. The library outlives its engines.
class Engine {
public:
    //! \return null with \p status set, after reporting the reason
    static std::unique_ptr<Engine> open(Library& library, const char* path, Reporter& reporter, PbStatus& status);

    Library& library() { return mLibrary; }
    PbEngineInfo describe() const;
    PbStatus bind(const PbInputShape* inputs, size_t count, Reporter& reporter);
    const std::vector<PbBinding>& bindings() const { return mPlainBindings; }
    PbStatus run(Reporter& reporter);
    PbStatus measure(const PbMeasureRequest& request, Reporter& reporter, PbMeasureResult& result);
    PbStatus profile(int64_t runs, Reporter& reporter);
    const std::vector<PbLayerTime>& layerTimes() const { return mPlainLayerTimes; }
    //! \return the inspector's JSON, or null after reporting the reason
    const char* inspect(Reporter& reporter);

private:
    struct TensorDescription {
        std::string name;
        PbDataType type;
        bool isInput;
        std::vector<int64_t> dims;
    };

    struct Binding {
        Binding(std::vector<int64_t> sizes, size_t byteCount)
            : dims(std::move(sizes)), bytes(byteCount), device(byteCount), host(byteCount) {}
        std::vector<int64_t> dims;
        size_t bytes;
        DeviceMemory device;
        PinnedMemory host;
    };

    Engine(Library& library, std::unique_ptr<nvinfer1::ICudaEngine> engine,
           std::unique_ptr<nvinfer1::IExecutionContext> context);

    //! A second context over the same bindings, or null.
    std::unique_ptr<nvinfer1::IExecutionContext> profiledContext(nvinfer1::IProfiler& profiler) const;
    PbStatus requireBindings(Reporter& reporter) const;
    void copyInputs() const;
    void copyOutputs() const;
    bool enqueue() const { return mContext->enqueueV3(reinterpret_cast<cudaStream_t>(mStream.get())); }
    //! One run with the GPU's clock at its parts. \return false where TensorRT refuses
    bool timedRun(bool replay, PbRunTime& time) const;
    //! Makes the graph if there is none for these bindings. \return whether there is one
    bool recordGraph();

    Library& mLibrary;
    std::unique_ptr<nvinfer1::ICudaEngine> mEngine;
    std::unique_ptr<nvinfer1::IExecutionContext> mContext;
    Stream mStream;
    Event mStart, mCopied, mComputed, mEnd;
    RecordedGraph mGraph;

    std::vector<TensorDescription> mTensors;
    std::vector<PbTensorInfo> mPlainTensors;
    std::vector<std::unique_ptr<Binding>> mBindings; //!< As mTensors; empty before the first bind.
    std::vector<PbBinding> mPlainBindings;
    std::vector<PbRunTime> mRunTimes;
    std::vector<std::pair<std::string, double>> mLayerTimes;
    std::vector<PbLayerTime> mPlainLayerTimes;
    std::string mInspection;
};

} // namespace precision_bench

#endif
