//! \file parser.cpp
//! \brief The fake ONNX parser: reads a real ONNX file, keeps its bindings and a layer for each node.
#include "network.h"
#include "onnx_file.h"
#include "options.h"

#include <map>
#include <set>

namespace fake {
namespace {

DataType typeOf(int64_t onnx) {
    switch (onnx) {
    case 3:
        return DataType::kINT8;
    case 6:
        return DataType::kINT32;
    case 9:
        return DataType::kBOOL;
    case 10:
        return DataType::kHALF;
#if FAKE_MODERN
    case 2:
        return DataType::kUINT8;
    case 7:
        return DataType::kINT64;
    case 16:
        return DataType::kBF16;
    case 17:
        return DataType::kFP8;
#else
    case 7:
        return DataType::kINT32; // as TensorRT 8 takes them
#endif
    default:
        return DataType::kFLOAT;
    }
}

bool isConstant(const OnnxFile& file, const std::string& name) {
    return name.empty() || file.initializers.count(name) != 0;
}

class Builder {
public:
    Builder(const OnnxFile& file, Network& network) : mFile(file), mNetwork(network) {}

    void build() {
        for (const OnnxValue& value : mFile.inputs) {
            if (!isConstant(mFile, value.name)) {
                MadeTensor* tensor = make(value.name, typeOf(value.type), value.dims);
                tensor->implementation.isInput = true;
                mNetwork.inputs.push_back(tensor);
            }
        }
        for (const OnnxNode& node : mFile.nodes) {
            add(node);
        }
        for (const OnnxValue& value : mFile.outputs) {
            MadeTensor* tensor = mTensors.count(value.name) != 0 ? mTensors[value.name]
                                                                 : make(value.name, typeOf(value.type), value.dims);
            tensor->implementation.isOutput = true;
            tensor->implementation.dims = value.dims;
            tensor->implementation.type = typeOf(value.type);
            mNetwork.outputs.push_back(tensor);
        }
    }

private:
    MadeTensor* make(const std::string& name, DataType type, const std::vector<int64_t>& dims) {
        mNetwork.tensors.push_back(std::make_unique<MadeTensor>());
        MadeTensor* tensor = mNetwork.tensors.back().get();
        tensor->implementation.name = name;
        tensor->implementation.type = type;
        tensor->implementation.dims = dims;
        mTensors[name] = tensor;
        return tensor;
    }

    //! The type of what a node reads first, be it a tensor or a weight.
    DataType typeRead(const OnnxNode& node) {
        for (const std::string& input : node.inputs) {
            if (mTensors.count(input) != 0) {
                return mTensors[input]->implementation.type;
            }
        }
        for (const std::string& input : node.inputs) {
            const auto weight = mFile.initializers.find(input);
            if (weight != mFile.initializers.end()) {
                return typeOf(weight->second);
            }
        }
        return DataType::kFLOAT;
    }

    DataType typeWritten(const OnnxNode& node, DataType read) const {
        if (node.type == "Cast") {
            return typeOf(node.to);
        }
        if (node.type == "QuantizeLinear") {
            return DataType::kINT8;
        }
        if (node.type == "DequantizeLinear") {
            const auto scale =
                node.inputs.size() > 1 ? mFile.initializers.find(node.inputs[1]) : mFile.initializers.end();
            return scale != mFile.initializers.end() ? typeOf(scale->second) : DataType::kFLOAT;
        }
        return node.type == "Shape" ? typeOf(7) : read;
    }

