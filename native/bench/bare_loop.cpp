//! \file bare_loop.cpp
//! \brief The shortest loop that runs an engine: what our runner's latency is held against (overhead at most 1 %).
//!
//!     bare_loop LIBNVINFER ENGINE [--graph] [--seconds 3] [--runs 100] [--batch 1]
//!
//! It shares no code with native/engine: TensorRT and the CUDA driver are called as in a textbook. Inputs stay on the
//! GPU and are zero. Prints one line of JSON with the GPU's time of a run in ms, between events around the computation
//! alone.
#include <NvInfer.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cuda.h>
#include <dlfcn.h>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace {

[[noreturn]] void die(const std::string& reason) {
    std::fprintf(stderr, "%s\n", reason.c_str());
    std::exit(1);
}

void* cuda() {
    static void* library = dlopen("libcuda.so.1", RTLD_NOW);
    return library;
}

//! A call of the driver that must succeed.
template <typename Function, typename... Arguments>
void call(const char* name, Arguments... arguments) {
    const auto function = reinterpret_cast<Function*>(dlsym(cuda(), name));
    if (function == nullptr || function(arguments...) != CUDA_SUCCESS) {
        die(std::string(name) + " failed");
    }
}
#define CUDA(function, name, ...) call<decltype(function)>(name, __VA_ARGS__)

class Silent final : public nvinfer1::ILogger {
    void log(Severity severity, const char* message) noexcept override {
        if (severity <= Severity::kERROR) {
            std::fprintf(stderr, "%s\n", message);
        }
    }
};

struct Options {
    bool graph = false;
    double seconds = 3;
    size_t runs = 100;
    int64_t batch = 1;
};

Options readOptions(int count, char** arguments) {
    Options options;
    for (int i = 3; i < count; ++i) {
        const std::string name = arguments[i];
        if (name == "--graph") {
            options.graph = true;
        } else if (i + 1 < count) {
            const double value = std::strtod(arguments[++i], nullptr);
            options.seconds = name == "--seconds" ? value : options.seconds;
            options.runs = name == "--runs" ? static_cast<size_t>(value) : options.runs;
            options.batch = name == "--batch" ? static_cast<int64_t>(value) : options.batch;
        }
    }
    return options;
}

size_t bytesPerElement(nvinfer1::DataType type) {
    switch (type) {
    case nvinfer1::DataType::kINT64:
        return 8;
    case nvinfer1::DataType::kHALF:
    case nvinfer1::DataType::kBF16:
        return 2;
    case nvinfer1::DataType::kINT8:
    case nvinfer1::DataType::kUINT8:
    case nvinfer1::DataType::kBOOL:
        return 1;
    default:
        return 4;
    }
}

//! Sizes and memory of every tensor. A size that the engine leaves open is the batch on the first axis, else that of
//! kOPT.
void bind(const nvinfer1::ICudaEngine& engine, nvinfer1::IExecutionContext& context, int64_t batch) {
    for (const auto mode : {nvinfer1::TensorIOMode::kINPUT, nvinfer1::TensorIOMode::kOUTPUT}) {
        for (int32_t i = 0; i < engine.getNbIOTensors(); ++i) {
            const char* name = engine.getIOTensorName(i);
            if (engine.getTensorIOMode(name) != mode) {
                continue;
            }
            if (mode == nvinfer1::TensorIOMode::kINPUT) {
                nvinfer1::Dims dims = engine.getTensorShape(name);
                const nvinfer1::Dims usual = engine.getProfileShape(name, 0, nvinfer1::OptProfileSelector::kOPT);
                for (int32_t axis = 0; axis < dims.nbDims; ++axis) {
                    dims.d[axis] = dims.d[axis] >= 0 ? dims.d[axis] : axis == 0 ? batch : usual.d[axis];
                }
                if (!context.setInputShape(name, dims)) {
                    die(std::string("no such shape of ") + name);
                }
            }
            const nvinfer1::Dims dims = context.getTensorShape(name);
            size_t bytes = bytesPerElement(engine.getTensorDataType(name));
            for (int32_t axis = 0; axis < dims.nbDims; ++axis) {
                bytes *= static_cast<size_t>(dims.d[axis]);
            }
            CUdeviceptr memory = 0;
            CUDA(cuMemAlloc, "cuMemAlloc_v2", &memory, std::max<size_t>(bytes, 1));
            const std::vector<char> zeros(bytes, 0);
            CUDA(cuMemcpyHtoD, "cuMemcpyHtoD_v2", memory, static_cast<const void*>(zeros.data()), bytes);
            context.setTensorAddress(name, reinterpret_cast<void*>(memory));
        }
    }
}

} // namespace

