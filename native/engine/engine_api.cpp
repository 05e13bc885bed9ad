//! \file engine_api.cpp
//! \brief The flavour's function table. Every exception ends here.
#include "engine_api.h"

#include "builder.h"
#include "cuda_driver.h"
#include "engine.h"
#include "gpu.h"
#include "library.h"
#include "reporter.h"
#include "trt.h"

#include <exception>
#include <memory>
#include <new>
#include <string>

#if defined(_WIN32)
#define PB_EXPORT extern "C" __declspec(dllexport)
#else
#define PB_EXPORT extern "C" __attribute__((visibility("default")))
#endif

using precision_bench::CudaError;
using precision_bench::Library;
using precision_bench::Logger;
using precision_bench::Reporter;

//! The C name of precision_bench::Library.
struct PbLibrary {
    std::unique_ptr<Library> library;
};

namespace {

//! Runs \p work and turns an exception into PB_INTERNAL.
template <typename Work>
PbStatus guarded(const PbReporter* target, Work work) noexcept {
    try {
        Reporter reporter(*target);
        return work(reporter);
    } catch (const CudaError& error) {
        target->failure(target->user, error.what());
        return error.isOutOfMemory() ? PB_NO_MEMORY : PB_GPU;
    } catch (const std::bad_alloc&) {
        target->failure(target->user, "There is not enough memory.");
        return PB_NO_MEMORY;
    } catch (const std::exception& error) {
        target->failure(target->user, error.what());
    } catch (...) {
        target->failure(target->user, "An unknown exception.");
    }
    return PB_INTERNAL;
}

PbStatus openLibrary(const PbLibraryPaths* paths, const PbReporter* target, PbLibrary** opened) {
    return guarded(target, [&](Reporter& reporter) {
        std::unique_ptr<Library> library = Library::open(*paths, reporter);
        if (library == nullptr) {
            return PB_LIBRARY;
        }
        *opened = new PbLibrary{std::move(library)};
        return PB_OK;
    });
}

void closeLibrary(PbLibrary* library) { delete library; }

PbStatus describeLibrary(PbLibrary* opened, const PbReporter* target, PbLibraryInfo* info) {
    return guarded(target, [&](Reporter& reporter) {
        Library& library = *opened->library;
        const std::lock_guard<std::mutex> lock(library.buildMutex());
        const Logger::Scope logs(library.logger(), reporter);
        info->version = library.version();
        info->hasBuilder = library.builder() != nullptr ? 1 : 0;
        info->computeCapabilities = library.computeCapabilities().data();
        info->computeCapabilityCount = library.computeCapabilities().size();
        return PB_OK;
    });
}

PbStatus build(PbLibrary* library, const PbBuildRequest* request, const PbReporter* target, PbBuildResult* result) {
    return guarded(target, [&](Reporter& reporter) {
        return precision_bench::buildEngine(*library->library, *request, reporter, *result);
    });
}

PbStatus describeGpu(const PbReporter* target, PbGpuInfo* info) {
    return guarded(target, [&](Reporter&) {
        *info = precision_bench::describeGpu();
        return PB_OK;
    });
}

} // namespace

//! The C name of precision_bench::Engine.
struct PbEngine {
    std::unique_ptr<precision_bench::Engine> engine;
};

