"""Scores models on a task: task metric with interval, agreement with FP32, signal-to-noise ratio.

    python score.py export TASK FOLDER           writes the arrays, prints the model's path
    python score.py score TASK EVAL.npz FP32.onnx MODEL.onnx...      prints one JSON line per model

Every model of every tool goes through this one function: ONNX Runtime on the CPU, graph optimization off (Q/DQ and
casts executed as written), the same arrays. SQNR is evaluate.py's: over the whole evaluation set and the first output.
"""

import json
import os
import sys

import numpy as np
import onnx
import onnxruntime as ort

from tasks import SCORING_BATCH, TASKS, feeds, wilson


def session(path):
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(path, options, providers=['CPUExecutionProvider'])


def quantized_layers(path):
    """[Conv/ConvTranspose/Gemm/MatMul whose two operands both come from DequantizeLinear, all of them]."""
    graph = onnx.load(path).graph
    producers = {output: node for node in graph.node for output in node.output}

    def dequantized(name):
        node = producers.get(name)
        while node is not None and node.op_type in ('Cast', 'Transpose', 'Reshape'):
            node = producers.get(node.input[0])
        return node is not None and node.op_type == 'DequantizeLinear'

    layers = [node for node in graph.node if node.op_type in ('Conv', 'ConvTranspose', 'Gemm', 'MatMul')]
    return [sum(all(map(dequantized, node.input[:2])) for node in layers), len(layers)]


class ClassIndices:
    """Stands for an array of logits whose argmax over the last axis is already taken (the logits would not fit)."""

    def __init__(self, indices):
        self._indices = indices

    def argmax(self, _axis):
        return self._indices


def run(task_name, path, arrays):
    """Yields the first output per batch, float32."""
    model = session(path)
    types = {i.name: np.float16 if i.type == 'tensor(float16)' else np.float32 for i in model.get_inputs()}
    for feed in feeds(task_name, arrays, SCORING_BATCH.get(task_name, 16)):
        feed = {name: value.astype(types[name]) for name, value in feed.items()}
        yield model.run([model.get_outputs()[0].name], feed)[0].astype(np.float32)


def summarize(task_name, outputs, reference=None):
    """Folds the outputs, batch by batch, into what the metrics need, the signal's power, each sample's noise, non-finite values."""
    keep_indices = task_name == 'v6rec'
    kept, signal, noise, broken = [], 0.0, [], 0
    for index, output in enumerate(outputs):
        broken += int(np.size(output) - np.isfinite(output).sum())
        if reference is not None:
            expected = reference[index].astype(np.float64)
            signal += float((expected**2).sum())
            # An output of the sequence model is one sample, its first axis time.
            samples = 1 if task_name == 'silero' else len(output)
            noise += ((expected - output) ** 2).reshape(samples, -1).sum(axis=1).tolist()
        kept.append(output.argmax(-1) if keep_indices else output)
    whole = np.concatenate(kept)
    return (ClassIndices(whole) if keep_indices else whole), signal, noise, broken


class Reference:
    """FP32 outputs batch by batch, computed once and kept on disk (1.3 GB for the text recognizer)."""

    def __init__(self, task_name, path, arrays, folder):
        self._folder = folder
        if not os.path.exists(os.path.join(folder, 'done')):
            os.makedirs(folder, exist_ok=True)
            for index, output in enumerate(run(task_name, path, arrays)):
                np.save(os.path.join(folder, f'{index}.npy'), output)
            open(os.path.join(folder, 'done'), 'w').close()

    def __getitem__(self, index):
        return np.load(os.path.join(self._folder, f'{index}.npy'))


def score(task_name, data, fp32, models):
    task = TASKS[task_name]()
    with np.load(data) as file:
        arrays = {name: file[name] for name in file.files}
    count = len(next(iter(arrays.values())))
    reference = Reference(task_name, fp32, arrays, os.path.join(os.path.dirname(data), 'reference'))
    expected = None
    for path in models:
        try:
            output, signal, noises, broken = summarize(task_name, run(task_name, path, arrays), reference)
            noise = sum(noises)
        except Exception as error:  # a peer's model that the runtime refuses is a result too
            print(json.dumps({'model': path, 'error': str(error)[:500]}), flush=True)
            continue
        row = {'model': path, 'samples': count, 'nonFinite': broken}
        row['sqnrDb'] = None if broken or noise == 0 else 10 * float(np.log10(signal / noise))
        row['exact'] = noise == 0
        row['noisePerSample'] = [] if broken else [float(f'{share:.4g}') for share in noises]
        row['quantizedLayers'] = quantized_layers(path)
        if task.labelled:
            if expected is None:
                batches = (reference[i] for i in range(len(list(feeds(task_name, arrays, SCORING_BATCH.get(task_name, 16))))))
                expected = task.predictions(summarize(task_name, batches)[0])
            row['metrics'] = task.metrics(output)
            first = next(iter(row['metrics']))
            row['interval'] = wilson(row['metrics'][first], count)
            row['agreement'] = float((task.predictions(output) == expected).mean())
        print(json.dumps(row), flush=True)


def export(task, folder):
    """The same arrays for every tool: calib.npz, eval.npz; without a batch axis also a folder with a file per sample."""
    for name, arrays in (('calib', task.calibration()), ('eval', task.evaluation())):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        np.savez(os.path.join(folder, f'{name}.npz'), **arrays)
        if task.batched:
            continue
        for index in range(len(next(iter(arrays.values())))):
            sample = {key: value[index] for key, value in arrays.items()}
            np.savez(os.path.join(folder, name, f'{index:04d}.npz'), **sample)
    print(json.dumps({'model': str(task.model), 'batched': task.batched, 'labelled': task.labelled}))


def main(command, task_name, *rest):
    if command == 'score':
        data, fp32, *models = rest
        score(task_name, data, fp32, models)
        return
    export(TASKS[task_name](), rest[0])


if __name__ == '__main__':
    main(*sys.argv[1:])