int main(int count, char** arguments) {
    if (count < 3) {
        die("bare_loop LIBNVINFER ENGINE [--graph] [--seconds S] [--runs N] [--batch N]");
    }
    const Options options = readOptions(count, arguments);
    void* infer = dlopen(arguments[1], RTLD_NOW);
    if (infer == nullptr || cuda() == nullptr) {
        die(dlerror());
    }
    CUdevice device = 0;
    CUcontext primary = nullptr;
    CUDA(cuInit, "cuInit", 0U);
    CUDA(cuDeviceGet, "cuDeviceGet", &device, 0);
    CUDA(cuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain", &primary, device);
    CUDA(cuCtxSetCurrent, "cuCtxSetCurrent", primary);

    Silent logger;
    const auto version = reinterpret_cast<int32_t (*)()>(dlsym(infer, "getInferLibVersion"));
    const auto create = reinterpret_cast<void* (*)(void*, int32_t)>(dlsym(infer, "createInferRuntime_INTERNAL"));
    const std::unique_ptr<nvinfer1::IRuntime> runtime(static_cast<nvinfer1::IRuntime*>(create(&logger, version())));
    std::ifstream file(arguments[2], std::ios::binary);
    const std::vector<char> plan{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const std::unique_ptr<nvinfer1::ICudaEngine> engine(runtime->deserializeCudaEngine(plan.data(), plan.size()));
    if (engine == nullptr) {
        die("the engine is refused");
    }
    const std::unique_ptr<nvinfer1::IExecutionContext> context(engine->createExecutionContext());
    bind(*engine, *context, options.batch);

    CUstream stream = nullptr;
    CUevent start = nullptr;
    CUevent end = nullptr;
    CUDA(cuStreamCreate, "cuStreamCreate", &stream, static_cast<unsigned>(CU_STREAM_NON_BLOCKING));
    CUDA(cuEventCreate, "cuEventCreate", &start, static_cast<unsigned>(CU_EVENT_DEFAULT));
    CUDA(cuEventCreate, "cuEventCreate", &end, static_cast<unsigned>(CU_EVENT_DEFAULT));
    const auto enqueue = [&] { return context->enqueueV3(reinterpret_cast<cudaStream_t>(stream)); };
    if (!enqueue()) {
        die("the engine does not run");
    }
    CUDA(cuStreamSynchronize, "cuStreamSynchronize", stream);
    CUgraphExec graph = nullptr;
    if (options.graph) {
        CUgraph recorded = nullptr;
        CUDA(cuStreamBeginCapture, "cuStreamBeginCapture_v2", stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
        enqueue();
        CUDA(cuStreamEndCapture, "cuStreamEndCapture", stream, &recorded);
        CUDA(cuGraphInstantiateWithFlags, "cuGraphInstantiateWithFlags", &graph, recorded, 0ULL);
    }
    const auto elapsed = reinterpret_cast<CUresult (*)(float*, CUevent, CUevent)>(dlsym(cuda(), "cuEventElapsedTime"));
    const auto run = [&] {
        CUDA(cuEventRecord, "cuEventRecord", start, stream);
        if (graph != nullptr) {
            CUDA(cuGraphLaunch, "cuGraphLaunch", graph, stream);
        } else {
            enqueue();
        }
        CUDA(cuEventRecord, "cuEventRecord", end, stream);
        CUDA(cuEventSynchronize, "cuEventSynchronize", end);
        float milliseconds = 0;
        elapsed(&milliseconds, start, end);
        return milliseconds;
    };
    using Clock = std::chrono::steady_clock;
    const auto since = [](Clock::time_point from) {
        return std::chrono::duration<double>(Clock::now() - from).count();
    };
    for (const auto from = Clock::now(); since(from) < 0.5;) {
        run();
    }
    std::vector<float> times;
    for (const auto from = Clock::now(); times.size() < options.runs || since(from) < options.seconds;) {
        times.push_back(run());
    }
    std::sort(times.begin(), times.end());
    std::printf("{\"runs\": %zu, \"medianMs\": %.5f, \"p99Ms\": %.5f, \"cudaGraph\": %s}\n", times.size(),
                times[times.size() / 2], times[times.size() * 99 / 100], options.graph ? "true" : "false");
    return 0;
}
