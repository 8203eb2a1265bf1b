"""What a training reads: crops, or the features of crops where the base of the network is frozen.

A frozen base gives the same features of the same pixels in every epoch, so they
are computed once, kept in `data/cache`, and only the head is trained: the same
scores, many times as fast. Runs from the same given weights share them, as do
trials of a search that changes nothing in the crops.

Random changes of the crops come before the base. So that the head still sees
some, features are kept of `feature_copies` versions of the training crops: the
crops as they are, and copies that are changed at random as `augment` says.
Epoch e trains on version e modulo their number.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dfd_lib.data.augment import augmented, changed
from dfd_lib.data.cache import cached_array
from dfd_lib.data.pixels import ordered_batches
from dfd_lib.experiment import Augment, Model

if TYPE_CHECKING:
    import keras

BATCH = 64


@dataclass(frozen=True)
class Source:
    """What is trained, and on what.

    Args:
        network: the model, or only its head.
        scored: one row a crop, as the network takes it: uint8 pixels, or float32 features.
        versions: what epochs train on, one after the other; the rows are those of `scored`.
        augment: what is still changed at random.
    """

    network: "keras.Model"
    scored: np.ndarray
    versions: list[np.ndarray]
    augment: Augment


def source(model: "keras.Model", pixels: np.memmap, rows: np.ndarray, config: Model) -> Source:
    """Crops for a model that is trained whole, features for one whose base is frozen.

    Args:
        model: a registered model.
        pixels: of all crops, as `dfd_lib.data.pixels.load_pixels` returns them.
        rows: of the crops that are trained on.
        config: how it is trained.
    """
    from dfd_lib.models.features import features, head

    base = features(model)
    if base.trainable_weights or not base.weights:
        return Source(model, pixels, [pixels], config.augment)
    if config.self_blended != "no":
        came = "a frozen base, whose features are computed once"
        raise ValueError(f"{config.model}: self_blended: expected a base that is trained, came {came}. Leave out trainable_base: false.")
    key = _key(base, pixels, config)
    scored = _stored(base, pixels, np.arange(len(pixels)), key)
    copies = min(config.feature_copies, config.epochs) if config.augment.changes else 1
    versions = [scored, *(_stored(base, pixels, rows, key, config.augment, copy) for copy in range(1, copies))]
    return Source(head(model), scored, versions, config.augment.only_mixed())


def _key(base: "keras.Model", pixels: np.memmap, config: Model) -> str:
    """A hash of all that decides features: crops, network, weights and precision."""
    # the file's name is a hash of the crops' contents, their size and the interpolation
    digest = hashlib.sha256(f"{Path(pixels.filename).stem} {config.model} {config.precision}".encode())
    for weight in base.weights:
        digest.update(f"{weight.shape}".encode() + weight.numpy().tobytes())
    return digest.hexdigest()


def _stored(
    base: "keras.Model", pixels: np.ndarray, rows: np.ndarray, key: str, augment: Augment | None = None, copy: int = 0
) -> np.ndarray:
    """Features of some rows, in the place of each row; the other places are empty and take no room on the disk."""
    digest = hashlib.sha256(f"{key} {augment and augment.model_dump_json(exclude={'mixup'})} {copy}".encode())
    digest.update(rows.astype(np.int64).tobytes())
    step = _step(base, augment)

    def fill(write: Callable[[int, np.ndarray], None]) -> None:
        for number, images in enumerate(ordered_batches(pixels, rows, BATCH)):
            if augment and augment.degrades:
                images = changed(images.numpy(), augment, (copy, number), np.arange(len(images)))
            for row, found in zip(rows[number * BATCH :], step(images, (copy, number)).numpy(), strict=False):
                write(int(row), found)

    return cached_array(f"features-{digest.hexdigest()[:24]}", (len(pixels), base.output_shape[1]), np.float32, fill)


def _step(base: "keras.Model", augment: Augment | None):
    """One traced graph from uint8 pixels and two integers, which decide the random changes, to features."""
    import tensorflow as tf

    def features(images: "tf.Tensor", key: "tf.Tensor") -> "tf.Tensor":
        return base(augmented(images, augment, key) if augment else images, training=False)

    return tf.function(features, input_signature=[tf.TensorSpec(base.input_shape, tf.uint8), tf.TensorSpec((2,), tf.int32)])
