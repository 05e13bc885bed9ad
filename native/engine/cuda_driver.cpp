#include "cuda_driver.h"

#include <algorithm>
#include <memory>
#include <mutex>

namespace precision_bench {
namespace {

#if defined(_WIN32)
constexpr const char* kDriverName = "nvcuda.dll";
#else
constexpr const char* kDriverName = "libcuda.so.1";
#endif

} // namespace

const CudaDriver& CudaDriver::get() {
    static std::mutex mutex;
    static const CudaDriver* driver = nullptr;
    const std::lock_guard<std::mutex> lock(mutex);
    if (driver == nullptr) {
        SharedLibrary library(kDriverName);
        if (!library.isOpen()) {
            throw CudaError("There is no NVIDIA driver: " + library.error() + ".");
        }
        driver = new CudaDriver(std::move(library));
    }
    return *driver;
}

template <typename Function>
void CudaDriver::load(Function*& function, const char* name) {
    function = mLibrary.function<Function>(name);
    if (function == nullptr) {
        throw CudaError(std::string("The NVIDIA driver is too old: it has no ") + name + ".");
    }
}

CudaDriver::CudaDriver(SharedLibrary library) : mLibrary(std::move(library)) {
    // The oldest names whose signatures are those of the headers: newer drivers keep them.
    decltype(&::cuInit) init = nullptr;
    decltype(&::cuDeviceGet) deviceGet = nullptr;
    decltype(&::cuDevicePrimaryCtxRetain) retainContext = nullptr;
    load(init, "cuInit");
    load(deviceGet, "cuDeviceGet");
    load(retainContext, "cuDevicePrimaryCtxRetain");
    load(mGetErrorName, "cuGetErrorName");
    load(mSetContext, "cuCtxSetCurrent");
    load(driverGetVersion, "cuDriverGetVersion");
    load(deviceGetName, "cuDeviceGetName");
    load(deviceGetAttribute, "cuDeviceGetAttribute");
    load(deviceGetPciBusId, "cuDeviceGetPCIBusId");
    load(deviceTotalMem, "cuDeviceTotalMem_v2");
    load(memAlloc, "cuMemAlloc_v2");
    load(memFree, "cuMemFree_v2");
    load(memHostAlloc, "cuMemHostAlloc");
    load(memFreeHost, "cuMemFreeHost");
    load(memcpyHtoD, "cuMemcpyHtoD_v2");
    load(memcpyHtoDAsync, "cuMemcpyHtoDAsync_v2");
    load(memcpyDtoHAsync, "cuMemcpyDtoHAsync_v2");
    load(streamCreate, "cuStreamCreate");
    load(streamDestroy, "cuStreamDestroy_v2");
    load(streamSynchronize, "cuStreamSynchronize");
    load(streamWaitEvent, "cuStreamWaitEvent");
    load(streamBeginCapture, "cuStreamBeginCapture_v2");
    load(streamEndCapture, "cuStreamEndCapture");
    load(eventCreate, "cuEventCreate");
    load(eventDestroy, "cuEventDestroy_v2");
    load(eventRecord, "cuEventRecord");
    load(eventSynchronize, "cuEventSynchronize");
    load(eventQuery, "cuEventQuery");
    load(eventElapsedTime, "cuEventElapsedTime");
    load(graphInstantiate, "cuGraphInstantiateWithFlags");
    load(graphDestroy, "cuGraphDestroy");
    load(graphExecDestroy, "cuGraphExecDestroy");
    load(graphLaunch, "cuGraphLaunch");

    check(init(0), "cuInit");
    check(deviceGet(&mDevice, 0), "cuDeviceGet");
    check(retainContext(&mContext, mDevice), "cuDevicePrimaryCtxRetain");
}

void CudaDriver::check(CUresult result, const char* call) const {
    if (result == CUDA_SUCCESS) {
        return;
    }
    const char* name = nullptr;
    mGetErrorName(result, &name);
    throw CudaError(std::string(call) + " failed: " + (name != nullptr ? name : std::to_string(result)) + ".",
                    result == CUDA_ERROR_OUT_OF_MEMORY);
}

DeviceMemory::DeviceMemory(size_t bytes) {
    const CudaDriver& cuda = CudaDriver::get();
    // An empty tensor still needs an address.
    cuda.check(cuda.memAlloc(&mAddress, std::max<size_t>(bytes, 1)), "cuMemAlloc");
}

PinnedMemory::PinnedMemory(size_t bytes) {
    const CudaDriver& cuda = CudaDriver::get();
    cuda.check(cuda.memHostAlloc(&mAddress, std::max<size_t>(bytes, 1), 0), "cuMemHostAlloc");
}

Stream::Stream() {
    const CudaDriver& cuda = CudaDriver::get();
    cuda.check(cuda.streamCreate(&mStream, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
}

void Stream::synchronize() const {
    const CudaDriver& cuda = CudaDriver::get();
    cuda.check(cuda.streamSynchronize(mStream), "cuStreamSynchronize");
}

void Stream::waitFor(const Event& event) const {
    const CudaDriver& cuda = CudaDriver::get();
    cuda.check(cuda.streamWaitEvent(mStream, event.get(), CU_EVENT_WAIT_DEFAULT), "cuStreamWaitEvent");
}

Event::Event(unsigned flags) {
    const CudaDriver& cuda = CudaDriver::get();
    cuda.check(cuda.eventCreate(&mEvent, flags), "cuEventCreate");
}

void Event::record(const Stream& stream) const {
    const CudaDriver& cuda = CudaDriver::get();
    cuda.check(cuda.eventRecord(mEvent, stream.get()), "cuEventRecord");
}

void Event::synchronize() const {
    const CudaDriver& cuda = CudaDriver::get();
    cuda.check(cuda.eventSynchronize(mEvent), "cuEventSynchronize");
}

void Event::spin() const {
    const CudaDriver& cuda = CudaDriver::get();
    CUresult result = CUDA_ERROR_NOT_READY;
    while (result == CUDA_ERROR_NOT_READY) {
        result = cuda.eventQuery(mEvent);
    }
    cuda.check(result, "cuEventQuery");
}

float Event::millisecondsSince(const Event& earlier) const {
    const CudaDriver& cuda = CudaDriver::get();
    float milliseconds = 0;
    cuda.check(cuda.eventElapsedTime(&milliseconds, earlier.mEvent, mEvent), "cuEventElapsedTime");
    return milliseconds;
}

void RecordedGraph::begin(const Stream& stream) {
    reset();
    const CudaDriver& cuda = CudaDriver::get();
    // Thread-local: other threads of the process may allocate meanwhile.
    cuda.check(cuda.streamBeginCapture(stream.get(), CU_STREAM_CAPTURE_MODE_THREAD_LOCAL), "cuStreamBeginCapture");
}

bool RecordedGraph::end(const Stream& stream) {
    const CudaDriver& cuda = CudaDriver::get();
    CUgraph recorded = nullptr;
    if (cuda.streamEndCapture(stream.get(), &recorded) != CUDA_SUCCESS || recorded == nullptr) {
        return false;
    }
    const CUresult result = cuda.graphInstantiate(&mGraph, recorded, 0);
    cuda.graphDestroy(recorded);
    if (result != CUDA_SUCCESS) {
        mGraph = nullptr;
    }
    return mGraph != nullptr;
}

void RecordedGraph::launch(const Stream& stream) const {
    const CudaDriver& cuda = CudaDriver::get();
    cuda.check(cuda.graphLaunch(mGraph, stream.get()), "cuGraphLaunch");
}

void RecordedGraph::reset() {
    if (mGraph != nullptr) {
        CudaDriver::get().graphExecDestroy(mGraph);
        mGraph = nullptr;
    }
}

} // namespace precision_bench
