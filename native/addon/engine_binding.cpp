#include "engine_binding.h"

#include "data_types.h"
#include "js_values.h"

#include <atomic>
#include <cstring>
#include <functional>

namespace precision_bench {
namespace {

//! An error with the status's name and what TensorRT logged, as `nativeAddon.ts` describes it.
Napi::Error errorOf(Napi::Env env, PbStatus status, const CallReport& report) {
    Napi::Error error = Napi::Error::New(env, report.failure);
    error.Set("status", statusName(status));
    error.Set("log", textsToJs(env, report.log));
    return error;
}

//! The report of a call that JavaScript can cancel.
class CancellableReport final : public CallReport {
public:
    explicit CancellableReport(std::shared_ptr<std::atomic<bool>> flag) : mFlag(std::move(flag)) {}

private:
    bool isCancelled() override { return mFlag->load(std::memory_order_relaxed); }

    std::shared_ptr<std::atomic<bool>> mFlag;
};

//! An opened engine; shared by the object in JavaScript and the call that is running.
class OpenedEngine {
public:
    OpenedEngine(std::shared_ptr<OpenedTensorRT> tensorrt, PbEngine* engine)
        : mTensorRT(std::move(tensorrt)), mEngine(engine) {}
    ~OpenedEngine() { mTensorRT->api().closeEngine(mEngine); }
    OpenedEngine(const OpenedEngine&) = delete;
    OpenedEngine& operator=(const OpenedEngine&) = delete;

    const PbEngineApi& api() const { return mTensorRT->api(); }
    PbEngine* get() const { return mEngine; }

    //! The bindings of the last bind, and whether a call is running: bindings must not change under it.
    const PbBinding* bindings = nullptr;
    size_t bindingCount = 0;
    bool isBusy = false;
    //! Whether an input holds a shape.
    bool holdsShapes = false;

private:
    std::shared_ptr<OpenedTensorRT> mTensorRT;
    PbEngine* mEngine;
};

//! \brief One call on a thread of Node's pool; settles a promise with what it gives.
class EngineWorker final : public Napi::AsyncWorker {
public:
    using Call = std::function<PbStatus(OpenedEngine&, const PbReporter*)>;
    using Result = std::function<Napi::Value(Napi::Env, OpenedEngine&)>;

    EngineWorker(Napi::Env env, std::shared_ptr<OpenedEngine> engine, std::shared_ptr<std::atomic<bool>> cancelFlag,
                 Call call, Result result)
        : AsyncWorker(env), mDeferred(Napi::Promise::Deferred::New(env)), mEngine(std::move(engine)),
          mReport(std::move(cancelFlag)), mCall(std::move(call)), mResult(std::move(result)) {
        mEngine->isBusy = true;
    }

    Napi::Promise promise() const { return mDeferred.Promise(); }

private:
    void Execute() override { mStatus = mCall(*mEngine, mReport.reporter()); }

    void OnOK() override {
        mEngine->isBusy = false;
        const Napi::Env env = Env();
        const Napi::HandleScope scope(env);
        if (mStatus != PB_OK) {
            mDeferred.Reject(errorOf(env, mStatus, mReport).Value());
            return;
        }
        mDeferred.Resolve(mResult(env, *mEngine));
    }

