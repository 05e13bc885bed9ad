//! \file shared_library.h
//! \brief A library opened at run time. Nothing of TensorRT or CUDA is ever linked.
#pragma once

#include <string>

namespace precision_bench {

//! \brief An open shared library.
//!
//! The library stays in the process when the object goes: TensorRT and its threads do not survive being unloaded.
class SharedLibrary {
public:
    //! \brief Opens the library at \p path, or leaves isOpen() false and error() set.
    //! \param path a file, or a bare name that the system's loader looks up
    explicit SharedLibrary(const std::string& path);

    bool isOpen() const { return mHandle != nullptr; }
    //! The loader's own words, without a line break; empty when the library is open.
    const std::string& error() const { return mError; }

    //! \brief The function called \p name, or nullptr when the library has none.
    template <typename Function>
    Function* function(const char* name) const {
        return reinterpret_cast<Function*>(symbol(name));
    }

private:
    void* symbol(const char* name) const;

    void* mHandle = nullptr;
    std::string mError;
};

} // namespace precision_bench