namespace {

//! Runs \p work with the library's lock held and its log going to the caller.
template <typename Work>
PbStatus withEngine(PbEngine* opened, const PbReporter* target, Work work) noexcept {
    return guarded(target, [&](Reporter& reporter) {
        Library& library = opened->engine->library();
        const std::lock_guard<std::mutex> lock(library.buildMutex());
        const Logger::Scope logs(library.logger(), reporter);
        return work(*opened->engine, reporter);
    });
}

PbStatus openEngine(PbLibrary* opened, const char* path, const PbReporter* target, PbEngine** engine) {
    return guarded(target, [&](Reporter& reporter) {
        Library& library = *opened->library;
        const std::lock_guard<std::mutex> lock(library.buildMutex());
        const Logger::Scope logs(library.logger(), reporter);
        // PB_ENGINE or PB_RUN, as open() reported.
        PbStatus status = PB_ENGINE;
        std::unique_ptr<precision_bench::Engine> made = precision_bench::Engine::open(library, path, reporter, status);
        if (made == nullptr) {
            return status;
        }
        *engine = new PbEngine{std::move(made)};
        return PB_OK;
    });
}

void closeEngine(PbEngine* opened) {
    // Memory of the GPU is given back by the thread that closes.
    const PbReporter silent = {nullptr,
                               [](void*, PbSeverity, const char*) {},
                               [](void*, const char*, double) {},
                               [](void*, const PbParserError*) {},
                               [](void*, const char*) {},
                               [](void*) { return 0; }};
    withEngine(opened, &silent, [](precision_bench::Engine&, Reporter&) {
        precision_bench::CudaDriver::get().useContext();
        return PB_OK;
    });
    delete opened;
}

PbStatus describeEngine(PbEngine* opened, const PbReporter* target, PbEngineInfo* info) {
    return withEngine(opened, target, [&](precision_bench::Engine& engine, Reporter&) {
        *info = engine.describe();
        return PB_OK;
    });
}

PbStatus bindEngine(PbEngine* opened, const PbInputShape* inputs, size_t inputCount, const PbReporter* target,
                    const PbBinding** bindings, size_t* bindingCount) {
    return withEngine(opened, target, [&](precision_bench::Engine& engine, Reporter& reporter) {
        const PbStatus status = engine.bind(inputs, inputCount, reporter);
        *bindings = engine.bindings().data();
        *bindingCount = engine.bindings().size();
        return status;
    });
}

PbStatus runEngine(PbEngine* opened, const PbReporter* target) {
    return withEngine(opened, target,
                      [](precision_bench::Engine& engine, Reporter& reporter) { return engine.run(reporter); });
}

PbStatus measureEngine(PbEngine* opened, const PbMeasureRequest* request, const PbReporter* target,
                       PbMeasureResult* result) {
    return withEngine(opened, target, [&](precision_bench::Engine& engine, Reporter& reporter) {
        return engine.measure(*request, reporter, *result);
    });
}

PbStatus profileEngine(PbEngine* opened, int64_t runs, const PbReporter* target, const PbLayerTime** layers,
                       size_t* layerCount) {
    return withEngine(opened, target, [&](precision_bench::Engine& engine, Reporter& reporter) {
        const PbStatus status = engine.profile(runs, reporter);
        *layers = engine.layerTimes().data();
        *layerCount = engine.layerTimes().size();
        return status;
    });
}

PbStatus inspectEngine(PbEngine* opened, const PbReporter* target, const char** json) {
    return withEngine(opened, target, [&](precision_bench::Engine& engine, Reporter& reporter) {
        *json = engine.inspect(reporter);
        return *json != nullptr ? PB_OK : PB_RUN;
    });
}

#define PB_TEXT_OF(number) #number
#define PB_TEXT(number) PB_TEXT_OF(number)

#if PB_TRT_RTX
#define PB_FLAVOUR "rtx"
#else
#define PB_FLAVOUR PB_TEXT(NV_TENSORRT_MAJOR)
#endif

// The version macros of some majors expand to other macros, hence the two steps.
constexpr const char* kHeaderVersion =
    PB_TEXT(NV_TENSORRT_MAJOR) "." PB_TEXT(NV_TENSORRT_MINOR) "." PB_TEXT(NV_TENSORRT_PATCH);

const PbEngineApi kApi = {
    PB_ENGINE_API_VERSION, PB_FLAVOUR,    kHeaderVersion, openLibrary,    closeLibrary, describeLibrary, build,
    describeGpu,           openEngine,    closeEngine,    describeEngine, bindEngine,   runEngine,       measureEngine,
    profileEngine,         inspectEngine,
};

} // namespace

PB_EXPORT const PbEngineApi* pb_engine_api(void) { return &kApi; }
