"""Writes ONNX's own single-operator tests as folders: model.onnx and test_data_set_0/{input,output}_N.pb.

Run by `environment.mjs` with the `onnx` package on PYTHONPATH. Operator tests are made by the package when asked; those of
PyTorch, the simple models and the light networks are files inside it. The light networks have no inputs on file: theirs is
the ramp that ONNX's own runner feeds them.

Usage: single_op_cases.py OUTPUT_FOLDER
"""

import pathlib
import shutil
import sys

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

data = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data"


newest_opset = 26
newest_ir_version = 13


def write_tensor(path, value, name, value_type):
    """A file only for tensors: the reader tells sequences and maps by its absence."""
    if value_type.WhichOneof("value") not in ("tensor_type", None):
        return
    tensor = value if isinstance(value, onnx.TensorProto) else numpy_helper.from_array(np.asarray(value), name)
    path.write_bytes(tensor.SerializeToString())


def write_case(folder, model, inputs, outputs):
    for entry in model.opset_import:
        # Newer than ONNX Runtime knows. Most of these operators are what they were before; where they are not, the
        # runtime refuses the model or its result differs from the expected one, and the case is skipped.
        if entry.domain == "" and entry.version > newest_opset:
            entry.version = newest_opset
    model.ir_version = min(model.ir_version, newest_ir_version)
    values = folder / "test_data_set_0"
    values.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    for kind, declared, given in (("input", model.graph.input, inputs), ("output", model.graph.output, outputs)):
        for index, value in enumerate(given):
            write_tensor(values / f"{kind}_{index}.pb", value, declared[index].name, declared[index].type)


def node_cases(folder):
    for case in collect_testcases(None):
        inputs, outputs = case.data_sets[0]
        write_case(folder / "node" / case.name, case.model, inputs, outputs)


def file_cases(folder):
    for kind in ("simple", "pytorch-operator", "pytorch-converted"):
        for source in sorted((data / kind).iterdir()):
            if (source / "model.onnx").exists():
                shutil.copytree(source, folder / kind / source.name)


def light_cases(folder):
    for source in sorted((data / "light").glob("*.onnx")):
        model = onnx.load(source)
        stored = {tensor.name for tensor in model.graph.initializer}
        inputs = []
        for value in model.graph.input:
            if value.name in stored:
                continue
            shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
            count = int(np.prod(shape))
            inputs.append((np.arange(count, dtype=np.float32) / count).reshape(shape))
        expected = onnx.load_tensor(source.with_name(source.stem + "_output_0.pb"))
        # Inputs that have a default are not fed; ours come first in all of these models.
        write_case(folder / "light" / source.stem, model, inputs, [expected])


def main():
    target = pathlib.Path(sys.argv[1])
    aside = target.with_name(target.name + ".tmp")
    shutil.rmtree(aside, ignore_errors=True)
    node_cases(aside)
    file_cases(aside)
    light_cases(aside)
    aside.rename(target)


main()
