"""ONNX Runtime's side of `cargo run -p sim --example against_ort`: one operator in its fastest int8 form, or a network.

Speaks lines of JSON over stdin and stdout, one answer to each request:
  {"op": "matmul" | "conv", "threads": n, "folder": path, "shift": s}   loads activations and weights from the folder
  {"network": path, "threads": n, "folder": path}       loads a model, and writes random inputs: input0, input1, …
  {"run": n}            runs n times: {"seconds": [...]}
  {"results": path}     writes the int8 results, zero point taken off: {"ok": true}
  {"outputs": folder}   writes a network's outputs: output0, output1, …
The folder holds `activations` (int8, [m, k] or [y, x, channel]) and `weights` (int8, [k, n] or [ky, kx, in, out]).
U8S8 is the form that its kernels are made for: unsigned activations, zero point 128.
"""

import json
import sys
import time

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

SIDE, EDGE, CHANNELS = 1024, 56, 64


def load(model, threads):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin on after a run would take the processor from the other side of the pair.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def session(op, threads, weights, shift):
    scalars = {
        "xs": np.float32(1), "xz": np.uint8(128), "ws": np.float32(1), "wz": np.int8(0),
        "ys": np.float32(2.0**shift), "yz": np.uint8(128),
    }
    names = ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz"]
    if op == "matmul":
        shape, node = [SIDE, SIDE], helper.make_node("QLinearMatMul", names, ["y"])
    else:
        shape = [1, CHANNELS, EDGE, EDGE]
        node = helper.make_node("QLinearConv", names, ["y"], pads=[1, 1, 1, 1], kernel_shape=[3, 3])
    constants = [numpy_helper.from_array(np.array(value), name) for name, value in scalars.items()]
    constants.append(numpy_helper.from_array(weights, "w"))
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.UINT8, shape)
    graph = helper.make_graph([node], op, [value("x")], [value("y")], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    return load(model.SerializeToString(), threads)


class Operator:
    def __init__(self, request):
        self.op = request["op"]
        read = lambda name: np.fromfile(f"{request['folder']}/{name}", dtype=np.int8)
        x, w = read("activations"), read("weights")
        if self.op == "matmul":
            x, w = x.reshape(SIDE, SIDE), w.reshape(SIDE, SIDE)
        else:
            x = x.reshape(1, EDGE, EDGE, CHANNELS).transpose(0, 3, 1, 2)
            w = w.reshape(3, 3, CHANNELS, CHANNELS).transpose(3, 2, 0, 1)
        self.feed = {"x": np.ascontiguousarray(x).view(np.uint8) ^ np.uint8(0x80)}
        self.session = session(self.op, request["threads"], np.ascontiguousarray(w), request["shift"])

    def run(self, count):
        seconds = []
        for _ in range(count):
            start = time.perf_counter()
            (self.y,) = self.session.run(None, self.feed)
            seconds.append(time.perf_counter() - start)
        return {"seconds": seconds}

    def results(self, path):
        y = self.y if self.op == "matmul" else self.y.transpose(0, 2, 3, 1)
        np.ascontiguousarray(y ^ np.uint8(0x80)).tofile(path)
        return {"ok": True}


class Network:
    def __init__(self, request):
        self.session = load(request["network"], request["threads"])
        random, self.feed = np.random.default_rng(1), {}
        for index, value in enumerate(self.session.get_inputs()):
            shape = [size if isinstance(size, int) else 1 for size in value.shape]
            if value.type == "tensor(float)":
                x = random.standard_normal(shape, dtype=np.float32)
            else:
                dtype = np.dtype(value.type.removeprefix("tensor(").removesuffix(")"))
                x = random.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, dtype, endpoint=True)
            x.tofile(f"{request['folder']}/input{index}")
            self.feed[value.name] = x

    def run(self, count):
        seconds = []
        for _ in range(count):
            start = time.perf_counter()
            self.y = self.session.run(None, self.feed)
            seconds.append(time.perf_counter() - start)
        return {"seconds": seconds}

    def outputs(self, folder):
        for index, y in enumerate(self.y):
            np.ascontiguousarray(y).tofile(f"{folder}/output{index}")
        return {"ok": True}


def main():
    operator = None
    for line in sys.stdin:
        request = json.loads(line)
        if "op" in request or "network" in request:
            operator = (Operator if "op" in request else Network)(request)
            answer = {"onnxruntime": ort.__version__, "numpy": np.__version__, "onnx": onnx.__version__}
        elif "run" in request:
            answer = operator.run(request["run"])
        elif "outputs" in request:
            answer = operator.outputs(request["outputs"])
        else:
            answer = operator.results(request["results"])
        print(json.dumps(answer), flush=True)


main()
