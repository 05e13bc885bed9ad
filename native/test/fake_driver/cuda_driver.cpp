//! \file cuda_driver.cpp
//! \brief A fake libcuda.so.1: memory of the host, a clock for events, and work that runs when it is enqueued.
//!
//! Enough of the driver for the engine code and the fake TensorRT: counts what is allocated, has a limit of memory,
//! records graphs. options.h says how it is steered.
#include "../fake_tensorrt/options.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <cuda.h>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#define FAKE_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

using Work = std::function<void()>;
using Clock = std::chrono::steady_clock;

struct FakeStream {
    bool isCapturing = false;
    std::vector<Work> captured;
};

struct FakeEvent {
    Clock::time_point time;
    CUstream stream = nullptr; //!< That it was recorded in.
    bool isRecorded = false;
};

struct FakeGraph {
    std::vector<Work> work;
};

struct Counters {
    std::map<void*, size_t> device;
    size_t deviceBytes = 0;
    long live = 0; //!< Allocations of both kinds, streams, events and graphs.
};

std::mutex gMutex;

Counters& counters() {
    static auto* counts = new Counters; // outlives whatever runs at the end of the process
    return *counts;
}

void count(long change) {
    const std::lock_guard<std::mutex> lock(gMutex);
    counters().live += change;
}

size_t memoryBytes() {
    const std::string limit = fake::cudaOption("memory");
    return limit.empty() ? size_t{16} << 30 : static_cast<size_t>(fake::number(limit));
}

CUresult enqueue(CUstream stream, Work work) {
    auto* queue = reinterpret_cast<FakeStream*>(stream);
    if (queue != nullptr && queue->isCapturing) {
        queue->captured.push_back(std::move(work));
    } else {
        work();
    }
    return CUDA_SUCCESS;
}

} // namespace

//! For the fake TensorRT: puts a kernel into a stream.
FAKE_EXPORT void pb_fake_cuda_launch(void* stream, void (*kernel)(void*), void* argument) {
    enqueue(static_cast<CUstream>(stream), [=] { kernel(argument); });
}

FAKE_EXPORT int pb_fake_cuda_is_capturing(void* stream) {
    return stream != nullptr && static_cast<FakeStream*>(stream)->isCapturing ? 1 : 0;
}

//! Allocations, streams, events and graphs that live.
FAKE_EXPORT long pb_fake_cuda_live() {
    const std::lock_guard<std::mutex> lock(gMutex);
    return counters().live;
}

FAKE_EXPORT size_t pb_fake_cuda_bytes() {
    const std::lock_guard<std::mutex> lock(gMutex);
    return counters().deviceBytes;
}

// The driver exports these names; cuda.h redirects the plain ones to them.
#undef cuMemAlloc
#undef cuMemFree
#undef cuMemcpyHtoD
#undef cuMemcpyHtoDAsync
#undef cuMemcpyDtoHAsync
#undef cuDeviceTotalMem
#undef cuStreamDestroy
#undef cuStreamBeginCapture
#undef cuEventDestroy
#undef cuEventElapsedTime