    Napi::Promise::Deferred mDeferred;
    std::shared_ptr<OpenedEngine> mEngine;
    CancellableReport mReport;
    Call mCall;
    Result mResult;
    PbStatus mStatus = PB_INTERNAL;
};

Napi::Object tensorToJs(Napi::Env env, const PbTensorInfo& tensor) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("name", tensor.name);
    object.Set("dtype", typeName(tensor.type));
    object.Set("isInput", Napi::Boolean::New(env, tensor.isInput != 0));
    object.Set("holdsShape", Napi::Boolean::New(env, tensor.holdsShape != 0));
    object.Set("format", tensor.format);
    object.Set("dims", integersToJs(env, tensor.dims, tensor.rank));
    return object;
}

Napi::Array outputsToJs(Napi::Env env, const OpenedEngine& engine) {
    Napi::Array outputs = Napi::Array::New(env);
    for (size_t i = 0; i < engine.bindingCount; ++i) {
        const PbBinding& binding = engine.bindings[i];
        if (binding.isInput != 0) {
            continue;
        }
        Napi::ArrayBuffer data = Napi::ArrayBuffer::New(env, binding.bytes);
        std::memcpy(data.Data(), binding.host, binding.bytes);
        Napi::Object output = Napi::Object::New(env);
        output.Set("name", binding.name);
        output.Set("dtype", typeName(binding.type));
        output.Set("dims", integersToJs(env, binding.dims, binding.rank));
        output.Set("data", data);
        outputs.Set(outputs.Length(), output);
    }
    return outputs;
}

Napi::Value metersToJs(Napi::Env env, const PbGpuMeters& meters) {
    Napi::Object object = Napi::Object::New(env);
    const auto set = [&](const char* name, double value) {
        object.Set(name, value < 0 ? env.Null() : Napi::Number::New(env, value).As<Napi::Value>());
    };
    set("graphicsClockMhz", meters.graphicsClockMhz);
    set("memoryClockMhz", meters.memoryClockMhz);
    set("powerWatts", meters.powerWatts);
    set("temperatureCelsius", meters.temperatureCelsius);
    set("throttleReasons", static_cast<double>(meters.throttleReasons));
    set("energyMillijoules", meters.energyMillijoules);
    return object;
}

Napi::Object timesToJs(Napi::Env env, const PbMeasureResult& measured) {
    const auto series = [&](float PbRunTime::*part) {
        Napi::Float32Array values = Napi::Float32Array::New(env, measured.runCount);
        for (size_t i = 0; i < measured.runCount; ++i) {
            values[i] = measured.runs[i].*part;
        }
        return values;
    };
    Napi::Object object = Napi::Object::New(env);
    object.Set("h2dMs", series(&PbRunTime::hostToDeviceMs));
    object.Set("computeMs", series(&PbRunTime::computeMs));
    object.Set("d2hMs", series(&PbRunTime::deviceToHostMs));
    object.Set("hostMs", series(&PbRunTime::hostMs));
    object.Set("warmupMs", measured.warmupSeconds * 1000);
    object.Set("cudaGraph", Napi::Boolean::New(env, measured.cudaGraph != 0));
    object.Set("meters", measured.hasMeters != 0 ? metersToJs(env, measured.meters) : env.Null());
    return object;
}

//! An engine's sizes and values: [{name, dims, data: typed array}].
class Feeds {
public:
    explicit Feeds(const Napi::Value& value) : mEnv(value.Env()) {
        if (!value.IsArray()) {
            throw Napi::TypeError::New(mEnv, "inputs must be an array");
        }
        const Napi::Array array = value.As<Napi::Array>();
        for (uint32_t i = 0; i < array.Length(); ++i) {
            const Napi::Object object = array.Get(i).ToObject();
            const Napi::Value data = object.Get("data");
            if (!data.IsTypedArray()) {
                throw Napi::TypeError::New(mEnv, "the data of an input must be a typed array");
            }
            mFeeds.push_back(
                {stringField(object, "name"), integersField<int64_t>(object, "dims"), data.As<Napi::TypedArray>()});
        }
    }

    //! Sets the sizes and copies the values into the engine's page-locked memory.
    void bind(OpenedEngine& engine) const {
        if (engine.isBusy) {
            throw Napi::Error::New(mEnv, "The engine is running.");
        }
        if (!fits(engine)) {
            rebind(engine);
        }
        for (size_t i = 0; i < engine.bindingCount; ++i) {
            const PbBinding& binding = engine.bindings[i];
            if (binding.isInput != 0) {
                copyInto(binding);
            }
        }
    }

private:
    struct Feed {
        std::string name;
        std::vector<int64_t> dims;
        Napi::TypedArray data;
    };

    static const uint8_t* bytesOf(const Feed& feed) {
        return static_cast<const uint8_t*>(feed.data.ArrayBuffer().Data()) + feed.data.ByteOffset();
    }

    const Feed* find(const char* name) const {
        for (const Feed& feed : mFeeds) {
            if (feed.name == name) {
                return &feed;
            }
        }
        return nullptr;
    }

