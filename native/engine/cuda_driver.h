//! \file cuda_driver.h
//! \brief The CUDA driver, opened at run time: no CUDA runtime, so the same binary serves every driver.
#pragma once

#include "common/shared_library.h"

#include <cstddef>
#include <cstdint>
#include <cuda.h>
#include <stdexcept>
#include <string>
#include <utility>

namespace precision_bench {

//! No GPU, no driver, or an error that the driver reported.
class CudaError : public std::runtime_error {
public:
    explicit CudaError(const std::string& reason, bool isOutOfMemory = false)
        : std::runtime_error(reason), mIsOutOfMemory(isOutOfMemory) {}

    bool isOutOfMemory() const { return mIsOutOfMemory; }

private:
    bool mIsOutOfMemory;
};

//! \brief The driver's entry points and the primary context of the first GPU, which TensorRT uses too.
//!
//! Made once per process and kept: a driver does not survive being unloaded.
class CudaDriver {
public:
    //! \throws CudaError where there is no driver or no GPU; the next call tries again
    static const CudaDriver& get();

    CUdevice device() const { return mDevice; }
    //! Makes the primary context current on this thread, as every thread has to before it calls the driver.
    void useContext() const { check(mSetContext(mContext), "cuCtxSetCurrent"); }
    //! \throws CudaError unless \p result is success
    void check(CUresult result, const char* call) const;

    decltype(&::cuDriverGetVersion) driverGetVersion = nullptr;
    decltype(&::cuDeviceGetName) deviceGetName = nullptr;
    decltype(&::cuDeviceGetAttribute) deviceGetAttribute = nullptr;
    decltype(&::cuDeviceGetPCIBusId) deviceGetPciBusId = nullptr;
    decltype(&::cuDeviceTotalMem) deviceTotalMem = nullptr;
    decltype(&::cuMemAlloc) memAlloc = nullptr;
    decltype(&::cuMemFree) memFree = nullptr;
    decltype(&::cuMemHostAlloc) memHostAlloc = nullptr;
    decltype(&::cuMemFreeHost) memFreeHost = nullptr;
    decltype(&::cuMemcpyHtoD) memcpyHtoD = nullptr;
    decltype(&::cuMemcpyHtoDAsync) memcpyHtoDAsync = nullptr;
    decltype(&::cuMemcpyDtoHAsync) memcpyDtoHAsync = nullptr;
    decltype(&::cuStreamCreate) streamCreate = nullptr;
    decltype(&::cuStreamDestroy) streamDestroy = nullptr;
    decltype(&::cuStreamSynchronize) streamSynchronize = nullptr;
    decltype(&::cuStreamWaitEvent) streamWaitEvent = nullptr;
    decltype(&::cuStreamBeginCapture) streamBeginCapture = nullptr;
    decltype(&::cuStreamEndCapture) streamEndCapture = nullptr;
    decltype(&::cuEventCreate) eventCreate = nullptr;
    decltype(&::cuEventDestroy) eventDestroy = nullptr;
    decltype(&::cuEventRecord) eventRecord = nullptr;
    decltype(&::cuEventSynchronize) eventSynchronize = nullptr;
    decltype(&::cuEventQuery) eventQuery = nullptr;
    decltype(&::cuEventElapsedTime) eventElapsedTime = nullptr;
    decltype(&::cuGraphInstantiateWithFlags) graphInstantiate = nullptr;
    decltype(&::cuGraphDestroy) graphDestroy = nullptr;
    decltype(&::cuGraphExecDestroy) graphExecDestroy = nullptr;
    decltype(&::cuGraphLaunch) graphLaunch = nullptr;

private:
    explicit CudaDriver(SharedLibrary library);

    template <typename Function>
    void load(Function*& function, const char* name);

    SharedLibrary mLibrary;
    decltype(&::cuGetErrorName) mGetErrorName = nullptr;
    decltype(&::cuCtxSetCurrent) mSetContext = nullptr;
    CUdevice mDevice = 0;
    CUcontext mContext = nullptr;
};

//! Memory of the GPU.
class DeviceMemory {
public:
    explicit DeviceMemory(size_t bytes);
    ~DeviceMemory() { CudaDriver::get().memFree(mAddress); }
    DeviceMemory(const DeviceMemory&) = delete;
    DeviceMemory& operator=(const DeviceMemory&) = delete;

    CUdeviceptr address() const { return mAddress; }

private:
    CUdeviceptr mAddress = 0;
};

//! Page-locked memory of the host, from which copies run at full speed and beside other work.
class PinnedMemory {
public:
    explicit PinnedMemory(size_t bytes);
    ~PinnedMemory() { CudaDriver::get().memFreeHost(mAddress); }
    PinnedMemory(const PinnedMemory&) = delete;
    PinnedMemory& operator=(const PinnedMemory&) = delete;

    void* address() const { return mAddress; }

private:
    void* mAddress = nullptr;
};

class Event;

//! A queue of work for the GPU.
class Stream {
public:
    Stream();
    ~Stream() { CudaDriver::get().streamDestroy(mStream); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    CUstream get() const { return mStream; }
    void synchronize() const;
    //! What is put into this stream from here on begins once \p event has happened in its own.
    void waitFor(const Event& event) const;

private:
    CUstream mStream = nullptr;
};

//! A mark in a stream whose time the GPU takes, or that a thread sleeps until. One mark is not for both: the interrupt
//! that ends a sleep is work of the GPU, which a measured interval must not contain.
class Event {
public:
    //! \param flags CU_EVENT_BLOCKING_SYNC for one to sleep until
    explicit Event(unsigned flags = CU_EVENT_DEFAULT);
    ~Event() { CudaDriver::get().eventDestroy(mEvent); }
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    CUevent get() const { return mEvent; }
    void record(const Stream& stream) const;
    void synchronize() const;
    //! Polls until the GPU is there: hears of it microseconds earlier and takes a core of the processor.
    void spin() const;
    float millisecondsSince(const Event& earlier) const;

private:
    CUevent mEvent = nullptr;
};

//! Work recorded from a stream, launched as one.
class RecordedGraph {
public:
    //! Takes what \p enqueue puts into \p stream. \return false, with isRecorded() false, where it cannot be recorded
    template <typename Enqueue>
    bool record(const Stream& stream, Enqueue enqueue) {
        begin(stream);
        const bool enqueued = enqueue();
        return end(stream) && enqueued;
    }
    RecordedGraph() = default;
    ~RecordedGraph() { reset(); }
    RecordedGraph(const RecordedGraph&) = delete;
    RecordedGraph& operator=(const RecordedGraph&) = delete;

    bool isRecorded() const { return mGraph != nullptr; }
    void launch(const Stream& stream) const;
    void reset();

private:
    void begin(const Stream& stream);
    bool end(const Stream& stream);

    CUgraphExec mGraph = nullptr;
};

} // namespace precision_bench
