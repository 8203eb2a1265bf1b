"""Score crops with a model: `p_fake` for each, as a predictions table."""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dfd_lib.data.pixels import ordered_batches
from dfd_lib.tables import check_predictions

if TYPE_CHECKING:
    import keras


def predict(
    model: "keras.Model", manifest: pd.DataFrame, pixels: np.ndarray, *, name: str, seed: int = 0, rows: np.ndarray | None = None
) -> pd.DataFrame:
    """Score crops.

    Args:
        model: takes RGB 0..255, or features; gives P(fake).
        manifest: n rows.
        pixels: uint8 (m, size, size, 3), or float32 features (m, width).
        name: the model's name in the table.
        seed: the seed in the table; 0 for weights trained elsewhere.
        rows: which row of `pixels` belongs to each of the n rows; default: the same.

    Returns:
        Predictions at level `frame`, condition `clean`, in the manifest's order.
    """
    rows = np.arange(len(manifest)) if rows is None else rows
    table = manifest[["dataset", "split", "path", "video", "face", "frame", "group", "label"]].reset_index(drop=True)
    table = table.assign(model=name, seed=seed, level="frame", condition="clean", p_fake=p_fake(model, pixels, rows))
    return check_predictions(table)


def p_fake(model: "keras.Model", pixels: np.ndarray, rows: np.ndarray, batch_size: int = 64) -> np.ndarray:
    """P(fake) of the given rows, float64 of shape (n,)."""
    step = _scoring_step(model, pixels.dtype.name)
    return np.concatenate([step(batch).numpy() for batch in ordered_batches(pixels, rows, batch_size)])[:, 0].astype(np.float64)


@lru_cache(maxsize=1)
def _scoring_step(model: "keras.Model", dtype: str):
    """One traced graph for every batch size and epoch: half again as fast as `model.predict` on small networks."""
    import tensorflow as tf

    return tf.function(lambda x: model(x, training=False), input_signature=[tf.TensorSpec(model.input_shape, dtype)])
