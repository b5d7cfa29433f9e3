"""The standard node tests of the `onnx` package, as models that a compiler can take: what a node needs to know when compiling
(weights, shapes, bounds) is a constant, not an input.

usage: onnx_node_tests.py OUT_FOLDER OPERATOR...

Writes NAME.onnx and NAME.npz (`i0`, `i1`, … the remaining inputs in the model's order; `o0` the first output) for every test of these
operators; where all inputs may be computed, also NAME.dynamic.onnx with all float inputs left.
"""
import sys
import warnings

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_node_model_tests

COMPUTED = {"Add", "Sub", "Mul", "MatMul", "Gemm", "Concat", "Div", "Max", "Min"}
LAST_OPSET = 23


def write(folder, name, model, arrays, outputs, keep):
    m = onnx.ModelProto()
    m.CopyFrom(model)
    for o in m.opset_import:
        if o.domain in ("", "ai.onnx"):
            o.version = min(max(o.version, 13), LAST_OPSET)
    left = []
    for value, array in zip(list(m.graph.input), arrays):
        if keep(value.name):
            left.append(array)
            continue
        m.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(array), value.name))
        m.graph.input.remove(value)
    del m.graph.output[1:]
    onnx.save(m, f"{folder}/{name}.onnx")
    arrays = {f"i{k}": np.ascontiguousarray(a).reshape(a.shape) for k, a in enumerate(left)}
    np.savez(f"{folder}/{name}.npz", **arrays, o0=np.ascontiguousarray(outputs[0]).reshape(outputs[0].shape))


def main(folder, *operators):
    warnings.simplefilter("ignore")
    for case in load_node_model_tests():
        model = case.model or onnx.load(f"{case.model_dir}/model.onnx")
        ops = [n.op_type for n in model.graph.node]
        if len(ops) == 0 or any(op not in operators for op in ops):
            continue
        if case.data_sets is None or not case.data_sets:
            continue
        arrays, outputs = case.data_sets[0]
        plain = (np.ndarray, np.generic)
        if not arrays or not all(isinstance(a, plain) for a in arrays) or not isinstance(outputs[0], plain):
            continue
        arrays, outputs = [np.asarray(a) for a in arrays], [np.asarray(a) for a in outputs]
        first = model.graph.input[0].name
        write(folder, case.name, model, arrays, outputs, lambda n: n == first)
        if ops[0] in COMPUTED and sum(a.dtype == np.float32 for a in arrays) > 1:
            write(folder, case.name + ".dynamic", model, arrays, outputs, lambda n: True)


if __name__ == "__main__":
    main(*sys.argv[1:])
