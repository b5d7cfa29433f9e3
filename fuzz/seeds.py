"""Small models that reach every stage of the compiler: the standard node tests of the `onnx` package, each node between
QuantizeLinear and DequantizeLinear at the ranges of the test's own tensors.

usage: seeds.py FOLDER

Writes NAME.onnx for every test of one node whose tensors are float32, or such as describe shapes.
"""
import sys
import warnings
import zlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.loader import load_node_model_tests

OPSETS = range(13, 23)
LONGEST = 1 << 14
BIASED = {"Conv", "ConvTranspose", "Gemm"}
# Whose further inputs describe what to do.
DESCRIBED = {"Resize", "Pad", "Clip"}


class Quantized:
    """A model of one node, its tensors as integers."""

    def __init__(self, node):
        self.node, self.nodes, self.initializers, self.inputs, self.outputs = node, [], [], [], []

    def constant(self, name, array):
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def scale(self, name, array, signed):
        """Scale and zero point that span the array; symmetric where signed."""
        low, high = min(float(array.min(initial=0)), 0.0), max(float(array.max(initial=0)), 0.0)
        if signed:
            scale, zero = max(-low, high) / 127, np.int8(0)
        else:
            scale = (high - low) / 255
            zero = np.uint8(round(-low / scale)) if scale else np.uint8(0)
        scale = np.float32(scale or 1.0)
        names = [self.constant(f"{name}_scale", scale), self.constant(f"{name}_zero", zero)]
        return scale, zero, names

    def dequantize(self, name, integer, names):
        self.nodes.append(helper.make_node("DequantizeLinear", [integer, *names], [name]))

    def input(self, name, array, signed):
        scale, zero, names = self.scale(name, array, signed)
        kind = TensorProto.INT8 if signed else TensorProto.UINT8
        self.inputs.append(helper.make_tensor_value_info(f"{name}_q", kind, array.shape))
        self.dequantize(name, f"{name}_q", names)
        return scale

    def weights(self, name, array):
        scale, zero, names = self.scale(name, array, True)
        values = np.clip(np.rint(array / scale), -127, 127).astype(np.int8)
        self.dequantize(name, self.constant(f"{name}_q", values), names)
        return scale

    def bias(self, name, array, scale):
        values = np.clip(np.rint(array / scale), -(2**30), 2**30).astype(np.int32)
        names = [self.constant(f"{name}_scale", np.float32(scale)), self.constant(f"{name}_zero", np.int32(0))]
        self.dequantize(name, self.constant(f"{name}_q", values), names)

    def output(self, name, array, signed):
        _, _, names = self.scale(name, array, signed)
        kind = TensorProto.INT8 if signed else TensorProto.UINT8
        self.outputs.append(helper.make_tensor_value_info(f"{name}_q", kind, array.shape))
        self.nodes.append(helper.make_node("QuantizeLinear", [name, *names], [f"{name}_q"]))

    def model(self, opset):
        graph = helper.make_graph(self.nodes, "seed", self.inputs, self.outputs, self.initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def seed(case):
    """The model, or nothing where the test is of another kind."""
    model = case.model
    if model is None or len(model.graph.node) != 1 or not case.data_sets:
        return None
    arrays, outputs = case.data_sets[0]
    plain = (np.ndarray, np.generic)
    if not arrays or not all(isinstance(a, plain) for a in [*arrays, *outputs]):
        return None
    arrays, output = [np.asarray(a) for a in arrays], np.asarray(outputs[0])
    node = model.graph.node[0]
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    if not arrays or arrays[0].dtype != np.float32 or any(a.dtype == object for a in arrays):
        return None
    if not all(np.isfinite(a).all() for a in [*arrays, output] if a.dtype == np.float32):
        return None
    signed = zlib.crc32(case.name.encode()) % 2 == 0
    made = Quantized(node)
    scales = []
    for index, (value, array) in enumerate(zip(model.graph.input, arrays)):
        if array.dtype != np.float32 or (index > 0 and node.op_type in DESCRIBED):
            made.constant(value.name, array)
        elif index == 0 or (node.op_type not in BIASED and zlib.crc32(case.name.encode()) % 3 == 0):
            scales.append(made.input(value.name, array, signed))
        elif index == 2 and node.op_type in BIASED:
            made.bias(value.name, array, scales[0] * scales[1])
        else:
            scales.append(made.weights(value.name, array))
    made.nodes.append(node)
    if output.dtype == np.float32:
        made.output(node.output[0], output, signed)
    else:
        kind = helper.np_dtype_to_tensor_dtype(output.dtype)
        made.outputs.append(helper.make_tensor_value_info(node.output[0], kind, output.shape))
    return made.model(min(max(opset, OPSETS[0]), OPSETS[-1]))


def main(folder):
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    written = 0
    for case in load_node_model_tests():
        model = seed(case)
        if model is None:
            continue
        data = model.SerializeToString()
        if len(data) <= LONGEST:
            with open(f"{folder}/{case.name}.onnx", "wb") as file:
                file.write(data)
            written += 1
    print(f"{written} seeds")


if __name__ == "__main__":
    main(*sys.argv[1:])
