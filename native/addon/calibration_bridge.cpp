#include "calibration_bridge.h"

#include "data_types.h"
#include "js_values.h"

#include <chrono>
#include <cstring>

namespace precision_bench {
namespace {

//! How soon a cancelled build stops waiting for data.
constexpr std::chrono::milliseconds kCancelInterval(50);

PbCalibration algorithmNamed(const std::string& name) {
    if (name == "entropy") {
        return PB_CALIBRATE_ENTROPY;
    }
    if (name == "minmax") {
        return PB_CALIBRATE_MINMAX;
    }
    return name == "legacy" ? PB_CALIBRATE_LEGACY : PB_CALIBRATE_ENTROPY2;
}

const uint8_t* bytesOf(const Napi::TypedArray& array) {
    return static_cast<const uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset();
}

//! Copies one input of a batch, `{name, dims, data}` of \p feeds.
void copyFeed(const Napi::Array& feeds, const PbBatchBuffer& buffer) {
    const Napi::Env env = feeds.Env();
    for (uint32_t i = 0; i < feeds.Length(); ++i) {
        const Napi::Object feed = feeds.Get(i).ToObject();
        if (stringField(feed, "name") != buffer.name) {
            continue;
        }
        const Napi::Value data = feed.Get("data");
        if (!data.IsTypedArray() || data.As<Napi::TypedArray>().ByteLength() != buffer.bytes) {
            throw Napi::RangeError::New(env, std::string("A calibration batch of input ") + buffer.name +
                                                 " must hold " + std::to_string(buffer.bytes) + " bytes of " +
                                                 typeName(buffer.type) + ".");
        }
        std::memcpy(buffer.host, bytesOf(data.As<Napi::TypedArray>()), buffer.bytes);
        return;
    }
    throw Napi::Error::New(env, std::string("A calibration batch has no data for input ") + buffer.name + ".");
}

} // namespace

struct CalibrationBridge::JsSide {
    Napi::Reference<Napi::Value> failure;
};

struct CalibrationBridge::Exchange {
    std::mutex mutex;
    std::condition_variable arrived;
    bool isDone = false;
    bool isAbandoned = false; //!< The buffers are gone.
    PbBatch outcome = PB_BATCH_FAILED;
    const PbBatchBuffer* buffers = nullptr;
    size_t count = 0;
    std::shared_ptr<JsSide> js;

    //! Fills the buffers with `work`, unless nobody waits any more.
    template <typename Work>
    void settle(Work work) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (!isAbandoned) {
            outcome = work();
        }
        isDone = true;
        arrived.notify_all();
    }

    void fail(const Napi::Value& reason) {
        settle([&] {
            js->failure = Napi::Persistent(reason);
            return PB_BATCH_FAILED;
        });
    }

    void accept(const Napi::Value& batch) {
        try {
            settle([&] {
                if (batch.IsNull() || batch.IsUndefined()) {
                    return PB_BATCH_END;
                }
                const Napi::Array feeds = batch.As<Napi::Array>();
                for (size_t i = 0; i < count; ++i) {
                    copyFeed(feeds, buffers[i]);
                }
                return PB_BATCH_FILLED;
            });
        } catch (const Napi::Error& error) {
            fail(error.Value());
        }
    }
};

CalibrationBridge::CalibrationBridge(Napi::Env env, const Napi::Object& calibrator,
                                     std::shared_ptr<std::atomic<bool>> cancelFlag)
    : mCancelFlag(std::move(cancelFlag)), mJs(std::make_shared<JsSide>()) {
    mPlain.algorithm = algorithmNamed(stringField(calibrator, "algorithm"));
    mPlain.quantile = numberField(calibrator, "quantile");
    mPlain.cutoff = numberField(calibrator, "cutoff");
    const Napi::Array inputs = arrayField(calibrator, "inputs");
    for (uint32_t i = 0; i < inputs.Length(); ++i) {
        const Napi::Object input = inputs.Get(i).ToObject();
        mInputs.push_back({stringField(input, "name"), integersField<int64_t>(input, "dims")});
    }
    for (const Input& input : mInputs) {
        mShapes.push_back({input.name.c_str(), input.dims.size(), input.dims.data(), nullptr});
    }
    if (hasField(calibrator, "cache")) {
        const auto cache = calibrator.Get("cache").As<Napi::Uint8Array>();
        mCache.assign(cache.Data(), cache.Data() + cache.ByteLength());
    }
    mPlain.inputs = mShapes.data();
    mPlain.inputCount = mShapes.size();
    mPlain.cache = mCache.empty() ? nullptr : mCache.data();
    mPlain.cacheBytes = mCache.size();
    mPlain.user = this;
    mPlain.nextBatch = [](void* user, const PbBatchBuffer* buffers, size_t count) {
        return static_cast<CalibrationBridge*>(user)->next(buffers, count);
    };
    mPlain.writeCache = [](void* user, const void* data, size_t bytes) {
        const auto* first = static_cast<const uint8_t*>(data);
        static_cast<CalibrationBridge*>(user)->mWritten.assign(first, first + bytes);
    };
    mFunction = Napi::ThreadSafeFunction::New(env, calibrator.Get("next").As<Napi::Function>(), "calibration", 0, 1);
}

CalibrationBridge::~CalibrationBridge() { mFunction.Release(); }

Napi::Value CalibrationBridge::failure(Napi::Env env) const {
    return mJs->failure.IsEmpty() ? env.Undefined() : mJs->failure.Value();
}

PbBatch CalibrationBridge::next(const PbBatchBuffer* buffers, size_t count) {
    auto exchange = std::make_shared<Exchange>();
    exchange->buffers = buffers;
    exchange->count = count;
    exchange->js = mJs;
    const auto call = [exchange](Napi::Env env, Napi::Function function) {
        try {
            const Napi::Object promise = function.Call({}).ToObject();
            const auto onBatch = Napi::Function::New(
                env, [exchange](const Napi::CallbackInfo& info) { exchange->accept(info[0]); }, "onBatch");
            const auto onFailure = Napi::Function::New(
                env, [exchange](const Napi::CallbackInfo& info) { exchange->fail(info[0]); }, "onFailure");
            promise.Get("then").As<Napi::Function>().Call(promise, {onBatch, onFailure});
        } catch (const Napi::Error& error) {
            exchange->fail(error.Value());
        }
    };
    if (mFunction.BlockingCall(call) != napi_ok) {
        return PB_BATCH_FAILED; // Node is ending
    }
    std::unique_lock<std::mutex> lock(exchange->mutex);
    while (!exchange->isDone && !mCancelFlag->load(std::memory_order_relaxed)) {
        exchange->arrived.wait_for(lock, kCancelInterval);
    }
    if (!exchange->isDone) {
        exchange->isAbandoned = true;
        return PB_BATCH_END; // the build sees the cancellation by itself
    }
    return exchange->outcome;
}

} // namespace precision_bench
