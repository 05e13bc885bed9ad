"""Writes one reduced-precision model with ONNX Runtime's quantizer or onnxconverter-common, and says what it cost.

    python peers.py prepare TASK IN.onnx OUT.onnx full|plain
    python peers.py make TASK VARIANT IN.onnx CALIB.npz OUT.onnx      prints one JSON line

Run in the environment of requirements-peers.txt. One process per variant, so that peak memory is the variant's own.
`score.py` comes after.
"""

import importlib
import json
import resource
import sys
import time

import numpy as np
import onnx

from tasks import CALIBRATION_BATCH, feeds


def prepare(source, target, plain=False):
    """Opset 17 where per-channel Q/DQ needs it, then ONNX Runtime's own recommended pre-processing (folds batch norms).

    `plain` leaves the pre-processing out. On the text-direction classifier, whose weights are Constant nodes, that makes
    the quantizer take the weights for activations: per-tensor, clipped by the calibrator, and the better result there.
    """
    from onnxruntime.quantization.shape_inference import quant_pre_process

    model = onnx.load(source)
    opset = next(o.version for o in model.opset_import if o.domain in ('', 'ai.onnx'))
    if opset < 13:
        source = f'{target}.opset17'
        onnx.save(onnx.version_converter.convert_version(model, 17), source)
    if plain:
        onnx.save(onnx.load(source), target)
        return
    # Symbolic shape inference fails on some of the models and adds only shapes, which the quantizer does not need.
    quant_pre_process(source, target, skip_symbolic_shape=True)


class Reader:
    """ONNX Runtime's CalibrationDataReader over the arrays of an .npz."""

    def __init__(self, task, arrays):
        self._feeds = lambda: feeds(task, arrays, CALIBRATION_BATCH.get(task, 10))
        self.rewind()

    def get_next(self):
        return next(self._iterator, None)

    def get_first(self):
        return next(self._feeds())

    def rewind(self):
        self._iterator = self._feeds()


def quantize_onnxruntime(variant, source, target, reader):
    """Seconds of calibration: from the call of quantize_static until it has every range and starts to insert Q/DQ."""
    # The package re-exports a function under the name of the module.
    quantize = importlib.import_module('onnxruntime.quantization.quantize')
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType

    style, method = variant.split('-')[1:3]
    options = {'CalibPercentile': float(method.removeprefix('percentile'))} if method.startswith('percentile') else {}
    if method == 'entropy2048':
        # quantize_static has no option for the number of bins, the calibrator it makes has.
        create = quantize.create_calibrator

        def create_with_bins(*args, extra_options, **kwargs):
            return create(*args, extra_options={**extra_options, 'num_bins': 2048}, **kwargs)

        quantize.create_calibrator = create_with_bins
    calibrated = []
    quantizer = quantize.QDQQuantizer

    def mark(*args, **kwargs):
        calibrated.extend([time.perf_counter(), time.process_time()])
        return quantizer(*args, **kwargs)

    quantize.QDQQuantizer = mark
    operators = ['Conv', 'Gemm', 'MatMul']
    if style in ('trt', 'plain'):
        # What TensorRT takes: no zero points, Q/DQ on the inputs of the matrix operators only, bias in float.
        options |= {
            'ActivationSymmetric': True,
            'WeightSymmetric': True,
            'QuantizeBias': False,
            'OpTypesToExcludeOutputQuantization': operators,
        }
    method_name = {'minmax': 'MinMax', 'entropy': 'Entropy', 'percentile': 'Percentile'}[
        ''.join(c for c in method if c.isalpha())
    ]
    start, cpu_start = time.perf_counter(), time.process_time()
    quantize.quantize_static(
        source,
        target,
        reader,
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        op_types_to_quantize=None if style == 'default' else operators,
        activation_type=QuantType.QUInt8 if style == 'default' else QuantType.QInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod[method_name],
        extra_options=options,
    )
    return {
        'calibrationSeconds': calibrated[0] - start,
        'calibrationCpuSeconds': calibrated[1] - cpu_start,
        'convertSeconds': time.perf_counter() - start,
    }


def convert_float16(source, target):
    from onnxconverter_common import float16

    start = time.perf_counter()
    onnx.save(float16.convert_float_to_float16(onnx.load(source), keep_io_types=True), target)
    return {'calibrationSeconds': None, 'convertSeconds': time.perf_counter() - start}


def make(task, variant, source, calibration, target):
    if variant == 'occ-fp16':
        return convert_float16(source, target)
    with np.load(calibration) as file:
        arrays = {name: file[name] for name in file.files}
    return quantize_onnxruntime(variant, source, target, Reader(task, arrays))


def main(arguments):
    command, task, *rest = arguments
    if command == 'prepare':
        source, target, style = rest
        prepare(source, target, plain=style == 'plain')
        return
    result = make(task, *rest)
    result['peakRssBytes'] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(result))


if __name__ == '__main__':
    main(sys.argv[1:])
