#include "tensorrt_binding.h"

#include "build_worker.h"
#include "engine_binding.h"
#include "flavour.h"
#include "js_values.h"

#include <memory>

namespace precision_bench {
namespace {

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
        auto options = std::make_unique<BuildOptions>(info[0].As<Napi::Object>(), cancelFlag);
        auto* worker = new BuildWorker(env, mOpened, std::move(options), info[1].As<Napi::Function>(), cancelFlag);
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
