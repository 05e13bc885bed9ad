//! \file engine_api.cpp
//! \brief The flavour's function table. Every exception ends here.
#include "engine_api.h"

#include "builder.h"
#include "library.h"
#include "reporter.h"
#include "trt.h"

#include <exception>
#include <string>

#if defined(_WIN32)
#define PB_EXPORT extern "C" __declspec(dllexport)
#else
#define PB_EXPORT extern "C" __attribute__((visibility("default")))
#endif

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
    PB_ENGINE_API_VERSION, PB_FLAVOUR, kHeaderVersion, openLibrary, closeLibrary, describeLibrary, build,
};

} // namespace

PB_EXPORT const PbEngineApi* pb_engine_api(void) { return &kApi; }
