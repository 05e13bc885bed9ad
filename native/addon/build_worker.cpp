#include "build_worker.h"

#include "data_types.h"
#include "js_values.h"

#include <cstring>

namespace precision_bench {
namespace {

//! Progress comes thousands of times a second; nobody reads it faster than this.
constexpr std::chrono::milliseconds kProgressInterval(50);

Napi::Array parserErrorsToJs(Napi::Env env, const std::vector<ParserError>& errors) {
    Napi::Array array = Napi::Array::New(env, errors.size());
    for (size_t i = 0; i < errors.size(); ++i) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("code", errors[i].code);
        object.Set("nodeIndex", errors[i].nodeIndex);
        object.Set("nodeName", errors[i].nodeName);
        object.Set("nodeOperator", errors[i].nodeOperator);
        object.Set("reason", errors[i].reason);
        object.Set("functionStack", errors[i].functionStack);
        array.Set(static_cast<uint32_t>(i), object);
    }
    return array;
}

Napi::Array bindingsToJs(Napi::Env env, const std::vector<NetworkTensor>& tensors) {
    Napi::Array array = Napi::Array::New(env, tensors.size());
    for (size_t i = 0; i < tensors.size(); ++i) {
        const NetworkTensor& tensor = tensors[i];
        Napi::Object object = Napi::Object::New(env);
        object.Set("name", tensor.name);
        object.Set("dtype", typeName(tensor.type));
        object.Set("isInput", Napi::Boolean::New(env, tensor.isInput));
        object.Set("holdsShape", Napi::Boolean::New(env, tensor.holdsShape));
        object.Set("formats", formatsToJs(env, tensor.formats));
        object.Set("dims", integersToJs(env, tensor.dims.data(), tensor.dims.size()));
        array.Set(static_cast<uint32_t>(i), object);
    }
    return array;
}

} // namespace

BuildWorker::BuildWorker(Napi::Env env, std::shared_ptr<OpenedTensorRT> tensorrt, std::unique_ptr<BuildOptions> options,
                         const Napi::Function& onProgress, std::shared_ptr<std::atomic<bool>> cancelFlag)
    : AsyncProgressQueueWorker(env), mDeferred(Napi::Promise::Deferred::New(env)),
      mOnProgress(Napi::Persistent(onProgress)), mTensorRT(std::move(tensorrt)), mOptions(std::move(options)),
      mCancelFlag(std::move(cancelFlag)), mReport(*mCancelFlag) {}

void BuildWorker::Execute(const ExecutionProgress& progress) {
    mReport.queue = &progress;
    mStatus = mTensorRT->api().build(mTensorRT->library(), mOptions->plain(), mReport.reporter(), &mResult);
    mReport.queue = nullptr;
}

void BuildWorker::Report::onProgress(const char* phase, double fraction) {
    const auto now = std::chrono::steady_clock::now();
    if (now - mLastSent < kProgressInterval) {
        return;
    }
    mLastSent = now;
    const ProgressEvent event = {phase, fraction};
    queue->Send(&event, 1);
}

void BuildWorker::OnProgress(const ProgressEvent* events, size_t count) {
    const Napi::Env env = Env();
    const Napi::HandleScope scope(env);
    for (size_t i = 0; i < count; ++i) {
        const Napi::Value fraction =
            events[i].fraction < 0 ? env.Null() : Napi::Number::New(env, events[i].fraction).As<Napi::Value>();
        mOnProgress.Call({Napi::String::New(env, events[i].phase), fraction});
    }
}

void BuildWorker::OnOK() {
    const Napi::Env env = Env();
    const Napi::HandleScope scope(env);
    const CalibrationBridge* calibration = mOptions->calibration();
    if (mStatus == PB_CALIBRATION && calibration != nullptr && !calibration->failure(env).IsUndefined()) {
        mDeferred.Reject(calibration->failure(env)); // the data's own error says more than the build's
        return;
    }
    Napi::Object outcome = Napi::Object::New(env);
    outcome.Set("status", statusName(mStatus));
    outcome.Set("reason", mReport.failure);
    outcome.Set("parserErrors", parserErrorsToJs(env, mReport.parserErrors));
    outcome.Set("log", textsToJs(env, mReport.log));
    outcome.Set("engineBytes", static_cast<double>(mResult.engineBytes));
    outcome.Set("networkLayers", mResult.networkLayers);
    outcome.Set("parseSeconds", mResult.parseSeconds);
    outcome.Set("buildSeconds", mResult.buildSeconds);
    outcome.Set("calibrationBatches", static_cast<double>(mResult.calibrationBatches));
    outcome.Set("timingCacheBytes", static_cast<double>(mResult.timingCacheBytes));
    outcome.Set("bindings", bindingsToJs(env, mOptions->tensors()));
    outcome.Set("unknownLayers", textsToJs(env, mOptions->unknownLayers()));
    outcome.Set("calibrationCache", env.Null());
    if (calibration != nullptr && !calibration->writtenCache().empty()) {
        const std::vector<uint8_t>& cache = calibration->writtenCache();
        Napi::Uint8Array copy = Napi::Uint8Array::New(env, cache.size());
        std::memcpy(copy.Data(), cache.data(), cache.size());
        outcome.Set("calibrationCache", copy);
    }
    mDeferred.Resolve(outcome);
}

void BuildWorker::OnError(const Napi::Error& error) { mDeferred.Reject(error.Value()); }

} // namespace precision_bench
