"""Serves a user's data set to Precision Bench: the other end of pythonSource.ts.

Run as `python -c <this file> FILE EXPRESSION INPUTS`: imports FILE, evaluates EXPRESSION (a class, a call with literal
arguments, a factory or a variable), and answers requests. INPUTS is the JSON list of the model's input names.

Requests are lines of JSON on stdin: {"get": index}. Answers are frames on what was stdout: a 4-byte little-endian
length, a JSON header of that length, then the raw bytes of the tensors that the header lists. Everything the user's
code prints goes to stderr. Needs only the standard library; NumPy, PyTorch and PIL objects are recognized by their
attributes.
"""

import array
import ast
import ctypes
import importlib.util
import inspect
import json
import os
import struct
import sys
import traceback

# Names of NumPy and PyTorch types, and format characters of the buffer protocol, as precision-bench calls them.
DTYPES = {
    "float16": "fp16", "half": "fp16", "bfloat16": "bf16", "float32": "fp32", "float": "fp32", "float64": "fp64",
    "double": "fp64", "int8": "int8", "uint8": "uint8", "int16": "int16", "uint16": "uint16", "int32": "int32",
    "uint32": "uint32", "int64": "int64", "uint64": "uint64", "bool": "bool",
}
FORMATS = {"e": ("fp16", 2), "f": ("fp32", 4), "d": ("fp64", 8), "?": ("bool", 1), "c": ("uint8", 1)}
SIGNED, UNSIGNED = "bhilqn", "BHILQN"
LABEL_KEYS = ("label", "labels", "target", "targets", "y")


class UsageError(Exception):
    """The data set cannot be used as it was named; `fix` says how it could be."""

    def __init__(self, reason, fix):
        super().__init__(reason)
        self.fix = fix


# --- finding the data set -------------------------------------------------------------------------------------------


def load_module(path):
    name = os.path.splitext(os.path.basename(path))[0]
    sys.path.insert(0, os.path.dirname(path))
    sys.argv = [path]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def candidates(module):
    """Names in the module that look like data sets, its own first."""
    names = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and hasattr(value, "__getitem__")
        and hasattr(value, "__len__")
        and (not inspect.isclass(value) or value.__module__ == module.__name__)
        and not isinstance(value, (str, bytes, dict, list, tuple))
    ]
    return names


def parse_expression(expression, file):
    """'Class', 'Class("images", size=224)' or 'module.name' -> (names, args, kwargs or None without a call)."""
    try:
        node = ast.parse(expression.strip(), mode="eval").body
        args = kwargs = None
        if isinstance(node, ast.Call):
            args = [ast.literal_eval(argument) for argument in node.args]
            kwargs = {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords}
            node = node.func
        names = []
        while isinstance(node, ast.Attribute):
            names.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            raise ValueError("not a name")
        return [node.id] + names, args, kwargs
    except (SyntaxError, ValueError) as error:
        raise UsageError(
            "%r is neither a name nor a call with literal arguments (%s)." % (expression, error),
            "Write %s:ClassName or %s:ClassName('images')." % (file, file),
        )


def example_call(target, file):
    """How to call `target`, with made-up values for what it requires."""
    parts = []
    for parameter in inspect.signature(target).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.default is parameter.empty:
            parts.append("'images'" if not parts else "%s=..." % parameter.name)
    return "%s:%s(%s)" % (file, target.__name__, ", ".join(parts))


def make(target, args, kwargs, file):
    """An instance of a class or the result of a factory; anything else as it is."""
    is_call = args is not None
    if not is_call and not inspect.isclass(target):
        if hasattr(target, "__getitem__") or not callable(target):
            return target
    args, kwargs = args or [], kwargs or {}
    try:
        inspect.signature(target).bind(*args, **kwargs)
    except TypeError as error:
        raise UsageError(
            "%s%s: %s." % (target.__name__, inspect.signature(target), error),
            "Give the arguments, as in %s; relative paths start from the folder of %s."
            % (example_call(target, file), file),
        )
    except ValueError:
        pass  # No signature to check, as with classes written in C.
    return target(*args, **kwargs)


