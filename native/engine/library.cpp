#include "library.h"

#include "compute_capability.h"

#include <string>

#if !defined(_WIN32)
#include <dlfcn.h>
#endif

namespace precision_bench {
namespace {

//! The major of getInferLibVersion(), which is major * 1000 + … before TensorRT 10 and major * 10000 + … since.
int32_t majorOf(int32_t version) { return version >= 10000 ? version / 10000 : version / 1000; }

std::string folderOf(const std::string& path) {
    const size_t slash = path.find_last_of("/\\");
    return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

#if NV_TENSORRT_MAJOR == 8 && !defined(_WIN32)

//! \brief Puts TensorRT 8's plugin library into the process, or what stands in for it.
//!
//! The parser needs it by name; it does not load without cuDNN and cuBLAS (plugin_stub.cpp).
void providePlugins(const char* parserPath, Reporter& reporter) {
    static const char kHere = 0;
    const SharedLibrary plugins(folderOf(parserPath) + "/libnvinfer_plugin.so.8");
    Dl_info self = {};
    if (plugins.isOpen() || dladdr(&kHere, &self) == 0) {
        return;
    }
    const SharedLibrary stub(folderOf(self.dli_fname) + "/pb_plugin_stub_8.so");
    if (stub.isOpen()) {
        reporter.log(PB_WARNING, ("Operators that are plugins are missing: " + plugins.error()).c_str());
    }
}

#endif

} // namespace

std::unique_ptr<Library> Library::open(const PbLibraryPaths& paths, Reporter& reporter) {
    SharedLibrary infer(paths.infer);
    if (!infer.isOpen()) {
        reporter.fail(PB_LIBRARY, infer.error());
        return nullptr;
    }
#if NV_TENSORRT_MAJOR == 8 && !defined(_WIN32)
    providePlugins(paths.parser, reporter);
#endif
    // The parser needs the library just opened and finds it by its name among those in the process.
    SharedLibrary parser(paths.parser);
    if (!parser.isOpen()) {
        reporter.fail(PB_LIBRARY, parser.error());
        return nullptr;
    }
    std::unique_ptr<Library> library(new Library(std::move(infer), std::move(parser)));
    auto* getVersion = library->mInfer.function<int32_t()>("getInferLibVersion");
    library->mCreateBuilder = library->mInfer.function<CreateBuilder>("createInferBuilder_INTERNAL");
    library->mCreateRuntime = library->mInfer.function<CreateRuntime>("createInferRuntime_INTERNAL");
    library->mCreateParser = library->mParser.function<CreateParser>("createNvOnnxParser_INTERNAL");
    if (getVersion == nullptr || library->mCreateBuilder == nullptr) {
        reporter.fail(PB_LIBRARY, std::string(paths.infer) + " has not the entry points of TensorRT.");
        return nullptr;
    }
    if (library->mCreateParser == nullptr) {
        reporter.fail(PB_LIBRARY, std::string(paths.parser) + " has not the entry points of TensorRT's ONNX parser.");
        return nullptr;
    }
    library->mVersion = getVersion();
    if (majorOf(library->mVersion) != NV_TENSORRT_MAJOR) {
        reporter.fail(PB_LIBRARY, std::string(paths.infer) + " is of major version " +
                                      std::to_string(majorOf(library->mVersion)) + ", this flavour serves " +
                                      std::to_string(NV_TENSORRT_MAJOR) + ".");
        return nullptr;
    }
    // Builder resources lie beside the library, where the loader would not look without LD_LIBRARY_PATH.
    if (auto* setPath = library->mInfer.function<bool(const char*)>("setInternalLibraryPath")) {
        const std::string folder = folderOf(paths.infer);
        if (!folder.empty()) {
            setPath(folder.c_str());
        }
    }
    return library;
}

bool Library::isAtLeast(int32_t major, int32_t minor) const {
    return mVersion >= (major >= 10 ? major * 10000 : major * 1000) + minor * 100;
}

nvinfer1::IBuilder* Library::builder() {
    if (mBuilder == nullptr) {
        // A library may be older than the headers and checks the number, so it is given its own.
        mBuilder.reset(static_cast<nvinfer1::IBuilder*>(mCreateBuilder(&mLogger, mVersion)));
    }
    return mBuilder.get();
}

nvinfer1::IRuntime* Library::runtime() {
    if (mRuntime == nullptr && mCreateRuntime != nullptr) {
        mRuntime.reset(static_cast<nvinfer1::IRuntime*>(mCreateRuntime(&mLogger, mVersion)));
    }
    return mRuntime.get();
}

const std::vector<int32_t>& Library::computeCapabilities() {
#if PB_TRT_HAS_COMPUTE_CAPABILITY
    if (mComputeCapabilities.empty() && builder() != nullptr) {
        const std::unique_ptr<nvinfer1::IBuilderConfig> config(builder()->createBuilderConfig());
        if (config != nullptr && config->setNbComputeCapabilities(1)) {
            for (const NamedComputeCapability& known : kComputeCapabilities) {
                if (config->setComputeCapability(known.value, 0)) {
                    mComputeCapabilities.push_back(known.number);
                }
            }
        }
    }
#endif
    return mComputeCapabilities;
}

std::unique_ptr<nvonnxparser::IParser> Library::createParser(nvinfer1::INetworkDefinition& network) {
    return std::unique_ptr<nvonnxparser::IParser>(
        static_cast<nvonnxparser::IParser*>(mCreateParser(&network, &mLogger, NV_ONNX_PARSER_VERSION)));
}

} // namespace precision_bench
