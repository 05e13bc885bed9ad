#include "observing_binding.h"

#include "js_values.h"
#include "observe/observing_session.h"

#include <algorithm>
#include <memory>

namespace precision_bench {
namespace {

//! One inference on a thread of Node's pool.
class RunWorker final : public Napi::AsyncWorker {
public:
    RunWorker(Napi::Env env, std::shared_ptr<ObservingSession> session, const Napi::Array& inputs,
              std::vector<std::string> outputs, bool noteDims)
        : AsyncWorker(env), mDeferred(Napi::Promise::Deferred::New(env)), mSession(std::move(session)),
          mHeld(Napi::Persistent(inputs.As<Napi::Object>())), mOutputs(std::move(outputs)), mNoteDims(noteDims) {
        for (uint32_t i = 0; i < inputs.Length(); ++i) {
            const auto input = inputs.Get(i).As<Napi::Object>();
            const auto data = input.Get("data").As<Napi::TypedArray>();
            auto* begin = static_cast<uint8_t*>(data.ArrayBuffer().Data()) + data.ByteOffset();
            mInputs.push_back({stringField(input, "name"), static_cast<int32_t>(numberField(input, "type")),
                               integersField<int64_t>(input, "dims"), begin, data.ByteLength()});
        }
    }

    Napi::Promise promise() const { return mDeferred.Promise(); }

private:
    void Execute() override {
        try {
            mResults = mSession->run(mInputs, mOutputs, mNoteDims);
        } catch (const std::exception& error) {
            SetError(error.what());
        }
    }

    void OnOK() override {
        const Napi::Env env = Env();
        Napi::Array results = Napi::Array::New(env, mResults.size());
        for (size_t i = 0; i < mResults.size(); ++i) {
            const RunOutput& output = mResults[i];
            Napi::ArrayBuffer data = Napi::ArrayBuffer::New(env, output.bytes.size());
            std::copy(output.bytes.begin(), output.bytes.end(), static_cast<uint8_t*>(data.Data()));
            Napi::Object tensor = Napi::Object::New(env);
            tensor.Set("type", output.type);
            tensor.Set("dims", integersToJs(env, output.dims.data(), output.dims.size()));
            tensor.Set("data", data);
            results.Set(static_cast<uint32_t>(i), tensor);
        }
        mDeferred.Resolve(results);
    }

    void OnError(const Napi::Error& error) override { mDeferred.Reject(error.Value()); }

    Napi::Promise::Deferred mDeferred;
    std::shared_ptr<ObservingSession> mSession;
    //! Keeps the memory of the inputs alive.
    Napi::ObjectReference mHeld;
    std::vector<RunInput> mInputs;
    std::vector<std::string> mOutputs;
    bool mNoteDims;
    std::vector<RunOutput> mResults;
};

//! Opens the runtime's library on a thread of Node's pool.
class LoadWorker final : public Napi::AsyncWorker {
public:
    LoadWorker(Napi::Env env, std::string library)
        : AsyncWorker(env), mDeferred(Napi::Promise::Deferred::New(env)), mLibrary(std::move(library)) {}

    Napi::Promise promise() const { return mDeferred.Promise(); }

private:
    void Execute() override {
        try {
            ort::Api::open(mLibrary);
        } catch (const ort::Error& error) {
            SetError(error.what());
        }
    }

    void OnOK() override { mDeferred.Resolve(Env().Undefined()); }
    void OnError(const Napi::Error& error) override { mDeferred.Reject(error.Value()); }

