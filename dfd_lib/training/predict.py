"""Score crops or clips with a model: `p_fake` for each, as a predictions table."""

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dfd_lib.data.pixels import ordered_batches
from dfd_lib.data.sequences import Order
from dfd_lib.tables import check_predictions
from dfd_lib.training.examples import Examples, examples_of

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from dfd_lib.training.scoring import Step


def predict(
    model: "keras.Model",
    manifest: pd.DataFrame,
    pixels: np.ndarray,
    *,
    name: str,
    seed: int = 0,
    rows: np.ndarray | None = None,
    order: Order = "time",
    step: "Step | None" = None,
) -> pd.DataFrame:
    """Score crops, or the persons of clips where the model takes clips.

    Args:
        model: takes RGB 0..255, or features; gives P(fake).
        manifest: n rows.
        pixels: uint8 (m, size, size, 3), or float32 features (m, width).
        name: the model's name in the table.
        seed: the seed in the table; 0 for weights trained elsewhere.
        rows: which row of `pixels` belongs to each of the n rows; default: the same.
        order: of a clip's crops; `shuffled` as a control.
        step: another way to run a model of crops, see `dfd_lib.training.scoring`.

    Returns:
        Predictions, condition `clean`, in the manifest's order: at level `frame`,
        or at level `video`, a row for each person, for a model of clips.
    """
    examples = examples_of(model, manifest, order, seed)
    if rows is not None:
        examples = examples._replace(rows=np.where(examples.rows < 0, ~rows[~examples.rows], rows[examples.rows]))
    return predictions_of(model, examples, pixels, name=name, seed=seed, step=step)


def predictions_of(
    model: "keras.Model", examples: Examples, pixels: np.ndarray, *, name: str, seed: int, step: "Step | None" = None
) -> pd.DataFrame:
    """Score examples; a predictions table, condition `clean`."""
    return table_of_scores(examples, p_fake(model, pixels, examples.rows, step), name=name, seed=seed)


def table_of_scores(examples: Examples, scores: np.ndarray, *, name: str, seed: int) -> pd.DataFrame:
    """The predictions table of examples, from their P(fake), condition `clean`."""
    return check_predictions(examples.table.assign(model=name, seed=seed, level=examples.level, condition="clean", p_fake=scores))


def p_fake(model: "keras.Model", pixels: np.ndarray, rows: np.ndarray, step: "Step | None" = None, batch_size: int = 64) -> np.ndarray:
    """P(fake) of the given rows, float64 of shape (n,).

    Args:
        model: takes RGB 0..255, or features; gives P(fake).
        pixels: uint8 (m, size, size, 3), or float32 features (m, width).
        rows: int64 (n,), or for a model of clips (n, frames), padding as `~row`.
        step: another way to run a model of crops, see `dfd_lib.training.scoring`.
        batch_size: crops that are scored at once; of clips at least one.
    """
    step = step or _scoring_step(model, pixels.dtype.name)
    if rows.ndim == 1:
        scores = [np.asarray(step(batch)) for batch in ordered_batches(pixels, rows, batch_size)]
    else:
        scores = [step(*batch).numpy() for batch in ordered_batches(pixels, rows, max(1, batch_size // rows.shape[1]))]
    return np.concatenate(scores)[:, 0].astype(np.float64)


def scoring_step(model: "keras.Model") -> Callable[[np.ndarray], "tf.Tensor"]:
    """What scores a batch of crops with a model of frames, uint8 (n, size, size, 3) to (n, 1), for many networks side by side."""
    import tensorflow as tf

    # the concrete function: TensorFlow warns of traces again and again where there are many networks
    step = _scoring_step.__wrapped__(model, "uint8").get_concrete_function()
    return lambda batch: step(tf.convert_to_tensor(batch))


@lru_cache(maxsize=1)
def _scoring_step(model: "keras.Model", dtype: str):
    """One traced graph for every batch size and epoch: half again as fast as `model.predict` on small networks."""
    import tensorflow as tf

    pixels, *valid = model.inputs
    signature = [tf.TensorSpec(pixels.shape, dtype), *(tf.TensorSpec(one.shape, one.dtype) for one in valid)]
    return tf.function(lambda *inputs: model(list(inputs) if valid else inputs[0], training=False), input_signature=signature)
