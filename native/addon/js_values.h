//! \file js_values.h
//! \brief JavaScript's plain objects in and out.
#pragma once

#include <napi.h>
#include <string>
#include <vector>

namespace precision_bench {

//! Reads of plain objects. `nativeAddon.ts` has checked the types; a wrong one throws a TypeError that names the field.
inline std::string stringField(const Napi::Object& object, const char* name) {
    const Napi::Value value = object.Get(name);
    if (!value.IsString()) {
        throw Napi::TypeError::New(object.Env(), std::string(name) + " must be a string");
    }
    return value.As<Napi::String>().Utf8Value();
}

inline double numberField(const Napi::Object& object, const char* name) {
    const Napi::Value value = object.Get(name);
    if (!value.IsNumber()) {
        throw Napi::TypeError::New(object.Env(), std::string(name) + " must be a number");
    }
    return value.As<Napi::Number>().DoubleValue();
}

inline Napi::Array arrayField(const Napi::Object& object, const char* name) {
    const Napi::Value value = object.Get(name);
    if (!value.IsArray()) {
        throw Napi::TypeError::New(object.Env(), std::string(name) + " must be an array");
    }
    return value.As<Napi::Array>();
}

template <typename Integer>
std::vector<Integer> integersField(const Napi::Object& object, const char* name) {
    const Napi::Array array = arrayField(object, name);
    std::vector<Integer> integers(array.Length());
    for (uint32_t i = 0; i < array.Length(); ++i) {
        integers[i] = static_cast<Integer>(array.Get(i).ToNumber().Int64Value());
    }
    return integers;
}

//! Whether the field is there: neither undefined nor null.
inline bool hasField(const Napi::Object& object, const char* name) {
    const Napi::Value value = object.Get(name);
    return !value.IsUndefined() && !value.IsNull();
}

inline int32_t flagField(const Napi::Object& object, const char* name) { return object.Get(name).ToBoolean() ? 1 : 0; }

//! An array of strings.
template <typename Texts>
Napi::Array textsToJs(Napi::Env env, const Texts& texts) {
    Napi::Array array = Napi::Array::New(env, texts.size());
    uint32_t index = 0;
    for (const std::string& text : texts) {
        array.Set(index++, text);
    }
    return array;
}

template <typename Integer>
Napi::Array integersToJs(Napi::Env env, const Integer* integers, size_t count) {
    Napi::Array array = Napi::Array::New(env, count);
    for (size_t i = 0; i < count; ++i) {
        array.Set(static_cast<uint32_t>(i), static_cast<double>(integers[i]));
    }
    return array;
}

} // namespace precision_bench
