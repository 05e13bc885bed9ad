//! \file network_options.h
//! \brief What a request says of the network itself: shapes, bindings and the types of single layers.
#pragma once

#include "engine_api.h"
#include "reporter.h"
#include "trt.h"

namespace precision_bench {

//! \brief Adds the request's optimization profiles, which belong to the builder.
//! \return PB_OK, or PB_INVALID after reporting what was refused
PbStatus addProfiles(nvinfer1::IBuilder& builder, nvinfer1::IBuilderConfig& config, const PbBuildRequest& request,
                     Reporter& reporter);

//! Sets element types and memory layouts of inputs and outputs.
PbStatus setBindings(nvinfer1::INetworkDefinition& network, const PbBuildRequest& request, Reporter& reporter);

//! Sets the types that single layers compute in, and tells the request's caller of names that no layer has.
PbStatus setLayerPrecisions(nvinfer1::INetworkDefinition& network, nvinfer1::IBuilderConfig& config,
                            const PbBuildRequest& request, Reporter& reporter);

//! Tells the request's caller of every input and output.
void describeBindings(const nvinfer1::INetworkDefinition& network, const PbBuildRequest& request);

} // namespace precision_bench
