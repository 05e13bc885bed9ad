"""Data sets derived from the calibration samples of a task, for the checks of memory and of order.

    python synthetic.py shuffle IN.npz OUT.npz SEED       the same samples in another order
    python synthetic.py noisy IN.npz COUNT WIDTH OUT.npy  COUNT samples: those of IN cut to WIDTH, with seeded noise, written as they come
"""

import sys

import numpy as np


def shuffle(source, target, seed):
    with np.load(source) as file:
        arrays = {name: file[name] for name in file.files}
    order = np.random.default_rng(int(seed)).permutation(len(next(iter(arrays.values()))))
    np.savez(target, **{name: array[order] for name, array in arrays.items()})


def noisy(source, count, width, target):
    with np.load(source) as file:
        samples = file[file.files[0]][..., : int(width)]
    rng = np.random.default_rng(0)
    out = np.lib.format.open_memmap(target, 'w+', np.float32, (int(count), *samples.shape[1:]))
    for index in range(len(out)):
        sample = samples[index % len(samples)]
        out[index] = np.clip(sample + rng.normal(0, 0.05, sample.shape), -1, 1)
    out.flush()


if __name__ == '__main__':
    {'shuffle': shuffle, 'noisy': noisy}[sys.argv[1]](*sys.argv[2:])