    Napi::Promise::Deferred mDeferred;
    std::string mLibrary;
};

//! loadOnnxRuntime(library: string): Promise<void>
Napi::Value loadOnnxRuntime(const Napi::CallbackInfo& info) {
    if (info.Length() < 1 || !info[0].IsString()) {
        throw Napi::TypeError::New(info.Env(), "loadOnnxRuntime: the library must be a string");
    }
    // Deletes itself.
    auto* worker = new LoadWorker(info.Env(), info[0].As<Napi::String>());
    worker->Queue();
    return worker->promise();
}

//! The session for `ObservingSessionBinding`, which nothing but `open` constructs.
using OpenedSession = std::shared_ptr<ObservingSession>;

//! Opens a session on a thread of Node's pool: the runtime optimizes the graph and lays out the weights meanwhile.
class OpenWorker final : public Napi::AsyncWorker {
public:
    OpenWorker(Napi::Env env, const Napi::Function& binding, const Napi::Object& given)
        : AsyncWorker(env), mDeferred(Napi::Promise::Deferred::New(env)), mBinding(Napi::Persistent(binding)),
          mHeld(Napi::Persistent(given)), mLibrary(stringField(given, "library")) {
        const Napi::Value model = given.Get("model");
        if (model.IsTypedArray()) {
            const auto bytes = model.As<Napi::TypedArray>();
            mModel = {"", static_cast<const uint8_t*>(bytes.ArrayBuffer().Data()) + bytes.ByteOffset(),
                      bytes.ByteLength()};
        } else {
            mModel = {stringField(given, "model"), nullptr, 0};
        }
        const Napi::Array histograms = arrayField(given, "histograms");
        for (uint32_t i = 0; i < histograms.Length(); ++i) {
            mOptions.histograms.push_back(histograms.Get(i).ToBoolean());
        }
        mOptions.optimization = static_cast<int32_t>(numberField(given, "optimization"));
        const auto config = given.Get("config").As<Napi::Object>();
        const Napi::Array keys = config.GetPropertyNames();
        for (uint32_t i = 0; i < keys.Length(); ++i) {
            const std::string key = keys.Get(i).ToString();
            mOptions.config.emplace_back(key, stringField(config, key.c_str()));
        }
    }

    Napi::Promise promise() const { return mDeferred.Promise(); }

private:
    void Execute() override {
        try {
            mSession = std::make_shared<ObservingSession>(mLibrary, mModel, mOptions);
        } catch (const std::exception& error) {
            SetError(error.what());
        }
    }

    void OnOK() override { mDeferred.Resolve(mBinding.New({Napi::External<OpenedSession>::New(Env(), &mSession)})); }

    void OnError(const Napi::Error& error) override { mDeferred.Reject(error.Value()); }

    Napi::Promise::Deferred mDeferred;
    Napi::FunctionReference mBinding;
    //! Keeps a model in memory alive.
    Napi::ObjectReference mHeld;
    std::string mLibrary;
    ModelSource mModel;
    ObservingSessionOptions mOptions;
    OpenedSession mSession;
};

class ObservingSessionBinding final : public Napi::ObjectWrap<ObservingSessionBinding> {
public:
    static Napi::Function define(Napi::Env env) {
        return DefineClass(env, "ObservingSession",
                           {StaticMethod<&ObservingSessionBinding::open>("open"),
                            InstanceMethod<&ObservingSessionBinding::run>("run"),
                            InstanceMethod<&ObservingSessionBinding::observations>("observations"),
                            InstanceMethod<&ObservingSessionBinding::close>("close")});
    }

    //! Made by `open`.
    explicit ObservingSessionBinding(const Napi::CallbackInfo& info) : ObjectWrap(info) {
        if (info.Length() < 1 || !info[0].IsExternal()) {
            throw Napi::TypeError::New(info.Env(), "ObservingSession: use ObservingSession.open");
        }
        mSession = std::move(*info[0].As<Napi::External<OpenedSession>>().Data());
    }

private:
    //! ObservingSession.open({library, model: string | Uint8Array, histograms, optimization, config}):
    //! Promise<ObservingSession>
    static Napi::Value open(const Napi::CallbackInfo& info) {
        if (info.Length() < 1 || !info[0].IsObject()) {
            throw Napi::TypeError::New(info.Env(), "ObservingSession.open: the options must be an object");
        }
        // Deletes itself.
        auto* worker = new OpenWorker(info.Env(), info.This().As<Napi::Function>(), info[0].As<Napi::Object>());
        worker->Queue();
        return worker->promise();
    }

