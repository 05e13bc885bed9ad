"""Stands in for PyTorch, which ModelOpt's ONNX modules import but use only for FP8 and FP4 weights.

Any use beyond naming a type in an annotation raises, so no measured number can come from this stub.
"""


class Tensor:
    """Named in annotations only."""


def __getattr__(name):
    raise AttributeError(f'the torch stub of the precision benchmark was asked for torch.{name}: install PyTorch')
