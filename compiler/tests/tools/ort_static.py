"""ONNX Runtime's static quantisation of a float model, on inputs made as ort_nodes.py makes them.

usage: ort_static.py MODEL.onnx INPUTS.npz|none CALIBRATE EVALUATE OUT.npz

OUT: `calibrate` and `evaluate`, the inputs; `float`, the float model's first output on the latter; `static` and `static_channels`,
that of the model quantised with the defaults and with a scale for each channel (absent where ONNX Runtime cannot).
"""
import logging
import os
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, quantize_static

from ort_nodes import inputs


class Reader(CalibrationDataReader):
    def __init__(self, name, xs):
        self.rest = iter([{name: x[None]} for x in xs])

    def get_next(self):
        return next(self.rest, None)


def run(model, name, xs):
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return np.stack([session.run(None, {name: x[None]})[0] for x in xs])


def main(model, given, calibrate, evaluate, out):
    logging.disable(logging.WARNING)
    value = onnx.load(model).graph.input[0]
    shape = [d.dim_value or 1 for d in value.type.tensor_type.shape.dim][1:]
    known = np.load(given)["x"] if given != "none" else []
    xs = inputs(known, int(calibrate) + int(evaluate), shape, np.float32)
    # What is given is evaluated; all that is made of it may calibrate.
    ev, cal = xs[: int(evaluate)], xs[int(evaluate) :]
    arrays = {"calibrate": cal, "evaluate": ev, "float": run(model, value.name, ev)}
    for key, channels in (("static", False), ("static_channels", True)):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "q.onnx")
            try:
                quantize_static(model, path, Reader(value.name, cal), per_channel=channels)
                arrays[key] = run(path, value.name, ev)
            except Exception as error:  # what it cannot quantise is nothing to compare with
                print(f"{key}: {error}", file=sys.stderr)
    np.savez(out, **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
