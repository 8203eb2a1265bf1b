"""Training and scoring, against Keras' own directory pipeline and against steps on data that lies in memory already.

About a quarter of an hour on two cores. An epoch's rate does not depend on how many of its steps are timed, so the larger
networks are timed on fewer: see `NETWORKS`. As in a training, the input is made once for all epochs, of which the first is not timed.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from measure import Row, Share, peak_memory, race

BATCH = 32
CROPS, SIDE = 4_000, 224
EPOCHS = 4
NETWORKS = {"lenet": (64, 125), "minivggnet": (64, 40), "meso4": (256, 32), "mobilenet_v2": (128, 20)}
"""From name to the side of its input and the steps of an epoch that are timed."""


class Bench(NamedTuple):
    """One network's crops, decoded, and as many steps as are timed."""

    name: str
    size: int
    steps: int
    root: Path
    manifest: pd.DataFrame
    pixels: np.ndarray

    @property
    def what(self) -> str:
        """What is timed, in words."""
        return f"{self.steps} steps of {BATCH} of {self.name} at {self.size} px, {len(self.manifest):,} crops of {SIDE} px"


def bench_epochs(tiny: bool) -> Iterator[Row]:
    """The four networks, from the second epoch on: three inputs, and our input in bfloat16."""
    with crops(tiny) as (root, manifest):
        for name, (size, steps) in networks(tiny).items():
            bench = prepared(name, size, steps, root, manifest)
            float32 = [trained(build_in("float32", name, size)) for _ in range(3)]
            inputs = [cached(bench), directory(bench, shuffle=True).repeat(), next_batch(bench).repeat()]
            bfloat16 = (trained(build_in("mixed_bfloat16", name, size)), cached(bench))
            ours, files, memory, half = epochs_in_turn([*zip(float32, inputs, strict=True), bfloat16], steps, EPOCHS)
            yield Row(bench.what, "`image_dataset_from_directory` and `fit`", ours, files, target=1)
            yield Row(bench.what, "the same steps on one batch that lies in memory", ours, memory, target=0.95)
            yield Row(f"{bench.what}, mixed bfloat16", "the same in float32; this processor's gain, no promise", half, ours, target=0)


def bench_scores(tiny: bool) -> Iterator[Row | Share]:
    """What `dfd score` does after it has listed the files and read the network; both ways decode every crop and are traced before."""
    from dfd_lib.stages.score_files import score_files
    from dfd_lib.training.predict import p_fake
    from dfd_lib.training.scoring import fastest_step

    with crops(tiny) as (root, manifest):
        for name, (size, steps) in networks(tiny).items():
            bench = prepared(name, size, steps, root, manifest)
            model = build_in("float32", name, size)
            step, files = fastest_step(model, len(manifest), threads=1), directory(bench, shuffle=False)

            def ours(model=model, step=step, crops=manifest) -> pd.DataFrame:
                return score_files(model, crops, root, name=model.name, step=step, progress=False)[0]

            def theirs(files=files, model=model) -> np.ndarray:
                return model.predict(files, verbose=0)

            model.predict(next_batch(bench), verbose=0)
            ours(crops=manifest.head(4 * BATCH))
            target = 3 if name == "mobilenet_v2" else 1.2
            what = f"scores of {len(manifest):,} crops of {SIDE} px from their files, {name} at {size} px"
            yield race(what, ours, theirs, reference="`model.predict` on the directory pipeline", target=target, turns=turns(tiny, 2))
            apart = np.abs(ours()["p_fake"] - p_fake(model, bench.pixels, np.arange(len(manifest)))).max()
            yield Share(f"largest difference of these scores from those of the same pixels by Keras, {name}", "1e-6", apart / 1e-6, high=1)


