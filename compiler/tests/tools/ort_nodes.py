"""Every quantised tensor of a Q/DQ model as ONNX Runtime computes it, with all graph optimisations off.

usage: ort_nodes.py MODEL.onnx INPUTS.npz|none COUNT OUT.npz

INPUTS has the model's inputs one after another under the name `x`; there may be fewer than COUNT, or none. The rest are made
of them: mirrored, shifted, darker, with noise; or waves.
OUT: `names`, the tensors' names joined by line feeds as bytes; `x`, the inputs; `t0`, `t1` and so on, one a name, stacked.
"""
import sys

import numpy as np
import onnx
import onnxruntime as ort


def inputs(given, count, shape, dtype):
    r = np.random.default_rng(5)
    out = list(given)
    while len(out) < count:
        if len(given):
            x = given[len(out) % len(given)].astype(np.float32)
            if r.random() < 0.5:
                x = np.flip(x, axis=-2 if x.ndim > 1 else -1)
            x = np.roll(x, int(r.integers(-4, 5)), axis=0)
            spread = float(np.abs(x).max())
            x = x * r.uniform(0.6, 1.0) + r.normal(0, 0.03 * spread, x.shape)
        else:
            t = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
            x = sum(np.sin(t * r.uniform(0.005, 0.3) + r.uniform(0, 6)) for _ in range(4)) / 4
            x = x * (100 if dtype != np.float32 else r.uniform(1, 12))
        out.append(x)
    if dtype == np.int8:
        out = [np.clip(np.rint(x), -128, 127) for x in out]
    if dtype == np.uint8:
        out = [np.clip(np.rint(x), 0, 255) for x in out]
    return np.stack([np.asarray(x).astype(dtype) for x in out])


def main(model, given, count, out):
    m = onnx.load(model)
    types = {1: np.float32, 2: np.uint8, 3: np.int8}
    value = m.graph.input[0]
    shape = [d.dim_value or 1 for d in value.type.tensor_type.shape.dim][1:]
    xs = inputs(np.load(given)["x"] if given != "none" else [], int(count), shape, types[value.type.tensor_type.elem_type])
    names = [n.output[0] for n in m.graph.node if n.op_type == "QuantizeLinear"]
    ends = [o.name for o in m.graph.output]
    m.graph.output.extend(onnx.helper.make_empty_tensor_value_info(n) for n in names if n not in ends)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(m.SerializeToString(), options, providers=["CPUExecutionProvider"])
    wanted = names + [n for n in ends if n not in names]
    runs = [session.run(wanted, {value.name: x[None]}) for x in xs]
    arrays = {f"t{i}": np.stack([r[i] for r in runs]) for i in range(len(wanted))}
    np.savez(out, names=np.frombuffer("\n".join(wanted).encode(), np.uint8), x=xs, **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
