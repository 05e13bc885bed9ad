//! \file onnx_file.h
//! \brief As much of an ONNX file as the fake parser needs: inputs, outputs, nodes, and types of initializers.
#pragma once

#include <cstdint>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace fake {

struct OnnxValue {
    std::string name;
    int64_t type = 0;
    std::vector<int64_t> dims; //!< -1 for a dimension that is named or unknown.
};

struct OnnxNode {
    std::string name;
    std::string type;
    std::vector<std::string> inputs;
    std::vector<std::string> outputs;
    int64_t to = 0; //!< Of a Cast.
};

struct OnnxFile {
    std::vector<OnnxValue> inputs;
    std::vector<OnnxValue> outputs;
    std::vector<OnnxNode> nodes;
    std::map<std::string, int64_t> initializers;
};

//! \brief A reader of protobuf's wire format over a range of bytes.
class Wire {
public:
    Wire(const char* data, size_t size) : mAt(data), mEnd(data + size) {}

    //! The next field. \return false at the end
    bool next() {
        if (mAt == mEnd) {
            return false;
        }
        const uint64_t tag = varint();
        field = static_cast<int>(tag >> 3);
        switch (tag & 7) {
        case 0:
            value = varint();
            return true;
        case 1:
            return skip(8);
        case 2: {
            const uint64_t length = varint();
            bytes = mAt;
            size = static_cast<size_t>(length);
            return skip(length);
        }
        case 5:
            return skip(4);
        default:
            throw std::runtime_error("not a protobuf");
        }
    }

    Wire message() const { return {bytes, size}; }
    std::string text() const { return {bytes, size}; }

    int field = 0;
    uint64_t value = 0;
    const char* bytes = nullptr;
    size_t size = 0;

private:
    uint64_t varint() {
        uint64_t result = 0;
        for (int shift = 0; mAt != mEnd && shift < 64; shift += 7) {
            const auto byte = static_cast<uint8_t>(*mAt++);
            result |= static_cast<uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80) {
                return result;
            }
        }
        throw std::runtime_error("not a protobuf");
    }

    bool skip(uint64_t count) {
        if (count > static_cast<uint64_t>(mEnd - mAt)) {
            throw std::runtime_error("not a protobuf");
        }
        mAt += count;
        return true;
    }

    const char* mAt;
    const char* mEnd;
};

inline int64_t readDimension(Wire wire) {
    int64_t size = -1;
    while (wire.next()) {
        size = wire.field == 1 ? static_cast<int64_t>(wire.value) : size;
    }
    return size;
}

//! TypeProto.Tensor
inline void readTensorType(Wire wire, OnnxValue& value) {
    while (wire.next()) {
        if (wire.field == 1) {
            value.type = static_cast<int64_t>(wire.value);
        } else if (wire.field == 2) {
            Wire shape = wire.message();
            while (shape.next()) {
                value.dims.push_back(readDimension(shape.message()));
            }
        }
    }
}

inline OnnxValue readValue(Wire wire) {
    OnnxValue value;
    while (wire.next()) {
        if (wire.field == 1) {
            value.name = wire.text();
        } else if (wire.field == 2) {
            Wire type = wire.message();
            while (type.next()) {
                if (type.field == 1) {
                    readTensorType(type.message(), value);
                }
            }
        }
    }
    return value;
}

inline void readAttribute(Wire wire, OnnxNode& node) {
    std::string name;
    int64_t integer = 0;
    while (wire.next()) {
        if (wire.field == 1) {
            name = wire.text();
        } else if (wire.field == 3) {
            integer = static_cast<int64_t>(wire.value);
        }
    }
    if (name == "to") {
        node.to = integer;
    }
}

inline OnnxNode readNode(Wire wire) {
    OnnxNode node;
    while (wire.next()) {
        switch (wire.field) {
        case 1:
            node.inputs.push_back(wire.text());
            break;
        case 2:
            node.outputs.push_back(wire.text());
            break;
        case 3:
            node.name = wire.text();
            break;
        case 4:
            node.type = wire.text();
            break;
        case 5:
            readAttribute(wire.message(), node);
            break;
        default:
            break;
        }
    }
    return node;
}

inline void readInitializer(Wire wire, OnnxFile& file) {
    std::string name;
    int64_t type = 0;
    while (wire.next()) {
        if (wire.field == 2) {
            type = static_cast<int64_t>(wire.value);
        } else if (wire.field == 8) {
            name = wire.text();
        }
    }
    file.initializers[name] = type;
}

//! \throws std::runtime_error for a file that is no ONNX model
inline OnnxFile readOnnx(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    OnnxFile file;
    bool hasGraph = false;
    Wire model(bytes.data(), bytes.size());
    while (model.next()) {
        if (model.field != 7) {
            continue;
        }
        hasGraph = true;
        Wire graph = model.message();
        while (graph.next()) {
            switch (graph.field) {
            case 1:
                file.nodes.push_back(readNode(graph.message()));
                break;
            case 5:
                readInitializer(graph.message(), file);
                break;
            case 11:
                file.inputs.push_back(readValue(graph.message()));
                break;
            case 12:
                file.outputs.push_back(readValue(graph.message()));
                break;
            default:
                break;
            }
        }
    }
    if (!hasGraph) {
        throw std::runtime_error(path + " holds no graph");
    }
    return file;
}

} // namespace fake
