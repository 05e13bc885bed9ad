#include "onnx_writer.h"

namespace onnx_writer {
namespace {

void putVarint(std::string& out, uint64_t value) {
    for (; value >= 0x80; value >>= 7) {
        out += static_cast<char>(value | 0x80);
    }
    out += static_cast<char>(value);
}

void putInteger(std::string& out, int field, uint64_t value) {
    putVarint(out, static_cast<uint64_t>(field) << 3);
    putVarint(out, value);
}

void putBytes(std::string& out, int field, const std::string& bytes) {
    putVarint(out, static_cast<uint64_t>(field) << 3 | 2);
    putVarint(out, bytes.size());
    out += bytes;
}

std::string valueInfo(const Value& value) {
    std::string shape;
    for (const int64_t size : value.dims) {
        std::string dimension;
        if (size >= 0) {
            putInteger(dimension, 1, static_cast<uint64_t>(size));
        } else {
            putBytes(dimension, 2, "n");
        }
        putBytes(shape, 1, dimension);
    }
    std::string tensor;
    putInteger(tensor, 1, value.type);
    putBytes(tensor, 2, shape);
    std::string type;
    putBytes(type, 1, tensor);
    std::string info;
    putBytes(info, 1, value.name);
    putBytes(info, 2, type);
    return info;
}

std::string nodeProto(const Node& node) {
    std::string proto;
    for (const std::string& input : node.inputs) {
        putBytes(proto, 1, input);
    }
    for (const std::string& output : node.outputs) {
        putBytes(proto, 2, output);
    }
    putBytes(proto, 3, node.name);
    putBytes(proto, 4, node.type);
    return proto;
}

} // namespace

std::string serialize(const Graph& graph) {
    std::string proto;
    for (const Node& node : graph.nodes) {
        putBytes(proto, 1, nodeProto(node));
    }
    for (const std::string& name : graph.weights) {
        std::string tensor;
        putInteger(tensor, 2, kFloat);
        putBytes(tensor, 8, name);
        putBytes(proto, 5, tensor);
    }
    for (const Value& input : graph.inputs) {
        putBytes(proto, 11, valueInfo(input));
    }
    for (const Value& output : graph.outputs) {
        putBytes(proto, 12, valueInfo(output));
    }
    std::string model;
    putInteger(model, 1, 8);
    putBytes(model, 7, proto);
    return model;
}

Graph classifier(int64_t batch) {
    return {{{"x", kFloat, {batch, 3, 8, 8}}},
            {{"y", kFloat, {batch, 10}}},
            {{"conv1", "Conv", {"x", "w"}, {"a"}}, {"relu1", "Relu", {"a"}, {"b"}}, {"fc", "Gemm", {"b", "w"}, {"y"}}},
            {"w"}};
}

} // namespace onnx_writer