def find_dataset(path, expression):
    file = os.path.basename(path)
    module = load_module(path)
    if not expression:
        found = candidates(module)
        names = ", ".join("%s:%s" % (file, name) for name in found) or "none found"
        raise UsageError(
            "%s is named without the data set in it. Candidates: %s." % (file, names),
            "Name the data set behind a colon, as in %s:ClassName." % file,
        )
    names, args, kwargs = parse_expression(expression, file)
    target = module
    for name in names:
        if not hasattr(target, name):
            found = ", ".join(candidates(module)) or "none"
            raise UsageError(
                "%s has no %s. Data sets in it: %s." % (file, ".".join(names), found), "Correct the name behind the colon."
            )
        target = getattr(target, name)
    dataset = make(target, args, kwargs, file)
    for method, purpose in (("__len__", "the number of samples"), ("__getitem__", "one sample")):
        if not hasattr(type(dataset), method):
            loader = "It looks like a loader: give its dataset instead." if hasattr(dataset, "dataset") else None
            raise UsageError(
                "%s (%s) has no %s." % (expression, type(dataset).__name__, method),
                loader or "Define %s, which returns %s." % (method, purpose),
            )
    return dataset


# --- tensors --------------------------------------------------------------------------------------------------------


def tensor(dtype, dims, data):
    return {"dtype": dtype, "dims": [int(size) for size in dims], "data": data}


def from_torch(value):
    value = value.detach().cpu().contiguous()
    dtype = DTYPES.get(str(value.dtype).replace("torch.", ""))
    if dtype is None:
        raise TypeError("tensors of type %s cannot be used" % value.dtype)
    return tensor(dtype, value.shape, ctypes.string_at(value.data_ptr(), value.numel() * value.element_size()))


def from_numpy(value):
    dtype = DTYPES.get(value.dtype.name)
    if dtype is None:
        raise TypeError("arrays of type %s cannot be used" % value.dtype)
    if value.dtype.byteorder == ">" or (value.dtype.byteorder == "=" and sys.byteorder == "big"):
        value = value.astype(value.dtype.newbyteorder("<"))
    return tensor(dtype, value.shape, value.tobytes())


def from_pil(value):
    gray = value.mode in ("1", "L", "LA", "I;16")
    value = value.convert("L" if gray else "RGB")
    return tensor("uint8", (value.height, value.width, 1 if gray else 3), value.tobytes())


def from_buffer(value):
    view = memoryview(value)
    code = view.format.lstrip("@=<")
    if code in FORMATS:
        dtype = FORMATS[code][0]
    elif code in SIGNED or code in UNSIGNED:
        dtype = "%sint%d" % ("" if code in SIGNED else "u", view.itemsize * 8)
    else:
        raise TypeError("buffers of the format %r cannot be used" % view.format)
    return tensor(dtype, view.shape, view.tobytes())


def flatten(value, dims, depth, flat):
    """Nested lists to one list of numbers. `dims` holds the sizes of the axes seen so far."""
    if not isinstance(value, (list, tuple)):
        if depth != len(dims):
            raise ValueError("the nested lists are ragged")
        flat.append(value)
        return
    if depth == len(dims):
        if flat:
            raise ValueError("the nested lists are ragged")
        dims.append(len(value))
    elif dims[depth] != len(value):
        raise ValueError("the nested lists are ragged")
    for entry in value:
        flatten(entry, dims, depth + 1, flat)


def from_nested(value):
    dims, flat = [], []
    flatten(value, dims, 0, flat)
    if all(isinstance(entry, bool) for entry in flat):
        return tensor("bool", dims, bytes(flat))
    if all(isinstance(entry, int) for entry in flat):
        return tensor("int64", dims, array.array("q", flat).tobytes())
    return tensor("fp64", dims, array.array("d", [float(entry) for entry in flat]).tobytes())


def is_number(value):
    return isinstance(value, (bool, int, float))


