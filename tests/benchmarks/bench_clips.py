"""Models of clips: their input against that of frames, their convolution against a dense one, and what the largest of them needs."""

import sys

import numpy as np
from measure import Row, Share, peak_memory, race

GIB = 2**30
FULL_SIZE = """
import time
import numpy as np
from dfd_lib.models.registry import build
model = build({name!r}, image_size={side}, **{hyper!r})
clip = [np.zeros((1, {frames}, {side}, {side}, 3), np.uint8), np.ones((1, {frames}), bool)]
model.compile(optimizer="adam", loss="binary_crossentropy")
{step}  # traces the graph
start = time.perf_counter()
{step}
print(f"{what}: {{time.perf_counter() - start:.2f}} s", flush=True)
"""


def bench_reading_clips(tiny: bool) -> list[Row]:
    """Epochs of 4,000 decoded crops at 64 px, augmented, as clips of eight and one by one."""
    from dfd_lib.process import start_tensorflow

    start_tensorflow()
    from dfd_lib.data.pixels import training_batches
    from dfd_lib.experiment import Augment

    crops, frames, side = (64, 8, 16) if tiny else (4_000, 8, 64)
    pixels = np.random.default_rng(1).integers(0, 256, (crops, side, side, 3), dtype=np.uint8)
    single = np.arange(crops)

    def read(rows: np.ndarray, batch: int):
        labels, weights = np.arange(len(rows)) % 2, np.ones(len(rows))
        how = {"weights": weights, "batch_size": batch, "epochs": range(1), "seed": 1, "augment": Augment()}
        return lambda: [None for _ in training_batches(pixels, rows, labels, **how)]

    ours, theirs = read(single.reshape(-1, frames), 8), read(single, 8 * frames)
    return [race(f"reading {crops:,} crops as clips of {frames}", ours, theirs, reference="the same crops one by one", target=0.9)]


def bench_grouped_convolution(tiny: bool) -> list[Row]:
    """A training step of one layer, batch 32, 28 px, 128 channels, 3x3: 32 groups against one."""
    from dfd_lib.process import start_tensorflow

    start_tensorflow()
    import keras

    from dfd_lib.models.grouped import GroupedConv2D

    side, batch = (7, 2) if tiny else (28, 32)
    pixels = np.random.default_rng(1).normal(size=(batch, side, side, 128)).astype(np.float32)

    def step(layer: keras.Layer):
        inputs = keras.Input(pixels.shape[1:])
        model = keras.Model(inputs, layer(inputs))
        model.compile(optimizer="sgd", loss="mean_squared_error")
        model.train_on_batch(pixels, pixels)
        return lambda: model.train_on_batch(pixels, pixels)

    ours, theirs = step(GroupedConv2D(128, 3, 32, padding="same")), step(keras.layers.Conv2D(128, 3, padding="same", use_bias=False))
    what = f"a training step of a 3x3 convolution in 32 groups, {batch} x {side} x {side} x 128"
    return [race(what, ours, theirs, reference="a dense one", target=1)]


def bench_full_size(tiny: bool) -> list[Share]:
    """ResNeXt-50 and LSTM at 112 px and 10 frames, one clip: memory of a training step and of a prediction; seconds are printed."""
    hyper = {"units": 8, "backbone_hyper": {"stages": (1,), "cardinality": 2}} if tiny else {}
    side = 32 if tiny else 112
    steps = {"a training step": "model.train_on_batch(clip, np.ones((1, 1)))", "a prediction": "model.predict_on_batch(clip)"}
    rows = []
    for what, step in steps.items():
        code = FULL_SIZE.format(name="resnext_lstm", side=side, frames=10, hyper=hyper, step=step, what=what)
        share = peak_memory([sys.executable, "-c", code]).resident / (8 * GIB)
        rows.append(Share(f"memory of {what} of resnext_lstm, {side} px, 10 frames, one clip", "8 GiB", share, high=1))
    return rows
