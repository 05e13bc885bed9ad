"""The Python side of the calibration times that is no quantizer: data of the bundled sample, and the floor.

    python calibration_times.py sample FOLDER OUT_CALIB.npz OUT_EVAL.npz    arrays of 100 and 10 of its pictures
    python calibration_times.py floor TASK MODEL.onnx CALIB.npz             prints one JSON line

The floor is what no calibrator that computes every sample can undercut: ONNX Runtime's inference alone, on the same samples
and cores, with all optimizations, every sample by itself on one thread and as many samples at a time as there are cores.
"""

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np


def sample(folder, calibration, evaluation):
    from PIL import Image

    for split, per_class, target in (('calibration', 10, calibration), ('evaluation', 1, evaluation)):
        pictures = [file for label in range(10) for file in sorted(Path(folder, split, str(label)).iterdir())[:per_class]]
        values = np.stack([np.asarray(Image.open(file), np.float32) for file in pictures])
        np.savez(target, input=((values / 255 - 0.1307) / 0.3081)[:, None].astype(np.float32))


def floor(task, model, calibration):
    import onnxruntime as ort

    from tasks import feeds

    with np.load(calibration) as file:
        arrays = {name: file[name] for name in file.files}
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    samples = list(feeds(task, arrays, 1))
    start, cpu_start = time.perf_counter(), time.process_time()
    session = ort.InferenceSession(model, options, providers=['CPUExecutionProvider'])
    ready = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda feed: session.run(None, feed) and None, samples))
    end = time.perf_counter()
    cpu = time.process_time() - cpu_start
    print(json.dumps({'openSeconds': ready - start, 'seconds': end - ready, 'cpuSeconds': cpu}))


if __name__ == '__main__':
    {'sample': sample, 'floor': floor}[sys.argv[1]](*sys.argv[2:])
