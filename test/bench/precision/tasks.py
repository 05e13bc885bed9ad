"""The models and data the precision benchmark runs on: preprocessed arrays, task metrics and their intervals.

Wraps `evaluate.py` beside the models (its preprocessing and metrics are the single source for both sides) and adds what
it has not: the voice-activity model, whose signal is synthetic because its recordings may not be distributed.
`peers.py`, `modelopt_peers.py` and `score.py` come after.
"""

import math
import os
import sys
from pathlib import Path

import numpy as np

MODELS = Path(os.environ.get('PRECISION_BENCH_MODELS', Path(__file__).resolve().parents[4] / 'shared' / 'models'))
sys.path.insert(0, str(MODELS))

# Samples per inference in calibration: 8, or the next number that divides the samples evenly, because ONNX Runtime's
# percentile calibrator cannot take a shorter last batch.
CALIBRATION_BATCH = {'v6rec': 8, 'silero': 8}
# Samples per inference in scoring; the text recognizer's output is 4.5 MB a sample.
SCORING_BATCH = {'digits': 200, 'v6rec': 4}


class LabelledTask:
    """A task of evaluate.py. `calibration_samples` limits the calibration split (None: all of it)."""

    labelled = True
    batched = True

    def __init__(self, name, calibration_samples=None):
        from evaluate import TASKS

        self.name = name
        self._task = TASKS[name]()
        self._limit = calibration_samples
        self.model = Path(self._task.model)

    def calibration(self):
        """One dict of arrays; the first axis counts samples."""
        return {self._input(): self._task.calib()[: self._limit].astype(np.float32)}

    def evaluation(self):
        return {self._input(): self._task.inputs().astype(np.float32)}

    def metrics(self, output):
        """Metric name → value of the first output over the whole evaluation set."""
        return self._task.metric(output)

    def predictions(self, output):
        return self._task.pred(output)

    def _input(self):
        import onnxruntime as ort

        return ort.InferenceSession(str(self.model), providers=['CPUExecutionProvider']).get_inputs()[0].name


class VoiceTask:
    """silero VAD on synthetic speech-like sequences: no labels, so signal-to-noise ratio only.

    A sample is a sequence of 32 frames of 64 + 512 samples at 16 kHz (the model has no batch axis) with zero initial
    state: pulse trains of 90-220 Hz through three formant resonators, with gaps, on a noise floor. Seeds are disjoint.
    """

    name = 'silero'
    labelled = False
    batched = False
    frames = 32

    def __init__(self):
        self.model = MODELS / 'models' / 'silero_vad_16k_sequence.onnx'

    def calibration(self):
        return self._sequences(range(32))

    def evaluation(self):
        return self._sequences(range(1000, 1064))

    def _sequences(self, seeds):
        signals = np.stack([self._frames(seed) for seed in seeds])
        state = np.zeros((len(signals), 1, 1, 128), np.float32)
        return {'input': signals, 'h': state, 'c': state}

    def _frames(self, seed):
        rng = np.random.default_rng(seed)
        hop, context, rate = 512, 64, 16000
        length = self.frames * hop + context
        pulses = np.zeros(length)
        position = 0.0
        pitch = rng.uniform(90, 220)
        while position < length:
            pulses[int(position)] = 1.0
            pitch = np.clip(pitch * rng.normal(1, 0.02), 80, 260)
            position += rate / pitch
        voice = pulses
        for formant, bandwidth in zip(rng.uniform([300, 900, 2200], [800, 2000, 3200]), (80, 120, 180)):
            voice = _resonate(voice, formant, bandwidth, rate)
        voice /= np.abs(voice).max()
        # Syllables of 0.1-0.3 s with pauses.
        envelope = np.repeat(rng.uniform(0, 1, length // 2400 + 1) > 0.35, 2400)[:length].astype(float)
        envelope = np.convolve(envelope, np.hanning(800) / np.hanning(800).sum(), 'same')
        signal = rng.uniform(0.1, 0.6) * envelope * voice + rng.uniform(1e-4, 2e-2) * rng.normal(size=length)
        return np.stack([signal[i * hop : i * hop + hop + context] for i in range(self.frames)]).astype(np.float32)


def _resonate(signal, frequency, bandwidth, rate):
    """A two-pole resonator."""
    radius = math.exp(-math.pi * bandwidth / rate)
    a1, a2 = 2 * radius * math.cos(2 * math.pi * frequency / rate), -radius * radius
    out = np.zeros(len(signal))
    y1 = y2 = 0.0
    for index, value in enumerate(signal):
        y = value + a1 * y1 + a2 * y2
        out[index] = y
        y2, y1 = y1, y
    return out


# The Python calibrators keep every activation of every sample: 48 is what fits for the text recognizer (5.8 GB).
TASKS = {
    'digits': lambda: LabelledTask('digits'),
    'lite0': lambda: LabelledTask('lite0'),
    'v6rec': lambda: LabelledTask('v6rec', calibration_samples=48),
    'cls': lambda: LabelledTask('cls'),
    'silero': VoiceTask,
}


def feeds(task_name, arrays, batch):
    """Yields one feed dict per inference; the sequence model takes one sequence at a time, without a batch axis."""
    count = len(next(iter(arrays.values())))
    if task_name == 'silero':
        for index in range(count):
            yield {name: array[index] for name, array in arrays.items()}
        return
    for start in range(0, count, batch):
        yield {name: array[start : start + batch] for name, array in arrays.items()}


def wilson(share, count, z=1.959964):
    """The Wilson 95 % interval of a share."""
    center = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return [center - half, center + half]
