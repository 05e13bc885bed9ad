//! \file onnxruntime.h
//! \brief The part of ONNX Runtime's C interface that observation uses, reached through a library opened at run time.
//!
//! The library is the one of the package onnxruntime-node, which carries no header. Its interface is a table of
//! functions whose order never changes ("append only", onnxruntime_c_api.h), so that the positions below hold for every
//! release since kApiVersion. Names and argument order are those of `OrtApi`.
#pragma once

#include "common/shared_library.h"

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace precision_bench {
namespace ort {

// Objects of the runtime, known by address only.
struct Status;
struct Env;
struct SessionOptions;
struct Session;
struct CustomOpDomain;
struct MemoryInfo;
struct Value;
struct TensorInfo;
struct KernelInfo;
struct KernelContext;
struct RunOptions;

//! Element types by ONNX's numbers (TensorProto.DataType), which are the runtime's too.
enum ElementType : int32_t { kUndefined = 0, kFloat = 1, kDouble = 11 };

//! The release whose table and operator structure are declared here: ONNX Runtime 1.16.
constexpr uint32_t kApiVersion = 16;

//! An operator of ours, as the runtime of version kApiVersion wants it described (`OrtCustomOp`).
struct CustomOp {
    uint32_t version = kApiVersion;
    void* (*createKernel)(const CustomOp*, const void* api, const KernelInfo*) = nullptr;
    const char* (*name)(const CustomOp*) = nullptr;
    const char* (*executionProvider)(const CustomOp*) = nullptr;
    int32_t (*inputType)(const CustomOp*, size_t) = nullptr;
    size_t (*inputCount)(const CustomOp*) = nullptr;
    int32_t (*outputType)(const CustomOp*, size_t) = nullptr;
    size_t (*outputCount)(const CustomOp*) = nullptr;
    void (*compute)(void* kernel, KernelContext*) = nullptr;
    void (*destroyKernel)(void* kernel) = nullptr;
    int32_t (*inputCharacteristic)(const CustomOp*, size_t) = nullptr;
    int32_t (*outputCharacteristic)(const CustomOp*, size_t) = nullptr;
    int32_t (*inputMemoryType)(const CustomOp*, size_t) = nullptr;
    int (*variadicInputMinimum)(const CustomOp*) = nullptr;
    int (*variadicInputHomogeneous)(const CustomOp*) = nullptr;
    int (*variadicOutputMinimum)(const CustomOp*) = nullptr;
    int (*variadicOutputHomogeneous)(const CustomOp*) = nullptr;
    Status* (*createKernelV2)(const CustomOp*, const void* api, const KernelInfo*, void** kernel) = nullptr;
    Status* (*computeV2)(void* kernel, KernelContext*) = nullptr;
};

//! What the runtime complained about, in its own words.
class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

//! \brief The runtime's functions. Those that can fail throw Error.
class Api {
public:
    //! \brief Opens the library once per process; a second path is ignored, the runtime lives once in a process. The
    //! first call also makes the runtime's environment, which takes as long as opening a small model.
    //! \throws Error with the loader's words, or when the library is too old
    static const Api& open(const std::string& library);

    //! The runtime's environment: its logger and the schemas of all operators. Lives as long as the process.
    Env* environment() const { return mEnvironment; }
    SessionOptions* createSessionOptions() const;
    void setOptimization(SessionOptions* options, int32_t level) const {
        check(slot<Status*(SessionOptions*, int32_t)>(23)(options, level));
    }
    void setIntraOpThreads(SessionOptions* options, int count) const {
        check(slot<Status*(SessionOptions*, int)>(24)(options, count));
    }
    void setLogSeverity(SessionOptions* options, int severity) const {
        check(slot<Status*(SessionOptions*, int)>(22)(options, severity));
    }
    void addConfigEntry(SessionOptions* options, const char* key, const char* value) const {
        check(slot<Status*(SessionOptions*, const char*, const char*)>(130)(options, key, value));
    }
    CustomOpDomain* createDomain(const char* name) const;
    void addOperator(CustomOpDomain* domain, const CustomOp* op) const {
        check(slot<Status*(CustomOpDomain*, const CustomOp*)>(27)(domain, op));
    }
    void addDomain(SessionOptions* options, CustomOpDomain* domain) const {
        check(slot<Status*(SessionOptions*, CustomOpDomain*)>(28)(options, domain));
    }
    //! \param path UTF-8
    Session* createSession(const std::string& path, const SessionOptions* options) const;
    //! The same of a model in memory, which is not needed any more when this returns.
    Session* createSession(const void* model, size_t bytes, const SessionOptions* options) const;
    void run(Session* session, const char* const* inputNames, const Value* const* inputs, size_t inputCount,
             const char* const* outputNames, size_t outputCount, Value** outputs) const {
        check(slot<Status*(Session*, const RunOptions*, const char* const*, const Value* const*, size_t,
                           const char* const*, size_t, Value**)>(9)(session, nullptr, inputNames, inputs, inputCount,
                                                                    outputNames, outputCount, outputs));
    }
    MemoryInfo* createCpuMemoryInfo() const;
    //! The value does not own \p data.
    Value* createTensor(const MemoryInfo* memory, void* data, size_t bytes, const int64_t* dims, size_t rank,
                        int32_t type) const;
    void* tensorData(Value* value) const;
    TensorInfo* tensorInfo(const Value* value) const;
    int32_t elementType(const TensorInfo* info) const;
    size_t elementCount(const TensorInfo* info) const;
    size_t rank(const TensorInfo* info) const;
    void dims(const TensorInfo* info, int64_t* sizes, size_t rank) const {
        check(slot<Status*(const TensorInfo*, int64_t*, size_t)>(62)(info, sizes, rank));
    }
    int64_t integerAttribute(const KernelInfo* info, const char* name) const;
    const Value* kernelInput(const KernelContext* context, size_t index) const;
    Value* kernelOutput(KernelContext* context, size_t index, const int64_t* dims, size_t rank) const;

    //! A failure of ours to hand to the runtime.
    Status* newStatus(const char* message) const {
        constexpr int32_t kFail = 1;
        return slot<Status*(int32_t, const char*)>(0)(kFail, message);
    }

    void release(Session* object) const { slot<void(Session*)>(95)(object); }
    void release(Value* object) const { slot<void(Value*)>(96)(object); }
    void release(TensorInfo* object) const { slot<void(TensorInfo*)>(99)(object); }
    void release(SessionOptions* object) const { slot<void(SessionOptions*)>(100)(object); }
    void release(CustomOpDomain* object) const { slot<void(CustomOpDomain*)>(101)(object); }

private:
    explicit Api(const std::string& library);

    template <typename Function>
    Function* slot(size_t position) const {
        return reinterpret_cast<Function*>(mTable[position]);
    }
    //! Throws what \p status says, if anything, and frees it.
    void check(Status* status) const;
    Env* createEnvironment() const;

    SharedLibrary mLibrary;
    void* const* mTable = nullptr;
    Env* mEnvironment = nullptr;
};

//! Releases an object of the runtime when it goes.
template <typename T>
class Owned {
public:
    Owned(const Api& api, T* object) : mApi(&api), mObject(object) {}
    Owned(Owned&& other) noexcept : mApi(other.mApi), mObject(other.mObject) { other.mObject = nullptr; }
    Owned(const Owned&) = delete;
    Owned& operator=(const Owned&) = delete;
    ~Owned() {
        if (mObject != nullptr) {
            mApi->release(mObject);
        }
    }
    T* get() const { return mObject; }

private:
    const Api* mApi;
    T* mObject;
};

} // namespace ort
} // namespace precision_bench