    //! Whether the engine is bound for these sizes already: batches mostly have the same. Values of a shape are as
    //! good as sizes.
    bool fits(const OpenedEngine& engine) const {
        if (engine.holdsShapes) {
            return false;
        }
        for (size_t i = 0; i < engine.bindingCount; ++i) {
            const PbBinding& binding = engine.bindings[i];
            if (binding.isInput == 0) {
                continue;
            }
            const Feed* feed = find(binding.name);
            if (feed == nullptr || feed->dims != std::vector<int64_t>(binding.dims, binding.dims + binding.rank)) {
                return false;
            }
        }
        return engine.bindingCount > 0;
    }

    void rebind(OpenedEngine& engine) const {
        std::vector<PbInputShape> shapes;
        for (const Feed& feed : mFeeds) {
            shapes.push_back({feed.name.c_str(), feed.dims.size(), feed.dims.data(), bytesOf(feed)});
        }
        CallReport report;
        const PbStatus status = engine.api().bindEngine(engine.get(), shapes.data(), shapes.size(), report.reporter(),
                                                        &engine.bindings, &engine.bindingCount);
        if (status != PB_OK) {
            engine.bindingCount = 0;
            throw errorOf(mEnv, status, report);
        }
    }

    void copyInto(const PbBinding& binding) const {
        const Feed* feed = find(binding.name);
        if (feed == nullptr) {
            throw Napi::Error::New(mEnv, "There is no data for input " + std::string(binding.name) + ".");
        }
        if (feed->data.ByteLength() != binding.bytes) {
            throw Napi::RangeError::New(mEnv, "The data of input " + feed->name + " have " +
                                                  std::to_string(feed->data.ByteLength()) + " bytes, it takes " +
                                                  std::to_string(binding.bytes) + ".");
        }
        std::memcpy(binding.host, bytesOf(*feed), binding.bytes);
    }