    void add(const OnnxNode& node) {
        mNetwork.layers.push_back(std::make_unique<MadeLayer>());
        Layer& layer = mNetwork.layers.back()->implementation;
        layer.name =
            node.name.empty() ? "(Unnamed Layer* " + std::to_string(mNetwork.layers.size() - 1) + ")" : node.name;
        layer.operation = node.type;
        layer.reads = typeRead(node);
        layer.type = node.type == "Constant" ? LayerType::kCONSTANT
                     : node.type == "Shape"  ? LayerType::kSHAPE
                     : node.type == "Conv"   ? LayerType::kCONVOLUTION
                                             : LayerType::kIDENTITY;
        for (size_t i = 0; i < node.inputs.size(); ++i) {
            const auto found = mTensors.find(node.inputs[i]);
            if (found == mTensors.end()) {
                continue;
            }
            layer.inputs.push_back(found->second);
            // What a Q/DQ pair feeds computes in INT8.
            if (mDequantized.count(node.inputs[i]) != 0 && node.type != "QuantizeLinear") {
                layer.reads = DataType::kINT8;
            }
            if (i == 1 && (node.type == "Reshape" || node.type == "Expand")) {
                found->second->implementation.holdsShape = true;
            }
        }
        for (const std::string& output : node.outputs) {
            layer.outputs.push_back(make(output, typeWritten(node, typeRead(node)), {}));
            if (node.type == "DequantizeLinear") {
                mDequantized.insert(output);
            }
        }
    }

    const OnnxFile& mFile;
    Network& mNetwork;
    std::map<std::string, MadeTensor*> mTensors;
    std::set<std::string> mDequantized;
};

} // namespace
} // namespace fake

namespace fake_parser {
namespace {

class Error final : public StubIParserError {
public:
    std::string reason;
    int index = -1;
    std::string name;
    std::string operation;

    ErrorCode code() const override { return ErrorCode::kUNSUPPORTED_NODE; }
    const char* desc() const override { return reason.c_str(); }
    int node() const override { return index; }
#if FAKE_MODERN
    const char* nodeName() const override { return name.c_str(); }
    const char* nodeOperator() const override { return operation.c_str(); }
    int32_t localFunctionStackSize() const override { return 0; }
#endif
};

class Parser final : public StubIParser {
public:
    explicit Parser(fake::MadeNetwork& network) : mNetwork(network.implementation) {}

    bool parseFromFile(const char* path, int) FAKE_PARSER_NOEXCEPT override {
        try {
            const fake::OnnxFile file = fake::readOnnx(path);
            const std::string refused = fake::tensorrtOption("parse");
            for (size_t i = 0; i < file.nodes.size(); ++i) {
                if (file.nodes[i].name == refused && !refused.empty()) {
                    fail("Plugin not found", static_cast<int>(i), file.nodes[i].name, file.nodes[i].type);
                }
            }
            if (mErrors.empty()) {
                fake::Builder(file, mNetwork).build();
            }
        } catch (const std::exception& error) {
            fail(error.what(), -1, "", "");
        }
        return mErrors.empty();
    }

    int getNbErrors() const FAKE_PARSER_NOEXCEPT override { return static_cast<int>(mErrors.size()); }
    const IParserError* getError(int index) const FAKE_PARSER_NOEXCEPT override {
        return mErrors[static_cast<size_t>(index)].get();
    }

private:
    void fail(const std::string& reason, int index, const std::string& name, const std::string& operation) {
        auto error = std::make_unique<Error>();
        error->reason = reason;
        error->index = index;
        error->name = name;
        error->operation = operation;
        mErrors.push_back(std::move(error));
    }

    fake::Network& mNetwork;
    std::vector<std::unique_ptr<Error>> mErrors;
    fake::Counted mCounted;
};

} // namespace
} // namespace fake_parser

#if !FAKE_MODERN
// Of the plugin library, which TensorRT 8's parser needs.
extern "C" bool initLibNvInferPlugins(void* logger, const char* name);
#endif

FAKE_EXPORT void* createNvOnnxParser_INTERNAL(void* network, void*, int) {
#if !FAKE_MODERN
    initLibNvInferPlugins(nullptr, "");
#endif
    auto* definition = static_cast<nvinfer1::INetworkDefinition*>(network);
    return static_cast<nvonnxparser::IParser*>(new fake_parser::Parser(static_cast<fake::MadeNetwork&>(*definition)));
}

//! Parsers that were made and not destroyed.
FAKE_EXPORT int pb_fake_live_objects() { return fake::gLiveObjects; }
