"""Networks to measure with: `nets.py FOLDER [NAME…]` writes NAME.onnx, random weights, Q/DQ with unsigned activations
and signed weights by channel, quantised by ONNX Runtime from random inputs. The same files for the same packages.

resnet50      He et al. 2015 (arXiv 1512.03385) with the stride on the 3×3 (v1.5), 1×3×224×224
mobilenetv2   Sandler et al. 2018 (arXiv 1801.04381), width 1, 1×3×224×224
bert          one encoder layer of BERT-base (Devlin et al. 2018, arXiv 1810.04805), 128 tokens of 768
"""

import os
import shutil
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

OPSET = 17


class Graph:
    """Nodes in order; a value is its name."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.constants = [], []

    def constant(self, array):
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, op, *inputs, **attributes):
        name = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def normal(self, shape, deviation):
        return self.constant(self.random.normal(0, deviation, shape).astype(np.float32))

    def conv(self, x, channels, filters, kernel, stride=1, groups=1, gain=1.0):
        fan_in = channels // groups * kernel * kernel
        weights = self.normal([filters, channels // groups, kernel, kernel], gain * (2 / fan_in) ** 0.5)
        pads = [kernel // 2] * 4
        bias = self.normal([filters], 0.1)
        return self.add("Conv", x, weights, bias, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=pads, group=groups)

    def relu6(self, x):
        return self.add("Clip", x, self.constant(np.float32(0)), self.constant(np.float32(6)))

    def linear(self, x, inputs, outputs):
        product = self.add("MatMul", x, self.normal([inputs, outputs], inputs**-0.5))
        return self.add("Add", product, self.normal([outputs], 0.1))

    def norm(self, x, size):
        scale = self.constant(1 + 0.1 * self.random.standard_normal(size).astype(np.float32))
        return self.add("LayerNormalization", x, scale, self.normal([size], 0.1), axis=-1)

    def model(self, name, output, shapes):
        values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("input", shapes[0]), (output, shapes[1]))]
        graph = helper.make_graph(self.nodes, name, values[:1], values[1:], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = 8
        return model


def classify(graph, x, channels):
    x = graph.add("Flatten", graph.add("GlobalAveragePool", x))
    weights = graph.normal([channels, 1000], channels**-0.5)
    return graph.add("Gemm", x, weights, graph.normal([1000], 0.1))


def resnet50():
    g = Graph(1)
    x = g.add("Relu", g.conv("input", 3, 64, 7, 2))
    x, channels = g.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4), 64
    for width, blocks, first_stride in [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)]:
        for block in range(blocks):
            stride = 1 if block else first_stride
            y = g.add("Relu", g.conv(x, channels, width, 1))
            y = g.add("Relu", g.conv(y, width, width, 3, stride))
            # Small on the branch, so that sums of many blocks do not grow.
            y = g.conv(y, width, 4 * width, 1, gain=0.3)
            shortcut = x if block else g.conv(x, channels, 4 * width, 1, stride, gain=0.7)
            x, channels = g.add("Relu", g.add("Add", y, shortcut)), 4 * width
    return g.model("resnet50", classify(g, x, channels), ([1, 3, 224, 224], [1, 1000]))


def mobilenetv2():
    g = Graph(2)
    x, channels = g.relu6(g.conv("input", 3, 32, 3, 2)), 32
    stages = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    for expansion, filters, blocks, first_stride in stages:
        for block in range(blocks):
            stride, wide = 1 if block else first_stride, channels * expansion
            y = g.relu6(g.conv(x, channels, wide, 1)) if expansion > 1 else x
            y = g.relu6(g.conv(y, wide, wide, 3, stride, groups=wide))
            same = stride == 1 and channels == filters
            y = g.conv(y, wide, filters, 1, gain=0.5 if same else 1.0)
            x, channels = g.add("Add", x, y) if same else y, filters
    x = g.relu6(g.conv(x, channels, 1280, 1))
    return g.model("mobilenetv2", classify(g, x, 1280), ([1, 3, 224, 224], [1, 1000]))


def bert(tokens=128, size=768, heads=12, hidden=3072):
    g = Graph(3)

    def split(x, order):
        x = g.add("Reshape", x, g.constant(np.array([1, tokens, heads, size // heads])))
        return g.add("Transpose", x, perm=order)

    q, k, v = (g.linear("input", size, size) for _ in range(3))
    scores = g.add("MatMul", split(q, [0, 2, 1, 3]), split(k, [0, 2, 3, 1]))
    scores = g.add("Mul", scores, g.constant(np.float32((heads / size) ** 0.5)))
    mixed = g.add("MatMul", g.add("Softmax", scores, axis=-1), split(v, [0, 2, 1, 3]))
    mixed = g.add("Transpose", mixed, perm=[0, 2, 1, 3])
    mixed = g.add("Reshape", mixed, g.constant(np.array([1, tokens, size])))
    x = g.norm(g.add("Add", "input", g.linear(mixed, size, size)), size)
    y = g.linear(x, size, hidden)
    # GELU, exactly.
    erf = g.add("Erf", g.add("Mul", y, g.constant(np.float32(0.5**0.5))))
    half = g.add("Mul", y, g.constant(np.float32(0.5)))
    y = g.add("Mul", half, g.add("Add", erf, g.constant(np.float32(1))))
    x = g.norm(g.add("Add", x, g.linear(y, hidden, size)), size)
    return g.model("bert", x, ([1, tokens, size], [1, tokens, size]))


NETWORKS = {"resnet50": resnet50, "mobilenetv2": mobilenetv2, "bert": bert}


class Inputs(CalibrationDataReader):
    def __init__(self, shape, count=2):
        random = np.random.default_rng(9)
        self.feeds = iter([{"input": random.standard_normal(shape, dtype=np.float32)} for _ in range(count)])

    def get_next(self):
        return next(self.feeds, None)


def write(name, path):
    model = NETWORKS[name]()
    shape = [size.dim_value for size in model.graph.input[0].type.tensor_type.shape.dim]
    with tempfile.TemporaryDirectory() as folder:
        real, ready, made = (os.path.join(folder, file) for file in ("real.onnx", "ready.onnx", "made.onnx"))
        onnx.save(model, real)
        quant_pre_process(real, ready, skip_symbolic_shape=True)
        kinds = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
        quantize_static(ready, made, Inputs(shape), QuantFormat.QDQ, per_channel=True, **kinds)
        # Whole or not at all.
        shutil.copyfile(made, f"{path}.part")
        os.replace(f"{path}.part", path)


def main():
    folder, names = sys.argv[1], sys.argv[2:] or list(NETWORKS)
    for name in names:
        path = os.path.join(folder, f"{name}.onnx")
        if not os.path.exists(path):
            write(name, path)


main()
