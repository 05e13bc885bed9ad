"""Writes one reduced-precision model with NVIDIA ModelOpt on the CPU, and says what it cost.

    python modelopt_peers.py TASK VARIANT IN.onnx CALIB.npz OUT.onnx      prints one JSON line

Run in the environment of requirements-modelopt*.txt. Its calibration is ONNX Runtime's (1.24, the release ModelOpt
pins), so seconds of calibration are taken in the same place as in `peers.py`.
"""

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxscript  # noqa: F401  (probes for PyTorch when imported: before the stub can be seen)

from onnxruntime.quantization import CalibrationDataReader

# ModelOpt imports PyTorch for FP8 and FP4 weights only; see stubs/torch.
sys.path.insert(0, str(Path(__file__).parent / 'stubs'))

from tasks import CALIBRATION_BATCH, feeds  # noqa: E402


class Reader(CalibrationDataReader):
    """The data reader ModelOpt expects: ONNX Runtime's, with get_first and rewind."""

    def __init__(self, task, arrays):
        self._feeds = lambda: feeds(task, arrays, CALIBRATION_BATCH.get(task, 10))
        self.rewind()

    def get_next(self):
        return next(self._iterator, None)

    def get_first(self):
        return next(self._feeds())

    def rewind(self):
        self._iterator = self._feeds()


def quantize_int8(task, method, source, arrays, target):
    import modelopt.onnx.quantization.int8 as int8
    import modelopt.onnx.quantization.ort_patching as ort_patching
    from modelopt.onnx.quantization import quantize

    # Calibration lasts from the call of its quantize_static (a patched copy of ONNX Runtime's) until Q/DQ are inserted.
    marks = {}
    int8.quantize_static = marked(marks, 'start', int8.quantize_static)
    ort_patching.QDQQuantizer = marked(marks, 'end', ort_patching.QDQQuantizer)
    start = time.perf_counter()
    quantize(
        str(source),
        quantize_mode='int8',
        calibration_method=method,
        calibration_data_reader=Reader(task, arrays),
        calibration_eps=['cpu'],
        output_path=str(target),
        log_level='WARNING',
    )
    end = time.perf_counter()
    return {'calibrationSeconds': marks['end'] - marks['start'], 'convertSeconds': end - start}


def marked(marks, name, function):
    """The function, noting the time at which it is called."""

    def call(*args, **kwargs):
        marks[name] = time.perf_counter()
        return function(*args, **kwargs)

    return call


def autocast(task, source, arrays, target):
    from modelopt.onnx.autocast import convert_to_mixed_precision

    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, 'first.npz')
        np.savez(data, **next(feeds(task, arrays, CALIBRATION_BATCH.get(task, 10))))
        start = time.perf_counter()
        model = convert_to_mixed_precision(
            str(source), low_precision_type='fp16', keep_io_types=True, calibration_data=data, providers=['cpu']
        )
        onnx.save(model, target)
        return {'calibrationSeconds': None, 'convertSeconds': time.perf_counter() - start}


def main(task, variant, source, calibration, target):
    with np.load(calibration) as file:
        arrays = {name: file[name] for name in file.files}
    if variant == 'modelopt-autocast-fp16':
        result = autocast(task, source, arrays, target)
    else:
        result = quantize_int8(task, variant.removeprefix('modelopt-int8-'), source, arrays, target)
    result['peakRssBytes'] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(result))


if __name__ == '__main__':
    main(*sys.argv[1:])