def is_nested(value):
    """A list of numbers, or of such lists."""
    return isinstance(value, (list, tuple)) and len(value) > 0 and (is_number(value[0]) or is_nested(value[0]))


def to_tensor(value):
    if is_number(value) or is_nested(value):
        return from_nested(value)
    if hasattr(value, "detach") and hasattr(value, "data_ptr"):
        return from_torch(value)
    if hasattr(value, "dtype") and hasattr(value, "tobytes"):
        return from_numpy(value)
    if hasattr(value, "mode") and hasattr(value, "convert"):
        return from_pil(value)
    if hasattr(value, "__array__"):
        import numpy

        return from_numpy(numpy.asarray(value))
    try:
        return from_buffer(value)
    except TypeError:
        raise TypeError(
            "an input is %s.%s, not an array, tensor or list of numbers" % (type(value).__module__, type(value).__name__)
        )


# --- samples --------------------------------------------------------------------------------------------------------


def to_label(value):
    """A class index or a text, or None when the value is no label."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return int(value)
    if hasattr(value, "item") and getattr(value, "shape", None) in ((), []):
        value = value.item()
        return value if isinstance(value, int) else None
    # PyTorch's shape is a torch.Size, which equals ().
    return None


def split_label(item, inputs):
    """(x, y) as torchvision's data sets return it, or a dictionary with a label beside the inputs."""
    if isinstance(item, dict):
        for key in LABEL_KEYS:
            if key in item and key not in inputs:
                rest = {name: value for name, value in item.items() if name != key}
                return rest, to_label(item[key])
        return item, None
    if isinstance(item, tuple) and len(item) == 2 and (len(inputs) != 2 or isinstance(item[0], (list, tuple, dict))):
        label = to_label(item[1])
        if label is not None:
            return item[0], label
    return item, None


def encode(item, inputs):
    content, label = split_label(item, inputs)
    if isinstance(content, dict):
        known = {name: value for name, value in content.items() if name in inputs}
        # Tokenizers return more than a model takes; what it takes must all be there to pick it out.
        chosen = known if len(known) == len(inputs) else content
        return {"names": list(chosen), "label": label}, [to_tensor(value) for value in chosen.values()]
    is_list = isinstance(content, (list, tuple)) and not (is_nested(content) and is_number(content[0]))
    if is_list and is_nested(content) and len(content) != len(inputs):
        is_list = False  # One array as nested lists.
    values = content if is_list else [content]
    return {"names": None, "label": label}, [to_tensor(value) for value in values]


# --- serving --------------------------------------------------------------------------------------------------------


def describe_error(error):
    """The traceback without the frames of this server."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == "<string>":
        trace = trace.tb_next
    lines = traceback.format_exception(type(error), error, trace)
    if isinstance(error, UsageError):
        return {"error": {"text": str(error), "fix": error.fix}}
    return {"error": {"text": "".join(lines).strip(), "fix": None}}


def main():
    path, expression, inputs = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    # The user's code may print and read: keep its hands off the pipe.
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

    def send(header, tensors=()):
        header["tensors"] = [{"dtype": t["dtype"], "dims": t["dims"], "bytes": len(t["data"])} for t in tensors]
        encoded = json.dumps(header).encode("utf-8")
        answers.write(struct.pack("<I", len(encoded)))
        answers.write(encoded)
        for t in tensors:
            answers.write(t["data"])
        answers.flush()

    try:
        dataset = find_dataset(path, expression)
        length = len(dataset)
        classes = getattr(dataset, "classes", None)
        named = isinstance(classes, (list, tuple)) and all(isinstance(name, str) for name in classes)
        send({"length": length, "classes": list(classes) if named else None})
    except BaseException as error:  # SystemExit of a script without a main guard, too.
        send(describe_error(error))
        return
    for line in requests:
        try:
            header, tensors = encode(dataset[json.loads(line)["get"]], inputs)
            send(header, tensors)
        except Exception as error:
            send(describe_error(error))


main()
