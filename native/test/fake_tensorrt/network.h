//! \file network.h
//! \brief The fake's network, shared by the fake library and the fake parser, which fills it.
#pragma once

#include "stubs.h"

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#if defined(TRT_MAJOR_RTX)
#define FAKE_FLAVOUR "rtx"
#define FAKE_MODERN 1
#define FAKE_WEAK 0
#elif NV_TENSORRT_MAJOR >= 11
#define FAKE_FLAVOUR "11"
#define FAKE_MODERN 1
#define FAKE_WEAK 0
#elif NV_TENSORRT_MAJOR >= 10
#define FAKE_FLAVOUR "10"
#define FAKE_MODERN 1
#define FAKE_WEAK 1
#else
#define FAKE_FLAVOUR "8"
#define FAKE_MODERN 0
#define FAKE_WEAK 1
#endif

#if FAKE_MODERN
#define FAKE_PARSER_NOEXCEPT noexcept
#define FAKE_CONST const
#else
#define FAKE_PARSER_NOEXCEPT
#define FAKE_CONST
#endif

#define FAKE_EXPORT extern "C" __attribute__((visibility("default")))

namespace fake {

using namespace nvinfer1;

// TensorRT 8 passes sizes by value.
#if FAKE_MODERN
using DimsArgument = const Dims&;
#else
using DimsArgument = Dims;
#endif

//! Objects of one shared object that live; a test sees what is not destroyed.
inline std::atomic<int> gLiveObjects{0};

class Counted {
public:
    Counted() { ++gLiveObjects; }
    ~Counted() { --gLiveObjects; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
};

//! A public class of TensorRT over an implementation of ours.
template <typename Interface, typename Implementation>
class Made final : public Interface {
public:
    template <typename... Arguments>
    explicit Made(Arguments&&... arguments) : implementation(std::forward<Arguments>(arguments)...) {
        this->mImpl = &implementation;
    }
    ~Made() noexcept override = default;

    Implementation implementation;

private:
    Counted mCounted;
};

inline Dims dimsOf(const std::vector<int64_t>& sizes) {
    Dims dims = {};
    dims.nbDims = static_cast<int32_t>(sizes.size());
    for (size_t i = 0; i < sizes.size(); ++i) {
        dims.d[i] = static_cast<std::remove_reference_t<decltype(dims.d[0])>>(sizes[i]);
    }
    return dims;
}

inline std::vector<int64_t> sizesOf(const Dims& dims) { return {dims.d, dims.d + dims.nbDims}; }

class Tensor final : public StubVTensor {
public:
    std::string name;
    DataType type = DataType::kFLOAT;
    std::vector<int64_t> dims;
    bool isInput = false;
    bool isOutput = false;
    bool holdsShape = false;
    TensorFormats formats = 0xfff;

    const char* getName() const noexcept override { return name.c_str(); }
    Dims getDimensions() const noexcept override { return dimsOf(dims); }
    DataType getType() const noexcept override { return type; }
    bool isNetworkInput() const noexcept override { return isInput; }
    bool isNetworkOutput() const noexcept override { return isOutput; }
    bool isShapeTensor() const noexcept override { return holdsShape; }
    bool isExecutionTensor() const noexcept override { return !holdsShape; }
    TensorFormats getAllowedFormats() const noexcept override { return formats; }
    void setAllowedFormats(TensorFormats allowed) noexcept override { formats = allowed; }
#if FAKE_WEAK
    void setType(DataType wanted) noexcept override { type = wanted; }
#endif
};

using MadeTensor = Made<ITensor, Tensor>;

class Layer final : public StubVLayer {
public:
    std::string name;
    std::string operation;
    LayerType type = LayerType::kIDENTITY;
    std::vector<MadeTensor*> inputs; //!< Without constants.
    std::vector<MadeTensor*> outputs;
    DataType reads = DataType::kFLOAT; //!< Of the graph: what its first input holds, or its weights.
    bool isConstrained = false;
    DataType precision = DataType::kFLOAT;
    std::vector<std::pair<int32_t, DataType>> outputTypes;

    const char* getName() const noexcept override { return name.c_str(); }
    LayerType getType() const noexcept override { return type; }
    int32_t getNbInputs() const noexcept override { return static_cast<int32_t>(inputs.size()); }
    int32_t getNbOutputs() const noexcept override { return static_cast<int32_t>(outputs.size()); }
    ITensor* getInput(int32_t index) const noexcept override { return inputs[static_cast<size_t>(index)]; }
    ITensor* getOutput(int32_t index) const noexcept override { return outputs[static_cast<size_t>(index)]; }
#if FAKE_WEAK
    void setPrecision(DataType wanted) noexcept override {
        isConstrained = true;
        precision = wanted;
    }
    void setOutputType(int32_t index, DataType wanted) noexcept override { outputTypes.emplace_back(index, wanted); }
#endif
};

//! ILayer calls its implementation by another name than the other classes.
class MadeLayer final : public ILayer {
public:
    MadeLayer() { this->mLayer = &implementation; }
    ~MadeLayer() noexcept override = default;

    Layer implementation;

private:
    Counted mCounted;
};

class Network final : public StubVNetworkDefinition {
public:
    explicit Network(bool isStronglyTyped) : isStrong(isStronglyTyped) {}

    const bool isStrong;
    std::vector<std::unique_ptr<MadeTensor>> tensors;
    std::vector<std::unique_ptr<MadeLayer>> layers;
    std::vector<MadeTensor*> inputs;
    std::vector<MadeTensor*> outputs;

    int32_t getNbLayers() const noexcept override { return static_cast<int32_t>(layers.size()); }
    ILayer* getLayer(int32_t index) const noexcept override { return layers[static_cast<size_t>(index)].get(); }
    int32_t getNbInputs() const noexcept override { return static_cast<int32_t>(inputs.size()); }
    ITensor* getInput(int32_t index) const noexcept override { return inputs[static_cast<size_t>(index)]; }
    int32_t getNbOutputs() const noexcept override { return static_cast<int32_t>(outputs.size()); }
    ITensor* getOutput(int32_t index) const noexcept override { return outputs[static_cast<size_t>(index)]; }
};

using MadeNetwork = Made<INetworkDefinition, Network>;

} // namespace fake