def bench_frozen(tiny: bool) -> Iterator[Row]:
    """Transfer from a frozen base, from the second epoch on."""
    from dfd_lib.experiment import Augment, Model
    from dfd_lib.training.sources import source

    name, size, steps = ("vgg16", 32, 2) if tiny else ("mobilenet_v2", 128, 125)
    config = Model(model=name, batch_size=BATCH, augment=Augment(flip=False, brightness=0, contrast=0))
    with crops(tiny) as (root, manifest):
        bench = prepared(name, size, steps, root, manifest)
        whole, other = (build_in("float32", name, size, trainable_base=False) for _ in range(2))
        data = source(other, bench.pixels, np.arange(len(manifest)), config)
        ways = [(trained(data.network), cached(bench._replace(pixels=data.scored))), (trained(whole), cached(bench))]
        ours, naive = epochs_in_turn(ways, steps, EPOCHS - 1)
        what = f"an epoch of transfer from a frozen {name} at {size} px, {len(manifest):,} crops"
        yield Row(what, "the same epoch through the base", ours, naive, target=10)


PATCH = 40
"""How much brighter the patch of a fake is, of 255."""


def bench_precision(tiny: bool) -> Iterator[Share]:
    """What bfloat16 costs in AUC: short trainings of faces that differ by a faint patch, told from others that were not seen."""
    from dfd_lib.experiment import Model
    from dfd_lib.formats import count
    from dfd_lib.training.fit import fit

    nets = {"lenet": (64, 1 if tiny else 8, {}), "mobilenet_v2": (64, 24, {"width": 0.35, "bn_momentum": 0.9})}
    nets = {"lenet": nets["lenet"]} if tiny else nets
    seeds = (1,) if tiny else (1, 2)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        manifest = draw_crops(root, 96 if tiny else 1_200, 64, patch=PATCH)
        manifest["split"] = np.where(np.arange(len(manifest)) // 2 % 3 == 0, "val", "train")

        def auc(name: str, precision: str, seed: int) -> float:
            size, epochs, hyper = nets[name]
            config = Model(model=name, image_size=size, epochs=epochs, hyper=hyper, precision=precision)
            out = root / f"{name}-{precision}-{seed}"
            return fit(manifest, root, config, name=name, seed=seed, out=out, verbose=0, parts=("val",)).facts["val_auc"]

        for name in nets:
            full, half = (np.mean([auc(name, precision, seed) for seed in seeds]) for precision in ("float32", "mixed_bfloat16"))
            yield Share(f"AUC of {name} trained in float32, {count(len(seeds), 'seed')}: does it learn what is asked", "1", full, low=0.9)
            yield Share(f"AUC of {name} trained in bfloat16, {half:.3f}", f"in float32, {full:.3f}, on drawn crops", half / full, low=0.98)


def bench_growth(tiny: bool) -> list[Share]:
    """Decode, train an epoch and score, in a process of its own, on so many crops and on ten times as many."""
    few = BATCH if tiny else 1_000
    with tempfile.TemporaryDirectory() as folder:
        peaks, seconds = [], []
        for count in (few, 10 * few):
            root = Path(folder) / str(count)
            draw_crops(root, count, 48 if tiny else SIDE).to_csv(Path(folder) / f"{count}.csv", index=False)
            peaks.append(peak_memory([sys.executable, __file__, str(root)]))
            seconds.append(float(root.with_suffix(".txt").read_text()))
    what, reference = f"{10 * few:,} crops: decode, an epoch of lenet at 64 px, score", f"{few:,} crops"
    return [
        Share(f"time of {what}", reference, seconds[1] / seconds[0], high=10.5),
        Share(f"peak memory of {what}, without pages of files", reference, peaks[1].own / peaks[0].own, high=1.05),
        Share("the same, with pages of files, which the system may take back", reference, peaks[1].resident / peaks[0].resident, high=1.05),
    ]


def bench_threads(tiny: bool) -> Iterator[Row]:
    """Two trainings of a small network, start-up included: at once on one thread each, as the pipeline runs them, or in turn on two."""
    count = BATCH if tiny else 2_000
    with tempfile.TemporaryDirectory() as folder:
        roots = [Path(folder) / name for name in "ab"]
        for root in roots:
            draw_crops(root, count, 48 if tiny else SIDE).to_csv(root.with_suffix(".csv"), index=False)

        def start(root: Path, threads: int) -> subprocess.Popen:
            return subprocess.Popen([sys.executable, __file__, root], env={**os.environ, "DFD_THREADS": str(threads)})

        def at_once() -> list[int]:
            return [running.wait() for running in [start(root, 1) for root in roots]]

        def in_turn() -> list[int]:
            return [start(root, 2).wait() for root in roots]

        what = f"two trainings at once, 1 thread each: an epoch of lenet at 64 px on {count:,} crops, and scores"
        yield race(what, at_once, in_turn, reference="one after the other, 2 threads", target=1, turns=turns(tiny, 2))


def bench_kernels(tiny: bool) -> Iterator[Row]:
    """Steps with TensorFlow's oneDNN kernels, which this library turns on wherever it runs, and with those that they replace."""
    for name, (size, steps) in networks(tiny).items():

        def seconds(on: str, asked=(name, str(size), str(steps))) -> float:
            command, env = [sys.executable, __file__, *asked], {**os.environ, "TF_ENABLE_ONEDNN_OPTS": on}
            return float(subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.split()[-1])

        ours, theirs = zip(*([seconds("1"), seconds("0")] for _ in range(turns(tiny))), strict=True)
        what = f"{steps} steps of {BATCH} of {name} at {size} px, from memory, with oneDNN"
        yield Row(what, "TensorFlow's own kernels", ours, theirs, target=1)


def networks(tiny: bool) -> dict[str, tuple[int, int]]:
    """What is timed; only to see that it runs, the smallest."""
    return {"lenet": (32, 2)} if tiny else NETWORKS


def turns(tiny: bool, full: int = 3) -> int:
    """How often each way runs."""
    return 1 if tiny else full


@contextmanager
def crops(tiny: bool) -> Iterator[tuple[Path, pd.DataFrame]]:
    """A folder of crops and their manifest."""
    from dfd_lib.process import start_tensorflow

    start_tensorflow()
    with tempfile.TemporaryDirectory() as name:
        yield Path(name), draw_crops(Path(name), *((2 * BATCH, 64) if tiny else (CROPS, SIDE)))


def draw_crops(root: Path, count: int, side: int, patch: int = 0) -> pd.DataFrame:
    """JPEG files in class folders: a hundred drawings over and over, or where fakes have a patch, one for every two crops."""
    import cv2

    from dfd_lib.data.demo import draw_portrait

    rows = []
    portrait = lru_cache(maxsize=100)(draw_portrait)
    for row in range(count):
        person, label = (row // 2 if patch else row % 100), row % 2
        image = portrait(person, side).astype(np.int16)
        image[side // 2 : 3 * side // 4, side // 4 : side // 2] += patch * label
        path = f"{('real', 'fake')[label]}/{row:05d}.jpg"
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / path), np.clip(image, 0, 255).astype(np.uint8)[:, :, ::-1])
        rows.append({"path": path, "label": label, "video": path, "group": f"g{row // 2}", "split": "train"})
    facts = {"dataset": "drawn", "method": "", "person": "", "donor": "", "face": 0, "frame": 0, "score": 1.0}
    return pd.DataFrame(rows).assign(**facts, **dict.fromkeys(("box_x", "box_y", "box_w", "box_h"), float(side)))


def prepared(name: str, size: int, steps: int, root: Path, manifest: pd.DataFrame) -> Bench:
    """Crops of a network's size; decoding once is not in our time."""
    from dfd_lib.data.pixels import load_pixels

    return Bench(name, size, steps, root, manifest, load_pixels(manifest, root, size))


def build_in(precision: str, name: str, size: int, **hyper: object):
    """A network of that precision."""
    import keras

    from dfd_lib.models.registry import build

    keras.config.set_dtype_policy(precision)
    try:
        return build(name, image_size=size, **hyper)
    finally:
        keras.config.set_dtype_policy("float32")


def cached(bench: Bench):
    """Our input, without random changes, which the other ways do not make either."""
    from dfd_lib.data.pixels import training_batches
    from dfd_lib.experiment import Augment

    rows, off = np.arange(len(bench.pixels)), Augment(flip=False, brightness=0, contrast=0)
    labels, weights = bench.manifest["label"].to_numpy(), np.ones(len(rows))
    return training_batches(bench.pixels, rows, labels, weights=weights, batch_size=BATCH, epochs=range(EPOCHS), seed=1, augment=off)


def next_batch(bench: Bench):
    """A data set of one batch that lies in memory."""
    import tensorflow as tf

    return tf.data.Dataset.from_tensors(next(iter(cached(bench))))


def directory(bench: Bench, *, shuffle: bool):
    """Keras' own pipeline from the files."""
    import keras

    how = {"image_size": (bench.size, bench.size), "batch_size": BATCH, "shuffle": shuffle, "seed": 1, "verbose": False}
    return keras.utils.image_dataset_from_directory(bench.root, class_names=["real", "fake"], label_mode="binary", **how)


def trained(model):
    """A network with optimizer and loss, as we train it."""
    from dfd_lib.experiment import Model
    from dfd_lib.training.objective import compiled

    return compiled(model, Model(model=model.name, batch_size=BATCH), steps=1)


def epochs_in_turn(ways: list[tuple], steps: int, epochs: int) -> list[tuple[float, ...]]:
    """Seconds of the epochs of several trainings from the second on, which take turns: an epoch each, one at a time.

    Args:
        ways: models and what they train on.
        steps: of an epoch.
        epochs: of each; the first one traces the graph and is not told.
    """
    from keras.callbacks import LambdaCallback

    took: list[list[float]] = [[] for _ in ways]
    may_run = [threading.Semaphore(int(place == 0)) for place in range(len(ways))]

    def train(place: int) -> None:
        def begin(epoch: int, logs: dict) -> None:
            may_run[place].acquire()
            took[place].append(-time.perf_counter())

        def end(epoch: int, logs: dict) -> None:
            took[place][-1] += time.perf_counter()
            may_run[(place + 1) % len(ways)].release()

        model, data = ways[place]
        turn = LambdaCallback(on_epoch_begin=begin, on_epoch_end=end)
        try:
            model.fit(data, steps_per_epoch=steps, epochs=epochs, shuffle=False, verbose=0, callbacks=[turn])
        finally:
            may_run[(place + 1) % len(ways)].release()  # whatever happened, the others must not wait for ever

    with ThreadPoolExecutor(len(ways)) as pool:
        list(pool.map(train, range(len(ways))))
    return [tuple(one[1:]) for one in took]


def work(root: Path) -> float:
    """What `bench_growth` measures; returns its seconds, of which starting TensorFlow is no part."""
    from dfd_lib.process import start_tensorflow

    start_tensorflow()
    from dfd_lib.training.predict import p_fake

    begun = time.perf_counter()
    manifest = pd.read_csv(root.with_suffix(".csv"))
    bench = prepared("lenet", 64, len(manifest) // BATCH, root, manifest)
    model = build_in("float32", "lenet", 64)
    trained(model).fit(cached(bench), steps_per_epoch=bench.steps, shuffle=False, verbose=0)
    p_fake(model, bench.pixels, np.arange(len(manifest)))
    return time.perf_counter() - begun


def steps_alone(name: str, size: int, steps: int) -> float:
    """Seconds of an epoch from memory, in this process; the first epoch, which traces the graph, is not in it."""
    from dfd_lib.process import start_tensorflow

    start_tensorflow()
    images, labels = np.zeros((steps * BATCH, size, size, 3), np.uint8), np.arange(steps * BATCH) % 2
    model = trained(build_in("float32", name, size))
    [(took,)] = epochs_in_turn([(model, endless(images, labels))], steps, epochs=2)
    return took


def endless(images: np.ndarray, labels: np.ndarray):
    """Batches from memory, over and over."""
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((images, labels[:, None])).batch(BATCH).repeat()


if __name__ == "__main__":  # a process of its own: for `bench_growth` and `bench_threads` a folder of crops, for `bench_kernels` a network
    if len(sys.argv) == 2:
        Path(sys.argv[1]).with_suffix(".txt").write_text(str(work(Path(sys.argv[1]))))
    else:
        print(steps_alone(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
