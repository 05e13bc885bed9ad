//! \file engine.h
//! \brief An engine that runs: its bindings, its memory, its timings.
#pragma once

#include "cuda_driver.h"
#include "engine_api.h"
#include "engine_context.h"
#include "library.h"
#include "reporter.h"
#include "trt.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace precision_bench {

//! \brief A deserialized engine with one execution context.
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
    //! Memory of one tensor, on the host and, unless it holds a shape, on the GPU.
    struct Binding {
        Binding(std::vector<int64_t> sizes, size_t byteCount, bool isOnGpu);
        void* address() const;
        std::vector<int64_t> dims;
        size_t bytes;
        PinnedMemory host;
        std::unique_ptr<DeviceMemory> device;
    };

    //! A part of a run, between two marks in one stream.
    struct Span {
        Event start, end;
        float milliseconds() const { return end.millisecondsSince(start); }
    };

    Engine(Library& library, std::unique_ptr<nvinfer1::ICudaEngine> engine, std::unique_ptr<EngineContext> context);

    cudaStream_t stream() const { return reinterpret_cast<cudaStream_t>(mStream.get()); }
    size_t tensorNamed(const char* name) const;
    //! The first profile that has all of the sizes. \return -1 where none has
    int32_t profileFor(const PbInputShape* inputs, size_t count) const;
    //! Sets the sizes of one input, and the values where it holds a shape.
    PbStatus bindInput(const PbInputShape& input, Reporter& reporter);
    //! Makes the memory of a tensor whose sizes follow from the inputs.
    PbStatus bindTensor(size_t tensor, Reporter& reporter);
    //! A fresh context over the same bindings, or null.
    std::unique_ptr<EngineContext> boundContext(nvinfer1::IProfiler* profiler) const;
    PbStatus requireBindings(Reporter& reporter) const;
    void copyInputs(const Stream& stream) const;
    void copyOutputs(const Stream& stream) const;
    bool enqueue() { return mContext->enqueue(stream()); }
    //! One run with the GPU's clock at its parts. \return false where TensorRT refuses
    bool timedRun(const PbMeasureRequest& request, bool replay, PbRunTime& time);
    //! Makes the graph if there is none for these bindings. \return whether there is one
    bool recordGraph();

    Library& mLibrary;
    std::unique_ptr<nvinfer1::ICudaEngine> mEngine;
    std::unique_ptr<EngineContext> mContext;
    int32_t mProfile = 0; //!< The one that the bindings are of.
    Stream mStream;       //!< Computes.
    //! Copies of timed runs, as in trtexec: events on either side of a copy and of the computation are of one stream
    //! each, so neither time holds what the GPU needs to hand over from its copy engine to its processors.
    Stream mCopies;
    Span mInputs, mCompute, mOutputs;
    Event mDone{CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING}; //!< The end of a run, to sleep until.
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
