"""Training input, against Keras' own directory pipeline and against data that lies in memory already."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from measure import Row, race

BATCH = 32


def bench_training_input(tiny: bool) -> list[Row]:
    """Epochs of LeNet at 64 px on 4,000 crops of 224 px, from the second epoch on."""
    crops, side = (2 * BATCH, 64) if tiny else (4_000, 224)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        manifest = draw_crops(root, crops, side)
        return races("lenet", 64, manifest, root, turns=1 if tiny else 3)


def draw_crops(root: Path, count: int, side: int) -> pd.DataFrame:
    """JPEG files in class folders; a hundred drawings, over and over."""
    import cv2

    from dfd_lib.data.demo import draw_portrait

    drawn = [cv2.imencode(".jpg", draw_portrait(seed, side)[:, :, ::-1])[1].tobytes() for seed in range(min(count, 100))]
    paths = [f"{('real', 'fake')[row % 2]}/{row:05d}.jpg" for row in range(count)]
    for row, path in enumerate(paths):
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_bytes(drawn[row % len(drawn)])
    return pd.DataFrame({"path": paths, "label": [row % 2 for row in range(count)]})


def races(name: str, size: int, manifest: pd.DataFrame, root: Path, turns: int) -> list[Row]:
    """One model, three inputs; every model has trained an epoch before it is timed, and decoding once is not in our time."""
    from dfd_lib.process import start_tensorflow

    start_tensorflow()
    import keras
    import tensorflow as tf

    from dfd_lib.data.pixels import load_pixels, training_batches
    from dfd_lib.experiment import Augment, parse_experiment
    from dfd_lib.models.registry import build
    from dfd_lib.training.fit import compiled

    recipe = parse_experiment({"name": "bench", "title": "bench", "data": {"source": "-"}, "models": {name: {"batch_size": BATCH}}})
    pixels = load_pixels(manifest, root, size)
    rows, labels = np.arange(len(manifest)), manifest["label"].to_numpy()
    steps = len(rows) // BATCH

    def cached(epoch: int) -> tf.data.Dataset:
        off = Augment(flip=False, brightness=0, contrast=0)
        weights = np.ones(len(rows))
        epochs = range(epoch, epoch + 1)
        return training_batches(pixels, rows, labels, weights=weights, batch_size=BATCH, epochs=epochs, seed=1, augment=off)

    directory = keras.utils.image_dataset_from_directory(
        root, class_names=["real", "fake"], label_mode="binary", image_size=(size, size), batch_size=BATCH, seed=1, verbose=False
    )
    memory = tf.data.Dataset.from_tensors(next(iter(cached(0)))).repeat(steps)

    def trainer(data) -> tuple:
        model = compiled(build(name, image_size=size), recipe.models[name], steps)
        model.fit(data(0), shuffle=False, verbose=0)
        epoch = iter(range(1, 1000))
        return lambda: model.fit(data(next(epoch)), shuffle=False, verbose=0)

    ours, theirs, pure = trainer(cached), trainer(lambda _: directory), trainer(lambda _: memory)
    what = f"an epoch of {name} at {size} px, {len(manifest):,} crops"
    return [
        race(what, ours, theirs, reference="`image_dataset_from_directory` and `fit`", target=1, turns=turns),
        race(what, ours, pure, reference="the same steps on one batch that lies in memory", target=0.95, turns=turns),
    ]
