"""ONNX's own checker, shape inference included, over rewritten graphs.

A graph counts as refused where the checker takes the original and not what was made of it.

Usage: check_models.py < lines of ORIGINAL<tab>REWRITTEN; prints one JSON object
{"checked": n, "originalRefused": n, "refused": [{"file", "reason"}]}.
"""

import functools
import json
import sys

import onnx


@functools.cache
def fault(path):
    try:
        onnx.checker.check_model(path, full_check=True)
    except Exception as error:  # the checker throws types of several modules
        return f"{type(error).__name__}: {str(error)[:600]}"
    return None


checked = 0
original_refused = 0
refused = []
for line in sys.stdin:
    original, rewritten = line.rstrip("\n").split("\t")
    if fault(original) is not None:
        original_refused += 1
        continue
    checked += 1
    if fault(rewritten) is not None:
        refused.append({"file": rewritten, "reason": fault(rewritten)})
print(json.dumps({"checked": checked, "originalRefused": original_refused, "refused": refused}))
