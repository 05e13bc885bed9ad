#include "flavour.h"

namespace precision_bench {
namespace {

std::string textOf(const char* text) { return text != nullptr ? text : ""; }

const char* severityName(PbSeverity severity) {
    switch (severity) {
    case PB_ERROR:
        return "error: ";
    case PB_WARNING:
        return "warning: ";
    default:
        return "";
    }
}

} // namespace

const char* statusName(PbStatus status) {
    switch (status) {
    case PB_OK:
        return "ok";
    case PB_CANCELLED:
        return "cancelled";
    case PB_LIBRARY:
        return "library";
    case PB_NO_BUILDER:
        return "noBuilder";
    case PB_PARSE:
        return "parse";
    case PB_INVALID:
        return "invalid";
    case PB_BUILD:
        return "build";
    case PB_WRITE:
        return "write";
    case PB_GPU:
        return "gpu";
    case PB_ENGINE:
        return "engine";
    case PB_RUN:
        return "run";
    case PB_UNSUPPORTED:
        return "unsupported";
    case PB_CALIBRATION:
        return "calibration";
    case PB_NO_MEMORY:
        return "memory";
    case PB_INTERNAL:
        break;
    }
    return "internal";
}

CallReport::CallReport() {
    mReporter.user = this;
    mReporter.log = [](void* user, PbSeverity severity, const char* line) {
        auto& log = static_cast<CallReport*>(user)->log;
        log.push_back(severityName(severity) + textOf(line));
        if (log.size() > kLogLines) {
            log.pop_front();
        }
    };
    mReporter.progress = [](void* user, const char* phase, double fraction) {
        static_cast<CallReport*>(user)->onProgress(phase, fraction);
    };
    mReporter.parserError = [](void* user, const PbParserError* error) {
        static_cast<CallReport*>(user)->parserErrors.push_back({error->code, error->nodeIndex, textOf(error->nodeName),
                                                                textOf(error->nodeOperator), textOf(error->reason),
                                                                textOf(error->functionStack)});
    };
    mReporter.failure = [](void* user, const char* reason) { static_cast<CallReport*>(user)->failure = reason; };
    mReporter.cancelled = [](void* user) { return static_cast<CallReport*>(user)->isCancelled() ? 1 : 0; };
}

std::shared_ptr<OpenedTensorRT> OpenedTensorRT::open(const std::string& flavour, const std::string& infer,
                                                     const std::string& parser, std::string& reason) {
    const SharedLibrary library(flavour);
    if (!library.isOpen()) {
        reason = library.error();
        return nullptr;
    }
    auto* getApi = library.function<PbEngineApiFunction>(PB_ENGINE_API_SYMBOL);
    const PbEngineApi* api = getApi != nullptr ? getApi() : nullptr;
    if (api == nullptr || api->apiVersion != PB_ENGINE_API_VERSION) {
        reason = flavour + " is not an engine library of this version of Precision Bench.";
        return nullptr;
    }
    std::shared_ptr<OpenedTensorRT> opened(new OpenedTensorRT(library));
    opened->mApi = api;
    const PbLibraryPaths paths = {infer.c_str(), parser.c_str()};
    CallReport report;
    if (api->openLibrary(&paths, report.reporter(), &opened->mLibrary) != PB_OK) {
        reason = report.failure;
        return nullptr;
    }
    return opened;
}

OpenedTensorRT::~OpenedTensorRT() {
    if (mLibrary != nullptr) {
        mApi->closeLibrary(mLibrary);
    }
}

} // namespace precision_bench
