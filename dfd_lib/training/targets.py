"""What an epoch shows: which crops, with which labels and weights, and which of them are made into fakes."""

from typing import NamedTuple

import numpy as np

from dfd_lib.experiment import Model


class Shown(NamedTuple):
    """One row is one example of each epoch."""

    rows: np.ndarray
    """int64 (n,) or (n, frames), as `training.examples.Examples` has them."""
    labels: np.ndarray
    """float32 (n,): 0 or 1, or between them."""
    weights: np.ndarray
    """float64 (n,), of the loss."""
    blended: np.ndarray
    """bool (n,): real crops that are shown as fakes made of them, another one in each epoch."""


def shown(rows: np.ndarray, labels: np.ndarray, config: Model, taught: np.ndarray | None = None) -> Shown:
    """The examples of an epoch.

    Args:
        rows: of the training part.
        labels: their 0 and 1.
        config: `self_blended` adds a fake made of each real crop, and `alone` leaves out
            the data's own; `label_smoothing` draws the labels towards .5;
            `class_weights` weighs both classes alike, whatever there is of them.
        taught: what a teacher says of every row of the manifest, NaN where nothing:
            of it and of the label a mean is learned, as `teacher.weight` says.

    Raises:
        ValueError: clips can be neither blended nor mixed.

    Example:
        >>> one = shown(np.arange(3), np.array([0, 1, 1]), Model(model="lenet", self_blended="alone", label_smoothing=0.1))
        >>> one.rows.tolist(), (20 * one.labels).tolist(), one.blended.tolist()
        ([0, 0], [1.0, 19.0], [False, True])
    """
    if rows.ndim != 1 and (config.self_blended != "no" or config.augment.mixup):
        asked = "mixup" if config.augment.mixup else "self_blended"
        raise ValueError(f"{config.model}: {asked}: expected a model of single crops, came one of clips. Leave {asked} out.")
    blended = np.zeros(len(rows), bool)
    if config.self_blended != "no":
        rows, labels, blended = _with_blended(rows, labels, config)
    weights = class_weights(labels) if config.class_weights else np.ones(len(rows))
    soft = labels * (1 - config.label_smoothing) + config.label_smoothing / 2
    if taught is not None and config.teacher is not None:
        said = np.where(blended, np.nan, taught[rows])  # a teacher has seen no fake that is made on the fly
        soft = np.where(np.isnan(said), soft, (1 - config.teacher.weight) * soft + config.teacher.weight * said)
    return Shown(rows, soft.astype(np.float32), weights, blended)


def class_weights(labels: np.ndarray) -> np.ndarray:
    """A weight for each label so that both classes weigh the same and the mean is 1.

    Example:
        >>> class_weights(np.array([0, 1, 1, 1])).round(3).tolist()
        [2.0, 0.667, 0.667, 0.667]
    """
    counts = np.bincount(labels, minlength=2)
    return (len(labels) / (2 * counts))[labels]


def _with_blended(rows: np.ndarray, labels: np.ndarray, config: Model) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    real = labels == 0
    kept = real if config.self_blended == "alone" else np.ones(len(rows), bool)
    made = int(real.sum())
    return (
        np.concatenate([rows[kept], rows[real]]),
        np.concatenate([labels[kept], np.ones(made, labels.dtype)]),
        np.concatenate([np.zeros(int(kept.sum()), bool), np.ones(made, bool)]),
    )
