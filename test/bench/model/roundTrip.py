"""One measurement of Python's onnx: prints seconds and peak memory in bytes. Started by run.mjs."""

import json
import resource
import sys
import time

import onnx

start = time.perf_counter()
onnx.save(onnx.load(sys.argv[1]), sys.argv[2])
seconds = time.perf_counter() - start
# Kilobytes on Linux, bytes on macOS.
unit = 1 if sys.platform == "darwin" else 1024
print(json.dumps({"seconds": seconds, "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}))
