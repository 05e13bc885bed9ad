//! \file onnxruntime.cpp
//! \brief Opens the library and wraps those functions that give something out.
#include "onnxruntime.h"

#if defined(_WIN32)
#include <filesystem>
#endif

namespace precision_bench {
namespace ort {
namespace {

//! `OrtApiBase`.
struct ApiBase {
    const void* (*table)(uint32_t version);
    const char* (*version)();
};

} // namespace

const Api& Api::open(const std::string& library) {
    // Never destroyed: the runtime's threads and allocators outlive static objects.
    static const Api* const api = new Api(library);
    return *api;
}

Api::Api(const std::string& library) : mLibrary(library) {
    if (!mLibrary.isOpen()) {
        throw Error(mLibrary.error());
    }
    auto* base = mLibrary.function<const ApiBase*()>("OrtGetApiBase");
    if (base == nullptr) {
        throw Error(library + " is not ONNX Runtime");
    }
    mTable = static_cast<void* const*>(base()->table(kApiVersion));
    if (mTable == nullptr) {
        throw Error(std::string("ONNX Runtime ") + base()->version() + " is too old");
    }
    mEnvironment = createEnvironment();
}

void Api::check(Status* status) const {
    if (status == nullptr) {
        return;
    }
    const std::string message = slot<const char*(const Status*)>(2)(status);
    slot<void(Status*)>(93)(status);
    throw Error(message);
}

Env* Api::createEnvironment() const {
    // Errors come back as statuses and would be printed a second time.
    constexpr int32_t kFatal = 4;
    Env* env = nullptr;
    check(slot<Status*(int32_t, const char*, Env**)>(3)(kFatal, "precision-bench", &env));
    return env;
}

SessionOptions* Api::createSessionOptions() const {
    SessionOptions* options = nullptr;
    check(slot<Status*(SessionOptions**)>(10)(&options));
    return options;
}

CustomOpDomain* Api::createDomain(const char* name) const {
    CustomOpDomain* domain = nullptr;
    check(slot<Status*(const char*, CustomOpDomain**)>(26)(name, &domain));
    return domain;
}

Session* Api::createSession(const std::string& path, const SessionOptions* options) const {
    Session* session = nullptr;
#if defined(_WIN32)
    const std::wstring file = std::filesystem::u8path(path).wstring();
    check(slot<Status*(const Env*, const wchar_t*, const SessionOptions*, Session**)>(7)(mEnvironment, file.c_str(),
                                                                                         options, &session));
#else
    check(slot<Status*(const Env*, const char*, const SessionOptions*, Session**)>(7)(mEnvironment, path.c_str(),
                                                                                      options, &session));
#endif
    return session;
}

Session* Api::createSession(const void* model, size_t bytes, const SessionOptions* options) const {
    Session* session = nullptr;
    check(slot<Status*(const Env*, const void*, size_t, const SessionOptions*, Session**)>(8)(
        mEnvironment, model, bytes, options, &session));
    return session;
}

MemoryInfo* Api::createCpuMemoryInfo() const {
    constexpr int32_t kDeviceAllocator = 0;
    constexpr int32_t kDefaultMemory = 0;
    MemoryInfo* info = nullptr;
    check(slot<Status*(int32_t, int32_t, MemoryInfo**)>(69)(kDeviceAllocator, kDefaultMemory, &info));
    return info;
}

Value* Api::createTensor(const MemoryInfo* memory, void* data, size_t bytes, const int64_t* dims, size_t rank,
                         int32_t type) const {
    Value* value = nullptr;
    check(slot<Status*(const MemoryInfo*, void*, size_t, const int64_t*, size_t, int32_t, Value**)>(49)(
        memory, data, bytes, dims, rank, type, &value));
    return value;
}

void* Api::tensorData(Value* value) const {
    void* data = nullptr;
    check(slot<Status*(Value*, void**)>(51)(value, &data));
    return data;
}

TensorInfo* Api::tensorInfo(const Value* value) const {
    TensorInfo* info = nullptr;
    check(slot<Status*(const Value*, TensorInfo**)>(65)(value, &info));
    return info;
}

int32_t Api::elementType(const TensorInfo* info) const {
    int32_t type = kUndefined;
    check(slot<Status*(const TensorInfo*, int32_t*)>(60)(info, &type));
    return type;
}

size_t Api::elementCount(const TensorInfo* info) const {
    size_t count = 0;
    check(slot<Status*(const TensorInfo*, size_t*)>(64)(info, &count));
    return count;
}

size_t Api::rank(const TensorInfo* info) const {
    size_t count = 0;
    check(slot<Status*(const TensorInfo*, size_t*)>(61)(info, &count));
    return count;
}

int64_t Api::integerAttribute(const KernelInfo* info, const char* name) const {
    int64_t value = 0;
    check(slot<Status*(const KernelInfo*, const char*, int64_t*)>(86)(info, name, &value));
    return value;
}

const Value* Api::kernelInput(const KernelContext* context, size_t index) const {
    const Value* value = nullptr;
    check(slot<Status*(const KernelContext*, size_t, const Value**)>(90)(context, index, &value));
    return value;
}

Value* Api::kernelOutput(KernelContext* context, size_t index, const int64_t* dims, size_t rank) const {
    Value* value = nullptr;
    check(
        slot<Status*(KernelContext*, size_t, const int64_t*, size_t, Value**)>(91)(context, index, dims, rank, &value));
    return value;
}

} // namespace ort
} // namespace precision_bench
