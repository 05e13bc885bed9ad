#include "builder.h"

#include "atomic_file.h"
#include "build_options.h"
#include "calibrator.h"
#include "network_options.h"
#include "progress_monitor.h"
#include "timing_cache.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace precision_bench {
namespace {

double secondsSince(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::unique_ptr<nvinfer1::INetworkDefinition> createNetwork(nvinfer1::IBuilder& builder, PbTyping typing) {
    uint32_t flags = 0;
    (void)typing;
#if !PB_TRT_HAS_STRONG_TYPING
    flags |= 1U << static_cast<uint32_t>(nvinfer1::NetworkDefinitionCreationFlag::kEXPLICIT_BATCH);
#elif !PB_TRT_ONLY_STRONG_TYPING
    if (typing == PB_STRONG) {
        flags |= 1U << static_cast<uint32_t>(nvinfer1::NetworkDefinitionCreationFlag::kSTRONGLY_TYPED);
    }
#endif
    return std::unique_ptr<nvinfer1::INetworkDefinition>(builder.createNetworkV2(flags));
}

void reportParserError(const nvonnxparser::IParserError& error, Reporter& reporter) {
    PbParserError plain = {};
    plain.code = static_cast<int32_t>(error.code());
    plain.nodeIndex = error.node();
    plain.reason = error.desc();
    std::string stack;
#if PB_TRT_HAS_PARSER_NODE_NAMES
    plain.nodeName = error.nodeName();
    plain.nodeOperator = error.nodeOperator();
    for (int32_t i = 0; i < error.localFunctionStackSize(); ++i) {
        stack += (i == 0 ? "" : " > ") + std::string(error.localFunctionStack()[i]);
    }
#endif
    plain.functionStack = stack.c_str();
    reporter.parserError(plain);
}

PbStatus parse(nvonnxparser::IParser& parser, const PbBuildRequest& request, Reporter& reporter) {
    const int verbosity = static_cast<int>(nvinfer1::ILogger::Severity::kWARNING);
    if (parser.parseFromFile(request.onnxPath, verbosity)) {
        return PB_OK;
    }
    const int count = parser.getNbErrors();
    for (int i = 0; i < count; ++i) {
        reportParserError(*parser.getError(i), reporter);
    }
    return reporter.fail(PB_PARSE, "The ONNX parser refused " + std::string(request.onnxPath) + " with " +
                                       std::to_string(count) + (count == 1 ? " error." : " errors."));
}

std::unique_ptr<nvinfer1::IHostMemory> serialize(nvinfer1::IBuilder& builder, nvinfer1::INetworkDefinition& network,
                                                 nvinfer1::IBuilderConfig& config, Reporter& reporter) {
#if PB_TRT_HAS_PROGRESS_MONITOR
    ProgressMonitor monitor(reporter);
    config.setProgressMonitor(&monitor);
    std::unique_ptr<nvinfer1::IHostMemory> plan(builder.buildSerializedNetwork(network, config));
    config.setProgressMonitor(nullptr);
    return plan;
#else
    reporter.progress("building", -1);
    return std::unique_ptr<nvinfer1::IHostMemory>(builder.buildSerializedNetwork(network, config));
#endif
}

//! All that the request says, on a parsed network. \return PB_OK, or another status after reporting its reason
PbStatus configure(Library& library, nvinfer1::INetworkDefinition& network, nvinfer1::IBuilderConfig& config,
                   const PbBuildRequest& request, Reporter& reporter) {
    if (const PbStatus status = setOptions(library, config, request, reporter); status != PB_OK) {
        return status;
    }
    if (const PbStatus status = addProfiles(*library.builder(), config, request, reporter); status != PB_OK) {
        return status;
    }
    return setLayerPrecisions(network, config, request, reporter);
}

//! Calibration as part of a build; nothing where the request has none.
class Calibration {
public:
    //! \return PB_OK, or another status after reporting its reason
    PbStatus prepare(nvinfer1::IBuilder& builder, nvinfer1::IBuilderConfig& config,
                     const nvinfer1::INetworkDefinition& network, const PbBuildRequest& request, Reporter& reporter) {
#if PB_TRT_HAS_CALIBRATORS
        if (request.calibrator == nullptr) {
            return PB_OK;
        }
        const PbStatus status = setCalibrationProfile(builder, config, network, *request.calibrator, reporter);
        if (status == PB_OK) {
            mFeed.emplace(*request.calibrator, network);
            mCalibrator = makeCalibrator(request.calibrator->algorithm, *mFeed);
            setCalibrator(config, mCalibrator.get());
        }
        return status;
#else
        // setOptions has refused a calibrator.
        (void)builder, (void)config, (void)network, (void)request, (void)reporter;
        return PB_OK;
#endif
    }

    int64_t batches() const {
#if PB_TRT_HAS_CALIBRATORS
        return mFeed ? mFeed->batches() : 0;
#else
        return 0;
#endif
    }

    //! Why the data could not be had; empty when it could.
    std::string failure() const {
#if PB_TRT_HAS_CALIBRATORS
        return mFeed ? mFeed->failure() : std::string();
#else
        return {};
#endif
    }

private:
#if PB_TRT_HAS_CALIBRATORS
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#endif
    static void setCalibrator(nvinfer1::IBuilderConfig& config, nvinfer1::IInt8Calibrator* calibrator) {
        config.setInt8Calibrator(calibrator);
    }

    std::optional<CalibrationFeed> mFeed;
    std::unique_ptr<nvinfer1::IInt8Calibrator> mCalibrator;
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
#endif
};

} // namespace

PbStatus buildEngine(Library& library, const PbBuildRequest& request, Reporter& reporter, PbBuildResult& result) {
    const std::lock_guard<std::mutex> lock(library.buildMutex());
    const Logger::Scope logs(library.logger(), reporter);
    const auto cancelled = [&] { return reporter.fail(PB_CANCELLED, "The build was cancelled."); };

    nvinfer1::IBuilder* builder = library.builder();
    if (builder == nullptr) {
        return reporter.fail(PB_NO_BUILDER, "TensorRT made no builder on this machine.");
    }
    // The configuration refers to the calibrator, and both to the network: they go in the reverse order.
    const std::unique_ptr<nvinfer1::INetworkDefinition> network = createNetwork(*builder, request.typing);
    Calibration calibration;
    const std::unique_ptr<nvinfer1::IBuilderConfig> config(builder->createBuilderConfig());
    if (network == nullptr || config == nullptr) {
        return reporter.fail(PB_INTERNAL, "TensorRT made no network or no configuration.");
    }

    // The parser owns the weights that the network refers to, so it lives until the engine is built.
    const std::unique_ptr<nvonnxparser::IParser> parser = library.createParser(*network);
    if (parser == nullptr) {
        return reporter.fail(PB_LIBRARY, "TensorRT made no ONNX parser.");
    }
    const auto parseStart = std::chrono::steady_clock::now();
    reporter.progress("parsing", 0);
    if (const PbStatus status = parse(*parser, request, reporter); status != PB_OK) {
        return status;
    }
    result.parseSeconds = secondsSince(parseStart);
    result.networkLayers = network->getNbLayers();

    if (const PbStatus status = configure(library, *network, *config, request, reporter); status != PB_OK) {
        return status;
    }
    // Calibration asks for the types that the graph has; only then may the bindings get others.
    if (const PbStatus status = calibration.prepare(*builder, *config, *network, request, reporter); status != PB_OK) {
        return status;
    }
    if (const PbStatus status = setBindings(*network, request, reporter); status != PB_OK) {
        return status;
    }
    describeBindings(*network, request);
    if (reporter.cancelled()) {
        return cancelled();
    }

#if PB_TRT_HAS_TIMING_CACHE
    std::optional<TimingCache> timingCache;
    if (request.timingCachePath != nullptr) {
        timingCache.emplace(*config, request.timingCachePath);
        result.timingCacheBytes = timingCache->bytesRead();
    }
#endif
    const auto buildStart = std::chrono::steady_clock::now();
    const std::unique_ptr<nvinfer1::IHostMemory> plan = serialize(*builder, *network, *config, reporter);
    result.buildSeconds = secondsSince(buildStart);
    result.calibrationBatches = calibration.batches();
    if (reporter.cancelled()) {
        return cancelled();
    }
    // TensorRT builds on without data, in FP32; that is not what was asked for.
    if (const std::string failure = calibration.failure(); !failure.empty()) {
        return reporter.fail(PB_CALIBRATION, failure);
    }
    if (plan == nullptr || plan->size() == 0) {
        return library.logger().hasRunOutOfMemory()
                   ? reporter.fail(PB_NO_MEMORY, "The builder gave no engine: there is not enough memory.")
                   : reporter.fail(PB_BUILD, "The builder gave no engine.");
    }
#if PB_TRT_HAS_TIMING_CACHE
    if (timingCache) {
        timingCache->save(reporter);
    }
#endif
    result.engineBytes = plan->size();
    const std::string failure = writeAtomically(request.enginePath, plan->data(), plan->size());
    return failure.empty() ? PB_OK : reporter.fail(PB_WRITE, failure);
}

} // namespace precision_bench
