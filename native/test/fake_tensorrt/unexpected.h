//! \file unexpected.h
//! \brief Where a call ends that the fake does not expect.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace fake {

[[noreturn]] inline void unexpected(const char* function) {
    std::fprintf(stderr, "The fake TensorRT has no %s.\n", function);
    std::abort();
}

} // namespace fake