    //! run(inputs: {name, type, dims, data}[], outputs: string[], noteDims: boolean): Promise<{type, dims, data:
    //! ArrayBuffer}[]>
    Napi::Value run(const Napi::CallbackInfo& info) {
        std::vector<std::string> outputs;
        const auto names = info[1].As<Napi::Array>();
        for (uint32_t i = 0; i < names.Length(); ++i) {
            outputs.push_back(names.Get(i).ToString());
        }
        auto* worker =
            new RunWorker(info.Env(), opened(info.Env()), info[0].As<Napi::Array>(), outputs, info[2].ToBoolean());
        // Deletes itself.
        worker->Queue();
        return worker->promise();
    }

    //! observations(): {min, max, nonFinite, dims: number[] | null, binWidth, counts: Float64Array | null,
    //! channels: {min: Float32Array, max: Float32Array} | null}[]
    Napi::Value observations(const Napi::CallbackInfo& info) {
        const Napi::Env env = info.Env();
        const std::vector<TensorObservations> seen = opened(env)->observations();
        Napi::Array array = Napi::Array::New(env, seen.size());
        for (size_t i = 0; i < seen.size(); ++i) {
            const ValueAccumulator& values = seen[i].values;
            const std::vector<int64_t>& dims = seen[i].dims;
            Napi::Object tensor = Napi::Object::New(env);
            tensor.Set("min", values.minimum());
            tensor.Set("max", values.maximum());
            tensor.Set("nonFinite", static_cast<double>(values.nonFinite()));
            tensor.Set("dims",
                       seen[i].hasDims ? integersToJs(env, dims.data(), dims.size()).As<Napi::Value>() : env.Null());
            tensor.Set("binWidth", values.binWidth());
            tensor.Set("counts", countsToJs(env, values.counts()));
            tensor.Set("channels", channelsToJs(env, seen[i].channels));
            array.Set(static_cast<uint32_t>(i), tensor);
        }
        return array;
    }

    static Napi::Value countsToJs(Napi::Env env, const std::vector<uint64_t>& counts) {
        if (counts.empty()) {
            return env.Null();
        }
        Napi::Float64Array array = Napi::Float64Array::New(env, counts.size());
        for (size_t bin = 0; bin < counts.size(); ++bin) {
            array.Data()[bin] = static_cast<double>(counts[bin]);
        }
        return array;
    }

    static Napi::Value channelsToJs(Napi::Env env, const ChannelRanges& channels) {
        if (channels.size() == 0) {
            return env.Null();
        }
        Napi::Float32Array min = Napi::Float32Array::New(env, channels.size());
        Napi::Float32Array max = Napi::Float32Array::New(env, channels.size());
        for (size_t channel = 0; channel < channels.size(); ++channel) {
            min.Data()[channel] = channels.minimum(channel);
            max.Data()[channel] = channels.maximum(channel);
        }
        Napi::Object ranges = Napi::Object::New(env);
        ranges.Set("min", min);
        ranges.Set("max", max);
        return ranges;
    }

    //! close(): runs under way end first.
    Napi::Value close(const Napi::CallbackInfo& info) {
        mSession.reset();
        return info.Env().Undefined();
    }

    std::shared_ptr<ObservingSession> opened(Napi::Env env) {
        if (mSession == nullptr) {
            throw Napi::Error::New(env, "The observing session is closed.");
        }
        return mSession;
    }

    OpenedSession mSession;
};

} // namespace

void exportObservingSession(Napi::Env env, Napi::Object exports) {
    exports.Set("loadOnnxRuntime", Napi::Function::New(env, loadOnnxRuntime, "loadOnnxRuntime"));
    exports.Set("ObservingSession", ObservingSessionBinding::define(env));
    // What a session's model may hold beside ONNX's own operators.
    Napi::Array operators = Napi::Array::New(env);
    operators.Set(uint32_t{0}, "Observe");
    operators.Set(uint32_t{1}, "CompareLayer");
    exports.Set("observingOperators", operators);
}

} // namespace precision_bench