    Napi::Env mEnv;
    std::vector<Feed> mFeeds;
};

//! The functions of the object share the engine; `close` takes it from them.
using Holder = std::shared_ptr<std::shared_ptr<OpenedEngine>>;

OpenedEngine& required(Napi::Env env, const Holder& holder) {
    if (*holder == nullptr) {
        throw Napi::Error::New(env, "The engine is closed.");
    }
    return **holder;
}

//! {done: Promise, cancel(): void}
Napi::Value start(Napi::Env env, const Holder& holder, EngineWorker::Call call, EngineWorker::Result result) {
    auto cancelFlag = std::make_shared<std::atomic<bool>>(false);
    auto* worker = new EngineWorker(env, *holder, cancelFlag, std::move(call), std::move(result));
    Napi::Object running = Napi::Object::New(env);
    running.Set("done", worker->promise());
    running.Set("cancel", Napi::Function::New(env, [cancelFlag](const Napi::CallbackInfo&) { *cancelFlag = true; }));
    worker->Queue(); // the worker deletes itself when it is done
    return running;
}

Napi::Value describe(const Napi::CallbackInfo& info, const Holder& holder) {
    const Napi::Env env = info.Env();
    OpenedEngine& engine = required(env, holder);
    CallReport report;
    PbEngineInfo found = {};
    if (const PbStatus status = engine.api().describeEngine(engine.get(), report.reporter(), &found); status != PB_OK) {
        throw errorOf(env, status, report);
    }
    Napi::Array tensors = Napi::Array::New(env, found.tensorCount);
    for (size_t i = 0; i < found.tensorCount; ++i) {
        tensors.Set(static_cast<uint32_t>(i), tensorToJs(env, found.tensors[i]));
    }
    Napi::Object result = Napi::Object::New(env);
    result.Set("tensors", tensors);
    result.Set("layers", found.layers);
    result.Set("profiles", found.profiles);
    return result;
}

Napi::Value run(const Napi::CallbackInfo& info, const Holder& holder) {
    const Napi::Env env = info.Env();
    Feeds(info[0]).bind(required(env, holder));
    return start(
        env, holder,
        [](OpenedEngine& engine, const PbReporter* reporter) { return engine.api().runEngine(engine.get(), reporter); },
        [](Napi::Env resultEnv, OpenedEngine& engine) { return outputsToJs(resultEnv, engine); });
}

Napi::Value measure(const Napi::CallbackInfo& info, const Holder& holder) {
    const Napi::Env env = info.Env();
    Feeds(info[0]).bind(required(env, holder));
    const Napi::Object options = info[1].ToObject();
    PbMeasureRequest request = {};
    request.warmupSeconds = numberField(options, "warmupMs") / 1000;
    request.minimumSeconds = numberField(options, "minimumMs") / 1000;
    request.minimumRuns = static_cast<int64_t>(numberField(options, "minimumRuns"));
    request.cudaGraph = flagField(options, "cudaGraph");
    request.spin = flagField(options, "spin");
    request.transfers = flagField(options, "transfers");
    auto measured = std::make_shared<PbMeasureResult>();
    return start(
        env, holder,
        [request, measured](OpenedEngine& engine, const PbReporter* reporter) {
            return engine.api().measureEngine(engine.get(), &request, reporter, measured.get());
        },
        [measured](Napi::Env resultEnv, OpenedEngine&) { return timesToJs(resultEnv, *measured); });
}

struct Profile {
    const PbLayerTime* layers = nullptr;
    size_t count = 0;
};

Napi::Value profile(const Napi::CallbackInfo& info, const Holder& holder) {
    const Napi::Env env = info.Env();
    Feeds(info[0]).bind(required(env, holder));
    const int64_t runs = info[1].ToNumber().Int64Value();
    auto profiled = std::make_shared<Profile>();
    return start(
        env, holder,
        [runs, profiled](OpenedEngine& engine, const PbReporter* reporter) {
            return engine.api().profileEngine(engine.get(), runs, reporter, &profiled->layers, &profiled->count);
        },
        [profiled](Napi::Env resultEnv, OpenedEngine&) {
            Napi::Array layers = Napi::Array::New(resultEnv, profiled->count);
            for (size_t i = 0; i < profiled->count; ++i) {
                Napi::Object layer = Napi::Object::New(resultEnv);
                layer.Set("name", profiled->layers[i].name);
                layer.Set("ms", profiled->layers[i].ms);
                layers.Set(static_cast<uint32_t>(i), layer);
            }
            return layers;
        });
}

Napi::Value inspect(const Napi::CallbackInfo& info, const Holder& holder) {
    OpenedEngine& engine = required(info.Env(), holder);
    CallReport report;
    const char* json = nullptr;
    if (const PbStatus status = engine.api().inspectEngine(engine.get(), report.reporter(), &json); status != PB_OK) {
        throw errorOf(info.Env(), status, report);
    }
    return Napi::String::New(info.Env(), json);
}

bool hasShapeInput(const OpenedEngine& engine) {
    CallReport report;
    PbEngineInfo info = {};
    if (engine.api().describeEngine(engine.get(), report.reporter(), &info) != PB_OK) {
        return false;
    }
    for (size_t i = 0; i < info.tensorCount; ++i) {
        if (info.tensors[i].isInput != 0 && info.tensors[i].holdsShape != 0) {
            return true;
        }
    }
    return false;
}

} // namespace

Napi::Object makeEngine(Napi::Env env, std::shared_ptr<OpenedTensorRT> tensorrt, const std::string& path) {
    const PbEngineApi& api = tensorrt->api();
    CallReport report;
    PbEngine* opened = nullptr;
    if (const PbStatus status = api.openEngine(tensorrt->library(), path.c_str(), report.reporter(), &opened);
        status != PB_OK) {
        throw errorOf(env, status, report);
    }
    auto engine = std::make_shared<OpenedEngine>(std::move(tensorrt), opened);
    engine->holdsShapes = hasShapeInput(*engine);
    auto holder = std::make_shared<std::shared_ptr<OpenedEngine>>(std::move(engine));
    Napi::Object object = Napi::Object::New(env);
    const auto method = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&, const Holder&)) {
        object.Set(name, Napi::Function::New(
                             env, [holder, function](const Napi::CallbackInfo& info) { return function(info, holder); },
                             name));
    };
    method("describe", describe);
    method("run", run);
    method("measure", measure);
    method("profile", profile);
    method("inspect", inspect);
    object.Set("close", Napi::Function::New(
                            env, [holder](const Napi::CallbackInfo&) { holder->reset(); }, "close"));
    return object;
}

} // namespace precision_bench
