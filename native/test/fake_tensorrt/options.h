//! \file options.h
//! \brief How the fakes are told what to do: words in an environment variable, read at every use.
//!
//! `PB_FAKE_TENSORRT="build=fail;steps=40"` and `PB_FAKE_CUDA="sm=89;memory=1048576"`.
//!
//! PB_FAKE_TENSORRT:
//!  - `load=crash`              the process ends while the library is loaded
//!  - `version=8601`            what getInferLibVersion answers
//!  - `builder=none`            no builder, as without a GPU
//!  - `parse=NODE`              the parser refuses the node of this name
//!  - `build=fail|crash|oom`    the builder gives nothing, ends the process, or has too little memory
//!  - `build=weakOnly`          the builder gives nothing for a strongly typed network that quantizes
//!  - `gpu=BYTES`               the builder takes this much memory of the GPU while it works
//!  - `steps=N`, `stepMs=N`     steps of the build and the time of each
//!  - `refuse=LAYER`            no kernel for the layer in the type that it is constrained to
//!  - `choose=fp32`             weak typing: the builder prefers FP32 everywhere
//!  - `runUs=N`                 time of one run
//!  - `enqueue=fail`            runs are refused
//!  - `capture=fail`            runs cannot be recorded in a CUDA graph
//!
//! PB_FAKE_CUDA:
//!  - `device=none`             there is no GPU
//!  - `sm=90`, `memory=BYTES`   of the GPU
//!  - `driver=13000`            of the driver
#pragma once

#include <cstdlib>
#include <string>

namespace fake {

//! The value of \p key in the variable, or \p otherwise.
inline std::string option(const char* variable, const std::string& key, const std::string& otherwise = "") {
    const char* text = std::getenv(variable);
    std::string rest = text != nullptr ? text : "";
    while (!rest.empty()) {
        const size_t end = rest.find(';');
        const std::string word = rest.substr(0, end);
        rest = end == std::string::npos ? "" : rest.substr(end + 1);
        const size_t equals = word.find('=');
        if (equals != std::string::npos && word.substr(0, equals) == key) {
            return word.substr(equals + 1);
        }
    }
    return otherwise;
}

inline std::string tensorrtOption(const std::string& key, const std::string& otherwise = "") {
    return option("PB_FAKE_TENSORRT", key, otherwise);
}

inline std::string cudaOption(const std::string& key, const std::string& otherwise = "") {
    return option("PB_FAKE_CUDA", key, otherwise);
}

inline long number(const std::string& text) { return std::strtol(text.c_str(), nullptr, 10); }

} // namespace fake
