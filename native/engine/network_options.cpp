#include "network_options.h"

#include "types.h"

#include <limits>
#include <string>
#include <unordered_map>
#include <vector>

// Weak typing is deprecated in TensorRT 10, and what `--typing weak` asks for.
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#endif

namespace precision_bench {
namespace {

using nvinfer1::OptProfileSelector;

#if PB_TRT_HAS_WIDE_SHAPE_VALUES

bool setValues(nvinfer1::IOptimizationProfile& profile, const PbProfileInput& input, OptProfileSelector selector,
               const int64_t* values) {
    return profile.setShapeValuesV2(input.name, selector, values, static_cast<int32_t>(input.count));
}

#else

bool setValues(nvinfer1::IOptimizationProfile& profile, const PbProfileInput& input, OptProfileSelector selector,
               const int64_t* values) {
    std::vector<int32_t> narrow;
    for (size_t i = 0; i < input.count; ++i) {
        if (values[i] < std::numeric_limits<int32_t>::min() || values[i] > std::numeric_limits<int32_t>::max()) {
            return false;
        }
        narrow.push_back(static_cast<int32_t>(values[i]));
    }
    return profile.setShapeValues(input.name, selector, narrow.data(), static_cast<int32_t>(narrow.size()));
}

#endif

bool setSizes(nvinfer1::IOptimizationProfile& profile, const PbProfileInput& input, OptProfileSelector selector,
              const int64_t* sizes) {
    return profile.setDimensions(input.name, selector, dimsOf(sizes, input.count));
}

PbStatus setInput(nvinfer1::IOptimizationProfile& profile, const PbProfileInput& input, Reporter& reporter) {
    const bool holdsValues = input.holdsValues != 0;
    if (!holdsValues && input.count > static_cast<size_t>(nvinfer1::Dims::MAX_DIMS)) {
        return reporter.fail(PB_INVALID, "Input " + std::string(input.name) + " has " + std::to_string(input.count) +
                                             " axes; TensorRT takes " + std::to_string(nvinfer1::Dims::MAX_DIMS) + ".");
    }
    const auto set = holdsValues ? setValues : setSizes;
    if (set(profile, input, OptProfileSelector::kMIN, input.minimum) &&
        set(profile, input, OptProfileSelector::kOPT, input.optimum) &&
        set(profile, input, OptProfileSelector::kMAX, input.maximum)) {
        return PB_OK;
    }
    return reporter.fail(PB_INVALID, std::string("TensorRT refused the ") + (holdsValues ? "values" : "shapes") +
                                         " of input " + input.name + ".");
}

nvinfer1::ITensor* findBinding(const nvinfer1::INetworkDefinition& network, const std::string& name) {
    for (int32_t i = 0; i < network.getNbInputs(); ++i) {
        if (name == network.getInput(i)->getName()) {
            return network.getInput(i);
        }
    }
    for (int32_t i = 0; i < network.getNbOutputs(); ++i) {
        if (name == network.getOutput(i)->getName()) {
            return network.getOutput(i);
        }
    }
    return nullptr;
}

PbStatus setType(nvinfer1::ITensor& tensor, const PbIoOption& option, PbTyping typing, Reporter& reporter) {
    if (option.type == PB_TYPE_UNKNOWN || option.type == typeOf(tensor.getType())) {
        return PB_OK;
    }
    const auto type = tensorRtType(option.type);
    if (!type) {
        return reporter.fail(PB_UNSUPPORTED, "This TensorRT has no " + std::string(typeText(option.type)) +
                                                 ", asked for " + option.name + ".");
    }
    const auto inGraph = [&] {
        return reporter.fail(PB_INVALID, "A strongly typed network takes the types of its bindings from the graph: " +
                                             std::string(option.name) + " is " + typeText(typeOf(tensor.getType())) +
                                             " there, not " + typeText(option.type) + ".");
    };
    if (typing == PB_STRONG) {
        return inGraph();
    }
#if PB_TRT_HAS_WEAK_TYPING
    tensor.setType(*type);
    return PB_OK;
#else
    return inGraph();
#endif
}

PbStatus setFormats(nvinfer1::ITensor& tensor, const PbIoOption& option, Reporter& reporter) {
    if (option.formats == 0) {
        return PB_OK;
    }
    const auto formats = tensorRtFormats(option.formats);
    if (!formats) {
        return reporter.fail(PB_UNSUPPORTED,
                             "This TensorRT has not every memory layout asked for " + std::string(option.name) + ".");
    }
    tensor.setAllowedFormats(*formats);
    return PB_OK;
}

PbNetworkTensor describe(const nvinfer1::ITensor& tensor, bool isInput, const std::vector<int64_t>& dims) {
    return {tensor.getName(),
            typeOf(tensor.getType()),
            isInput ? 1 : 0,
            tensor.isShapeTensor() ? 1 : 0,
            formatsOf(tensor.getAllowedFormats()),
            dims.size(),
            dims.data()};
}

#if PB_TRT_HAS_WEAK_TYPING

bool isFloat(nvinfer1::DataType type) {
    switch (typeOf(type)) {
    case PB_TYPE_FP32:
    case PB_TYPE_FP16:
    case PB_TYPE_BF16:
        return true;
    default:
        return false;
    }
}

//! Layers of integers and constants have no precision to choose.
bool choosesPrecision(const nvinfer1::ILayer& layer) {
    const nvinfer1::LayerType type = layer.getType();
    return type != nvinfer1::LayerType::kCONSTANT && type != nvinfer1::LayerType::kSHAPE && layer.getNbOutputs() > 0 &&
           isFloat(layer.getOutput(0)->getType());
}

//! The layer computes and answers in \p type; an engine's own outputs keep the type of their binding.
void constrain(nvinfer1::ILayer& layer, nvinfer1::DataType type) {
    layer.setPrecision(type);
    if (type == nvinfer1::DataType::kINT8) {
        return; // what an INT8 layer answers in is for the builder to choose
    }
    for (int32_t i = 0; i < layer.getNbOutputs(); ++i) {
        const nvinfer1::ITensor& output = *layer.getOutput(i);
        if (isFloat(output.getType()) && !output.isNetworkOutput()) {
            layer.setOutputType(i, type);
        }
    }
}

#endif

} // namespace

PbStatus addProfiles(nvinfer1::IBuilder& builder, nvinfer1::IBuilderConfig& config, const PbBuildRequest& request,
                     Reporter& reporter) {
    for (size_t index = 0; index < request.profileCount; ++index) {
        nvinfer1::IOptimizationProfile* profile = builder.createOptimizationProfile();
        if (profile == nullptr) {
            return reporter.fail(PB_INTERNAL, "TensorRT made no optimization profile.");
        }
        const PbProfile& wanted = request.profiles[index];
        for (size_t i = 0; i < wanted.inputCount; ++i) {
            if (const PbStatus status = setInput(*profile, wanted.inputs[i], reporter); status != PB_OK) {
                return status;
            }
        }
        if (!profile->isValid() || config.addOptimizationProfile(profile) < 0) {
            return reporter.fail(PB_INVALID,
                                 "TensorRT refused optimization profile " + std::to_string(index + 1) + ".");
        }
    }
    return PB_OK;
}

PbStatus setBindings(nvinfer1::INetworkDefinition& network, const PbBuildRequest& request, Reporter& reporter) {
    for (size_t i = 0; i < request.ioCount; ++i) {
        const PbIoOption& option = request.io[i];
        nvinfer1::ITensor* tensor = findBinding(network, option.name);
        if (tensor == nullptr) {
            return reporter.fail(PB_INVALID, std::string(option.name) + " is no input or output of the network.");
        }
        if (const PbStatus status = setType(*tensor, option, request.typing, reporter); status != PB_OK) {
            return status;
        }
        if (const PbStatus status = setFormats(*tensor, option, reporter); status != PB_OK) {
            return status;
        }
    }
    return PB_OK;
}

PbStatus setLayerPrecisions(nvinfer1::INetworkDefinition& network, nvinfer1::IBuilderConfig& config,
                            const PbBuildRequest& request, Reporter& reporter) {
    if (request.layerPrecisionCount == 0) {
        return PB_OK;
    }
#if PB_TRT_HAS_WEAK_TYPING
    if (request.typing == PB_STRONG) {
        return reporter.fail(PB_INVALID, "A strongly typed network takes the types of its layers from the graph.");
    }
    std::unordered_map<std::string, nvinfer1::DataType> wanted;
    for (size_t i = 0; i < request.layerPrecisionCount; ++i) {
        const PbLayerPrecision& layer = request.layerPrecisions[i];
        const auto type = tensorRtType(layer.type);
        if (!type) {
            return reporter.fail(PB_UNSUPPORTED, "This TensorRT has no " + std::string(typeText(layer.type)) +
                                                     ", asked for layer " + layer.layer + ".");
        }
        wanted[layer.layer] = *type;
    }
    config.setFlag(request.constraints == PB_OBEY_CONSTRAINTS ? nvinfer1::BuilderFlag::kOBEY_PRECISION_CONSTRAINTS
                                                              : nvinfer1::BuilderFlag::kPREFER_PRECISION_CONSTRAINTS);
    std::unordered_map<std::string, bool> isFound;
    for (int32_t i = 0; i < network.getNbLayers(); ++i) {
        nvinfer1::ILayer& layer = *network.getLayer(i);
        const auto found = wanted.find(layer.getName());
        if (found != wanted.end()) {
            isFound[found->first] = true;
            if (choosesPrecision(layer)) {
                constrain(layer, found->second);
            }
        }
    }
    for (size_t i = 0; request.unknownLayer != nullptr && i < request.layerPrecisionCount; ++i) {
        if (!isFound[request.layerPrecisions[i].layer]) {
            request.unknownLayer(request.user, request.layerPrecisions[i].layer);
        }
    }
    return PB_OK;
#else
    (void)network;
    (void)config;
    return reporter.fail(PB_UNSUPPORTED, "This TensorRT takes the types of layers from the graph only.");
#endif
}

void describeBindings(const nvinfer1::INetworkDefinition& network, const PbBuildRequest& request) {
    if (request.networkTensor == nullptr) {
        return;
    }
    const auto tell = [&](const nvinfer1::ITensor& tensor, bool isInput) {
        const std::vector<int64_t> dims = sizesOf(tensor.getDimensions());
        const PbNetworkTensor plain = describe(tensor, isInput, dims);
        request.networkTensor(request.user, &plain);
    };
    for (int32_t i = 0; i < network.getNbInputs(); ++i) {
        tell(*network.getInput(i), true);
    }
    for (int32_t i = 0; i < network.getNbOutputs(); ++i) {
        tell(*network.getOutput(i), false);
    }
}

} // namespace precision_bench

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
