#include "tensorrt_binding.h"

#include "build_worker.h"
#include "engine_binding.h"
#include "flavour.h"
#include "js_values.h"

#include <memory>

namespace precision_bench {
namespace {

std::unique_ptr<BuildOptions> buildOptionsFrom(const Napi::Object& request) {
    auto options = std::make_unique<BuildOptions>();
    options->onnxPath = stringField(request, "onnx");
    options->enginePath = stringField(request, "engine");
    options->computeCapabilities = integersField<int32_t>(request, "computeCapabilities");
    const Napi::Array inputs = arrayField(request, "inputs");
    for (uint32_t i = 0; i < inputs.Length(); ++i) {
        const Napi::Object input = inputs.Get(i).ToObject();
        ProfileInput profile = {stringField(input, "name"), integersField<int64_t>(input, "min"),
                                integersField<int64_t>(input, "opt"), integersField<int64_t>(input, "max")};
        if (profile.optimum.size() != profile.minimum.size() || profile.maximum.size() != profile.minimum.size()) {
            throw Napi::RangeError::New(request.Env(), "min, opt and max of " + profile.name + " differ in rank");
        }
        options->inputs.push_back(std::move(profile));
    }
    options->plain.optimizationLevel = static_cast<int32_t>(numberField(request, "optimizationLevel"));
    options->plain.workspaceBytes = static_cast<int64_t>(numberField(request, "workspaceBytes"));
    options->plain.dlaCore = static_cast<int32_t>(numberField(request, "dlaCore"));
    options->plain.tf32 = request.Get("tf32").ToBoolean() ? 1 : 0;
    options->plain.versionCompatible = request.Get("versionCompatible").ToBoolean() ? 1 : 0;
    options->plain.hardwareCompatible = request.Get("hardwareCompatible").ToBoolean() ? 1 : 0;
    options->plain.typing = stringField(request, "typing") == "weak" ? PB_WEAK : PB_STRONG;
    options->plain.allowFp16 = request.Get("allowFp16").ToBoolean() ? 1 : 0;
    options->plain.allowBf16 = request.Get("allowBf16").ToBoolean() ? 1 : 0;
    options->plain.allowInt8 = request.Get("allowInt8").ToBoolean() ? 1 : 0;
    options->timingCachePath = stringField(request, "timingCache");
    options->complete();
    return options;
}

//! new TensorRT({flavour, infer, parser})
class TensorRT final : public Napi::ObjectWrap<TensorRT> {
public:
    static Napi::Function define(Napi::Env env) {
        return DefineClass(env, "TensorRT",
                           {InstanceAccessor<&TensorRT::flavour>("flavour"),
                            InstanceAccessor<&TensorRT::headerVersion>("headerVersion"),
                            InstanceMethod<&TensorRT::describe>("describe"), InstanceMethod<&TensorRT::build>("build"),
                            InstanceMethod<&TensorRT::openEngine>("openEngine")});
    }

    explicit TensorRT(const Napi::CallbackInfo& info) : ObjectWrap(info) {
        if (info.Length() < 1 || !info[0].IsObject()) {
            throw Napi::TypeError::New(info.Env(), "TensorRT needs {flavour, infer, parser}");
        }
        const Napi::Object paths = info[0].As<Napi::Object>();
        std::string reason;
        mOpened = OpenedTensorRT::open(stringField(paths, "flavour"), stringField(paths, "infer"),
                                       stringField(paths, "parser"), reason);
        if (mOpened == nullptr) {
            throw Napi::Error::New(info.Env(), reason);
        }
    }

private:
    Napi::Value flavour(const Napi::CallbackInfo& info) {
        return Napi::String::New(info.Env(), mOpened->api().flavour);
    }

    Napi::Value headerVersion(const Napi::CallbackInfo& info) {
        return Napi::String::New(info.Env(), mOpened->api().headerVersion);
    }

    //! describe(): {version, hasBuilder, computeCapabilities, log}; may take seconds
    Napi::Value describe(const Napi::CallbackInfo& info) {
        const Napi::Env env = info.Env();
        CallReport report;
        PbLibraryInfo found = {};
        if (mOpened->api().describeLibrary(mOpened->library(), report.reporter(), &found) != PB_OK) {
            throw Napi::Error::New(env, report.failure);
        }
        Napi::Array capabilities = Napi::Array::New(env, found.computeCapabilityCount);
        for (size_t i = 0; i < found.computeCapabilityCount; ++i) {
            capabilities.Set(static_cast<uint32_t>(i), found.computeCapabilities[i]);
        }
        Napi::Object result = Napi::Object::New(env);
        result.Set("version", found.version);
        result.Set("hasBuilder", Napi::Boolean::New(env, found.hasBuilder != 0));
        result.Set("computeCapabilities", capabilities);
        result.Set("log", textsToJs(env, report.log));
        result.Set("executes", Napi::Boolean::New(env, mOpened->api().openEngine != nullptr));
        setGpu(result);
        return result;
    }

    //! gpu: {name, computeCapability, memoryBytes, driverVersion} or null, then with gpuReason
    void setGpu(Napi::Object& result) {
        const Napi::Env env = result.Env();
        CallReport report;
        PbGpuInfo gpu = {};
        if (mOpened->api().describeGpu(report.reporter(), &gpu) != PB_OK) {
            result.Set("gpu", env.Null());
            result.Set("gpuReason", report.failure);
            return;
        }
        Napi::Object object = Napi::Object::New(env);
        object.Set("name", std::string(gpu.name));
        object.Set("computeCapability", gpu.computeCapability);
        object.Set("memoryBytes", static_cast<double>(gpu.memoryBytes));
        object.Set("driverVersion", gpu.driverVersion);
        result.Set("gpu", object);
        result.Set("gpuReason", "");
    }

    //! openEngine(path): Engine; reads the file and prepares it for the GPU
    Napi::Value openEngine(const Napi::CallbackInfo& info) {
        if (info.Length() < 1 || !info[0].IsString()) {
            throw Napi::TypeError::New(info.Env(), "openEngine needs a path");
        }
        return makeEngine(info.Env(), mOpened, info[0].As<Napi::String>().Utf8Value());
    }

    //! build(request, onProgress): {done: Promise, cancel(): void}
    Napi::Value build(const Napi::CallbackInfo& info) {
        const Napi::Env env = info.Env();
        if (info.Length() < 2 || !info[0].IsObject() || !info[1].IsFunction()) {
            throw Napi::TypeError::New(env, "build needs a request and a progress function");
        }
        auto cancelFlag = std::make_shared<std::atomic<bool>>(false);
        auto* worker = new BuildWorker(env, mOpened, buildOptionsFrom(info[0].As<Napi::Object>()),
                                       info[1].As<Napi::Function>(), cancelFlag);
        Napi::Object running = Napi::Object::New(env);
        running.Set("done", worker->promise());
        running.Set("cancel",
                    Napi::Function::New(env, [cancelFlag](const Napi::CallbackInfo&) { *cancelFlag = true; }));
        worker->Queue(); // the worker deletes itself when it is done
        return running;
    }

    std::shared_ptr<OpenedTensorRT> mOpened;
};

} // namespace

void exportTensorRT(Napi::Env env, Napi::Object exports) { exports.Set("TensorRT", TensorRT::define(env)); }

} // namespace precision_bench
