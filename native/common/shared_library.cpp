#include "shared_library.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace precision_bench {

#if defined(_WIN32)

SharedLibrary::SharedLibrary(const std::string& path) {
    const int length = MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, nullptr, 0);
    std::wstring wide(static_cast<size_t>(length), L'\0');
    MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, wide.data(), length);
    // With a full path the library's own folder is searched for what it needs.
    const bool isPath = path.find_first_of("/\\") != std::string::npos;
    mHandle = LoadLibraryExW(wide.c_str(), nullptr, isPath ? LOAD_WITH_ALTERED_SEARCH_PATH : 0);
    if (mHandle == nullptr) {
        mError = "error " + std::to_string(GetLastError()) + " loading " + path;
    }
}

void* SharedLibrary::symbol(const char* name) const {
    return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(mHandle), name));
}

#else

SharedLibrary::SharedLibrary(const std::string& path) {
    // RTLD_LOCAL keeps two TensorRT libraries in one process from seeing each other's symbols.
    mHandle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (mHandle == nullptr) {
        const char* reason = dlerror();
        mError = reason != nullptr ? reason : "unknown error loading " + path;
    }
}

void* SharedLibrary::symbol(const char* name) const { return dlsym(mHandle, name); }

#endif

} // namespace precision_bench
