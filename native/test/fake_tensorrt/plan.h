//! \file plan.h
//! \brief The fake's engine file: lines of text, so that a test can read what was built.
#pragma once

#include "network.h"

#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace fake {

struct PlanTensor {
    std::string name;
    DataType type = DataType::kFLOAT;
    bool isInput = false;
    bool holdsShape = false;
    std::vector<int64_t> dims;
};

//! Sizes per input, in the order of the tensors that are inputs.
struct PlanProfile {
    std::vector<std::vector<int64_t>> minimum;
    std::vector<std::vector<int64_t>> optimum;
    std::vector<std::vector<int64_t>> maximum;
};

struct PlanLayer {
    std::string type;
    std::string precision; //!< TensorRT's word, as "FP16".
    std::string tactic;
    std::string name; //!< With the nodes fused into it, as "conv1 + relu1".
};

struct Plan {
    int32_t version = 0;
    bool isVersionCompatible = false;
    bool isHardwareCompatible = false;
    bool isDetailed = false;
    std::vector<int64_t> computeCapabilities;
    std::vector<PlanTensor> tensors;
    std::vector<PlanProfile> profiles;
    std::vector<PlanLayer> layers;
    std::string options; //!< What the builder was told, for tests.
};

inline const char* kPlanHeader = "FAKE-TENSORRT-ENGINE " FAKE_FLAVOUR;

inline void writeNumbers(std::ostream& out, const std::vector<int64_t>& numbers) {
    out << ' ' << numbers.size();
    for (const int64_t number : numbers) {
        out << ' ' << number;
    }
}

inline std::vector<int64_t> readNumbers(std::istream& in) {
    size_t count = 0;
    in >> count;
    std::vector<int64_t> numbers(in && count < 1000 ? count : 0);
    for (int64_t& number : numbers) {
        in >> number;
    }
    return numbers;
}

inline std::string serialize(const Plan& plan) {
    std::ostringstream out;
    out << kPlanHeader << '\n'
        << plan.version << ' ' << plan.isVersionCompatible << ' ' << plan.isHardwareCompatible << ' '
        << plan.isDetailed;
    writeNumbers(out, plan.computeCapabilities);
    out << '\n' << plan.options << '\n' << plan.tensors.size() << '\n';
    for (const PlanTensor& tensor : plan.tensors) {
        out << static_cast<int>(tensor.type) << ' ' << tensor.isInput << ' ' << tensor.holdsShape;
        writeNumbers(out, tensor.dims);
        out << ' ' << tensor.name << '\n';
    }
    out << plan.profiles.size() << '\n';
    for (const PlanProfile& profile : plan.profiles) {
        out << profile.minimum.size();
        for (size_t i = 0; i < profile.minimum.size(); ++i) {
            writeNumbers(out, profile.minimum[i]);
            writeNumbers(out, profile.optimum[i]);
            writeNumbers(out, profile.maximum[i]);
        }
        out << '\n';
    }
    out << plan.layers.size() << '\n';
    for (const PlanLayer& layer : plan.layers) {
        out << layer.type << ' ' << layer.precision << ' ' << layer.tactic << ' ' << layer.name << '\n';
    }
    return out.str();
}

//! \throws std::runtime_error for anything that is no engine of this flavour of the fake
inline Plan readPlan(const std::string& text) {
    std::istringstream in(text);
    Plan plan;
    std::string line;
    std::getline(in, line);
    if (line != kPlanHeader) {
        throw std::runtime_error("Magic tag does not match");
    }
    in >> plan.version >> plan.isVersionCompatible >> plan.isHardwareCompatible >> plan.isDetailed;
    plan.computeCapabilities = readNumbers(in);
    std::getline(in, line);
    std::getline(in, plan.options);
    size_t count = 0;
    in >> count;
    for (size_t i = 0; in && i < count; ++i) {
        PlanTensor tensor;
        int type = 0;
        in >> type >> tensor.isInput >> tensor.holdsShape;
        tensor.type = static_cast<DataType>(type);
        tensor.dims = readNumbers(in);
        std::getline(in >> std::ws, tensor.name);
        plan.tensors.push_back(tensor);
    }
    in >> count;
    for (size_t i = 0; in && i < count; ++i) {
        PlanProfile profile;
        size_t inputs = 0;
        in >> inputs;
        for (size_t j = 0; in && j < inputs; ++j) {
            profile.minimum.push_back(readNumbers(in));
            profile.optimum.push_back(readNumbers(in));
            profile.maximum.push_back(readNumbers(in));
        }
        plan.profiles.push_back(profile);
    }
    in >> count;
    for (size_t i = 0; in && i < count; ++i) {
        PlanLayer layer;
        in >> layer.type >> layer.precision >> layer.tactic;
        std::getline(in >> std::ws, layer.name);
        plan.layers.push_back(layer);
    }
    if (!in) {
        throw std::runtime_error("The engine is cut short");
    }
    return plan;
}

} // namespace fake
