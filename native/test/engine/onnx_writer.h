//! \file onnx_writer.h
//! \brief Small ONNX files for the tests, written as protobuf's wire format.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace onnx_writer {

enum Type { kFloat = 1, kInt8 = 3, kInt32 = 6, kInt64 = 7, kHalf = 10 };

struct Value {
    std::string name;
    Type type;
    std::vector<int64_t> dims; //!< -1: unknown.
};

struct Node {
    std::string name;
    std::string type;
    std::vector<std::string> inputs;
    std::vector<std::string> outputs;
};

struct Graph {
    std::vector<Value> inputs;
    std::vector<Value> outputs;
    std::vector<Node> nodes;
    std::vector<std::string> weights; //!< Names of FP32 initializers; their values do not matter here.
};

//! The bytes of a model.
std::string serialize(const Graph& graph);

//! x [-1, 3, 8, 8] → conv1 → relu1 → fc → y [-1, 10]; the fake computes y[i] = 2 x[i] + 1.
Graph classifier(int64_t batch = -1);

} // namespace onnx_writer
