"""From a manifest to pixels: decoded once into a memory-mapped cache, then fed to TensorFlow.

One pipeline feeds every model, in training and in scoring. Pixels are RGB
uint8, 0..255; each model rescales inside itself.
"""

import hashlib
import mmap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import joblib
import numpy as np
import pandas as pd
from tqdm import tqdm

from dfd_lib.data.augment import augmented, changer, mixed
from dfd_lib.data.cache import cached_array
from dfd_lib.data.contents import contents_hash, file_facts
from dfd_lib.data.crops import resize, view_image
from dfd_lib.process import workers

if TYPE_CHECKING:
    import tensorflow as tf

    from dfd_lib.experiment import Augment


def load_pixels(manifest: pd.DataFrame, root: Path, size: int, *, how: str = "area", progress: bool = False) -> np.ndarray:
    """Crops at one size, decoded once and kept in `data/cache`.

    They are known by their contents, side and interpolation: the same crops in
    another folder, or copied anew, are not decoded again.

    Args:
        manifest: table with a column `path`, relative to `root`.
        root: the folder that holds the crops.
        size: side in pixels.
        how: `area`, `nearest` or `bilinear`.
        progress: show a bar.

    Returns:
        Memory-mapped uint8 array of shape (n, size, size, 3), RGB 0..255, row
        i for row i of the manifest.

    Raises:
        ValueError: a file is missing or cannot be decoded; it names the file.
    """
    paths = [Path(root) / path for path in manifest["path"]]
    key = hashlib.sha256(f"{size} {how} {contents_hash(paths)}".encode()).hexdigest()[:24]

    def decode(write: Callable[[int, np.ndarray], None]) -> None:
        def one(row: int) -> None:
            write(row, resize(view_image(paths[row]), size, how))

        bar = tqdm(range(len(paths)), desc=f"decode {size} px", unit="crop", disable=not progress)
        joblib.Parallel(n_jobs=workers(), prefer="threads", batch_size=64)(joblib.delayed(one)(row) for row in bar)

    return cached_array(f"pixels-{key}", (len(paths), size, size, 3), np.uint8, decode)


def crop_bytes(manifest: pd.DataFrame, root: str | Path) -> np.ndarray:
    """The size of each crop's file in bytes, int64 (n,).

    Raises:
        ValueError: a crop is missing.
    """
    return np.array([file_facts(Path(root) / path).st_size for path in manifest["path"]], np.int64)


def ordered_batches(pixels: np.ndarray, rows: np.ndarray, batch_size: int) -> "tf.data.Dataset":
    """Batches of pixels in the order of `rows`, for scoring.

    Args:
        pixels: uint8 (n, size, size, 3).
        rows: int64 (m,), or for clips (m, frames) with padding as `~row` (`data.sequences`).
        batch_size: rows in a batch; the last may be smaller.

    Returns:
        Dataset of a model's inputs: uint8 (batch, size, size, 3), or for clips
        (uint8 (batch, frames, size, size, 3), bool (batch, frames)).
    """
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(rows).batch(batch_size).map(_gather(pixels)).prefetch(2)


def training_batches(
    pixels: np.ndarray | Sequence[np.ndarray],
    rows: np.ndarray,
    labels: np.ndarray,
    *,
    weights: np.ndarray,
    batch_size: int,
    epochs: range,
    seed: int,
    augment: "Augment",
    blended: np.ndarray | None = None,
) -> "tf.data.Dataset":
    """Shuffled, augmented batches for the given epochs, one after the other.

    Order and augmentation derive from (seed, epoch, position) alone, so an
    interrupted run that starts again at epoch e sees what it would have seen.
    Rows that do not fill the last batch of an epoch are left out of that epoch.

    Args:
        pixels: uint8 (n, size, size, 3), or float32 features (n, width); or
            several versions of them, of which epoch e reads number e modulo
            their count.
        rows: int64 indices into `pixels` that may be used, or for clips rows of
            them, padding as `~row` (`data.sequences`).
        labels: for each of `rows`, 0 or 1, or between them.
        weights: loss weight of each of `rows`.
        batch_size: at most this many; fewer if there are fewer rows.
        epochs: which epochs to yield, such as `range(3, 10)`.
        seed: of shuffling and augmentation.
        augment: what is changed at random.
        blended: bool for each of `rows`: the crop is shown as a fake made of it,
            another one in each epoch (`data.blending`).

    Returns:
        Dataset of (float32 pixels 0..255 or features, float32 label (batch, 1), float32 weight (batch,));
        for clips, (pixels, bool (batch, frames)) stands in the place of the pixels.
    """
    import tensorflow as tf

    batch_size = min(batch_size, len(rows))
    steps = len(rows) // batch_size
    targets = tf.constant(labels, tf.float32)[:, None]
    weights = tf.constant(weights, tf.float32)
    rows, clips = tf.constant(rows), rows.ndim == 2
    change = changer(augment, seed, np.zeros(len(labels), bool) if blended is None else blended)
    gather = _gather(*([pixels] if isinstance(pixels, np.ndarray) else pixels))

    def batch(number: "tf.Tensor") -> tuple:
        epoch, step = number // steps, number % steps
        place = tf.cast(step * batch_size + tf.range(batch_size, dtype=tf.int64), tf.int32)
        key = tf.stack([tf.constant(seed, tf.int32), tf.cast(epoch, tf.int32)])
        chosen = tf.random.experimental.index_shuffle(place, key, len(labels) - 1)
        inputs = gather(tf.gather(rows, chosen), epoch)
        key = tf.stack([seed, tf.cast(number, tf.int32)])
        images = augmented(change(inputs[0] if clips else inputs, epoch, chosen), augment, key)
        goal, weight = tf.gather(targets, chosen), tf.gather(weights, chosen)
        if augment.mixup:
            images, goal, weight = mixed(images, goal, weight, augment.mixup, key)
        return (images, inputs[1]) if clips else images, goal, weight

    numbers = tf.data.Dataset.range(epochs.start * steps, epochs.stop * steps)
    return numbers.map(batch, num_parallel_calls=max(2, workers()), deterministic=True).prefetch(4)


def _gather(*versions: np.ndarray) -> Callable[..., "tf.Tensor | tuple[tf.Tensor, tf.Tensor]"]:
    """A function from rows, and the number of the version, to a batch; it holds no more of a mapped array in memory than that batch."""
    import tensorflow as tf

    def read(rows: np.ndarray, number: int) -> np.ndarray:
        array = versions[number % len(versions)]
        # sorted reads would touch the disk in order, but a batch must keep the order it was drawn in
        batch = np.asarray(array[np.where(rows < 0, ~rows, rows)])
        if isinstance(array.base, mmap.mmap):
            array.base.madvise(mmap.MADV_DONTNEED)  # else every page that was ever read counts as ours
        return batch

    def gather(rows: "tf.Tensor", number: "tf.Tensor | int" = 0) -> "tf.Tensor | tuple[tf.Tensor, tf.Tensor]":
        batch = tf.numpy_function(read, [rows, number], versions[0].dtype)
        images = tf.ensure_shape(batch, (*rows.shape, *versions[0].shape[1:]))
        return images if rows.shape.rank == 1 else (images, rows >= 0)

    return gather
