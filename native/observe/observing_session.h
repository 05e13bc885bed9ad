//! \file observing_session.h
//! \brief A model run by ONNX Runtime that observes its own tensors: on the caller's thread, several callers at a time.
//!
//! The model holds nodes of operators of ours: `precision_bench.Observe` on the tensors of interest, or
//! `precision_bench.CompareLayer` on a layer's output and the one it stands for. The runtime calls them the moment a
//! tensor is computed, so that its values are still in the cache, need not be copied out and make room for the next
//! ones at once. Every run computes on one thread and is therefore the same whatever runs beside it.
#pragma once

#include "channel_ranges.h"
#include "onnxruntime.h"
#include "value_accumulator.h"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace precision_bench {

//! A tensor given to a run. The memory is the caller's.
struct RunInput {
    std::string name;
    int32_t type; //!< ONNX's element type.
    std::vector<int64_t> dims;
    void* data;
    size_t bytes;
};

//! A model to open: in memory, or a file.
struct ModelSource {
    std::string path;           //!< UTF-8; not looked at where the model is in memory.
    const void* data = nullptr; //!< The caller's; null for a file. Not needed any more once the session is open.
    size_t bytes = 0;
};

//! A tensor that a run gives out.
struct RunOutput {
    int32_t type; //!< ONNX's element type.
    std::vector<int64_t> dims;
    std::vector<uint8_t> bytes;
};

//! What one tensor's Observe nodes have seen in all runs.
struct TensorObservations {
    ValueAccumulator values;
    ChannelRanges channels;    //!< Empty where the node was not asked for them.
    std::vector<int64_t> dims; //!< Of the run that was asked to note them, or else the largest of all runs.
    bool hasDims = false;
    bool notedDims = false; //!< Do they come from the run that was asked to?

    //! A branch that only some samples take may not be in the run that notes shapes; the largest then does not depend
    //! on the order of the others.
    void addDims(const std::vector<int64_t>& seen, bool noted);
};

struct ObservingSessionOptions {
    //! Per tensor, by the attribute `tensor` of its Observe node: is a histogram wanted?
    std::vector<bool> histograms;
    //! As ONNX Runtime's GraphOptimizationLevel: 0 none, 99 all.
    int32_t optimization = 99;
    //! Entries of the session configuration, as name and value.
    std::vector<std::pair<std::string, std::string>> config;
};

class ObservingSession {
public:
    //! \param library path of ONNX Runtime's shared library
    //! \throws ort::Error
    ObservingSession(const std::string& library, const ModelSource& model, const ObservingSessionOptions& options);
    ~ObservingSession();

    //! \brief One inference. May be called by several threads at once.
    //! \param noteDims whether the observed tensors' shapes in this run are those to remember
    //! \throws ort::Error
    std::vector<RunOutput> run(const std::vector<RunInput>& inputs, const std::vector<std::string>& outputs,
                               bool noteDims);

    //! What all runs that have ended saw.
    std::vector<TensorObservations> observations() const;

private:
    class ObserveOp;
    class CompareLayerOp;
    using Observations = std::vector<TensorObservations>;

    //! Observations of one run at a time; taken from those free, or a new one.
    std::unique_ptr<Observations> borrow();
    void giveBack(std::unique_ptr<Observations> observations);

    const ort::Api& mApi;
    const ObservingSessionOptions mOptions;
    std::unique_ptr<ObserveOp> mObserve;
    std::unique_ptr<CompareLayerOp> mCompareLayer;
    std::vector<ort::Owned<ort::CustomOpDomain>> mDomain;
    std::vector<ort::Owned<ort::Session>> mSession;
    ort::MemoryInfo* mMemory;
    mutable std::mutex mLock;
    std::vector<std::unique_ptr<Observations>> mFree;
};

} // namespace precision_bench