FAKE_EXPORT CUresult cuInit(unsigned int) {
    return fake::cudaOption("device") == "none" ? CUDA_ERROR_NO_DEVICE : CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuDeviceGet(CUdevice* device, int) {
    *device = 0;
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice) {
    static int primary = 0;
    *context = reinterpret_cast<CUcontext>(&primary);
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuCtxSetCurrent(CUcontext) { return CUDA_SUCCESS; }
FAKE_EXPORT CUresult cuGetErrorName(CUresult error, const char** name) {
    *name = error == CUDA_ERROR_OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY"
            : error == CUDA_ERROR_NO_DEVICE   ? "CUDA_ERROR_NO_DEVICE"
                                              : "CUDA_ERROR_UNKNOWN";
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuDriverGetVersion(int* version) {
    *version = static_cast<int>(fake::number(fake::cudaOption("driver", "13000")));
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuDeviceGetName(char* name, int size, CUdevice) {
    std::strncpy(name, fake::cudaOption("name", "Fake GPU").c_str(), static_cast<size_t>(size));
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuDeviceGetPCIBusId(char* id, int size, CUdevice) {
    std::strncpy(id, "0000:0A:00.0", static_cast<size_t>(size));
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice) {
    const long capability = fake::number(fake::cudaOption("sm", "90"));
    *value =
        static_cast<int>(attribute == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR ? capability / 10 : capability % 10);
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuDeviceTotalMem_v2(size_t* bytes, CUdevice) {
    *bytes = memoryBytes();
    return CUDA_SUCCESS;
}

FAKE_EXPORT CUresult cuMemAlloc_v2(CUdeviceptr* address, size_t bytes) {
    const std::lock_guard<std::mutex> lock(gMutex);
    Counters& counts = counters();
    if (counts.deviceBytes + bytes > memoryBytes()) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    void* memory = std::malloc(bytes);
    std::memset(memory, 0xcd, bytes);
    counts.device[memory] = bytes;
    counts.deviceBytes += bytes;
    ++counts.live;
    *address = reinterpret_cast<CUdeviceptr>(memory);
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuMemFree_v2(CUdeviceptr address) {
    const std::lock_guard<std::mutex> lock(gMutex);
    Counters& counts = counters();
    const auto found = counts.device.find(reinterpret_cast<void*>(address));
    if (found == counts.device.end()) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    counts.deviceBytes -= found->second;
    --counts.live;
    std::free(found->first);
    counts.device.erase(found);
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuMemHostAlloc(void** address, size_t bytes, unsigned int) {
    *address = std::malloc(bytes);
    count(1);
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuMemFreeHost(void* address) {
    std::free(address);
    count(-1);
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void* from, size_t bytes) {
    std::memcpy(reinterpret_cast<void*>(to), from, bytes);
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, size_t bytes, CUstream stream) {
    return enqueue(stream, [=] { std::memcpy(reinterpret_cast<void*>(to), from, bytes); });
}
FAKE_EXPORT CUresult cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, size_t bytes, CUstream stream) {
    return enqueue(stream, [=] { std::memcpy(to, reinterpret_cast<const void*>(from), bytes); });
}

FAKE_EXPORT CUresult cuStreamCreate(CUstream* stream, unsigned int) {
    *stream = reinterpret_cast<CUstream>(new FakeStream);
    count(1);
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuStreamDestroy_v2(CUstream stream) {
    delete reinterpret_cast<FakeStream*>(stream);
    count(-1);
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuStreamSynchronize(CUstream) { return CUDA_SUCCESS; }
FAKE_EXPORT CUresult cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode) {
    auto* queue = reinterpret_cast<FakeStream*>(stream);
    queue->isCapturing = true;
    queue->captured.clear();
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuStreamEndCapture(CUstream stream, CUgraph* graph) {
    auto* queue = reinterpret_cast<FakeStream*>(stream);
    queue->isCapturing = false;
    *graph = reinterpret_cast<CUgraph>(new FakeGraph{std::move(queue->captured)});
    queue->captured.clear();
    count(1);
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuGraphInstantiateWithFlags(CUgraphExec* executable, CUgraph graph, unsigned long long) {
    *executable = reinterpret_cast<CUgraphExec>(new FakeGraph(*reinterpret_cast<FakeGraph*>(graph)));
    count(1);
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuGraphDestroy(CUgraph graph) {
    delete reinterpret_cast<FakeGraph*>(graph);
    count(-1);
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuGraphExecDestroy(CUgraphExec graph) {
    delete reinterpret_cast<FakeGraph*>(graph);
    count(-1);
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuGraphLaunch(CUgraphExec graph, CUstream) {
    for (const Work& work : reinterpret_cast<FakeGraph*>(graph)->work) {
        work();
    }
    return CUDA_SUCCESS;
}

FAKE_EXPORT CUresult cuEventCreate(CUevent* event, unsigned int) {
    *event = reinterpret_cast<CUevent>(new FakeEvent);
    count(1);
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuEventDestroy_v2(CUevent event) {
    delete reinterpret_cast<FakeEvent*>(event);
    count(-1);
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuEventRecord(CUevent event, CUstream stream) {
    *reinterpret_cast<FakeEvent*>(event) = {Clock::now(), stream, true};
    return CUDA_SUCCESS;
}
FAKE_EXPORT CUresult cuStreamWaitEvent(CUstream, CUevent event, unsigned int) {
    return reinterpret_cast<FakeEvent*>(event)->isRecorded ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
FAKE_EXPORT CUresult cuEventSynchronize(CUevent) { return CUDA_SUCCESS; }
FAKE_EXPORT CUresult cuEventQuery(CUevent) { return CUDA_SUCCESS; }
FAKE_EXPORT CUresult cuEventElapsedTime(float* milliseconds, CUevent start, CUevent end) {
    const FakeEvent& from = *reinterpret_cast<FakeEvent*>(start);
    const FakeEvent& to = *reinterpret_cast<FakeEvent*>(end);
    // Stricter than a driver: marks in two streams also count how the GPU hands over between them.
    if (!from.isRecorded || !to.isRecorded || from.stream != to.stream) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    const auto elapsed = to.time - from.time;
    *milliseconds = std::chrono::duration<float, std::milli>(elapsed).count();
    return CUDA_SUCCESS;
}
