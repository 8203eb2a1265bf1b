"""What a model is trained on and scores: crops, or clips of them, as one table and the rows of pixels that belong to it."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from dfd_lib.data.sequences import Order, sequences
from dfd_lib.models.blocks import frames_of

if TYPE_CHECKING:
    import keras


TAUGHT = "p_teacher"
"""Column of a manifest: P(fake) as a teacher says, for crops of train."""


class Examples(NamedTuple):
    """One row is what gets one answer."""

    table: pd.DataFrame
    """dataset, split, path, video, face, frame, group, label; index 0..n-1."""
    rows: np.ndarray
    """int64 (n,), or (n, frames) as `data.sequences` writes them: rows of the manifest."""
    level: str
    """`frame` or `video`, as in the predictions table."""
    taught: np.ndarray | None = None
    """float64, what a teacher says of each row of the manifest, NaN where nothing; None without a teacher."""

    def of(self, *splits: str) -> "Examples":
        """Those of some parts."""
        chosen = self.table["split"].isin(splits).to_numpy()
        return self._replace(table=self.table[chosen].reset_index(drop=True), rows=self.rows[chosen])


def examples_of(model: "keras.Model", manifest: pd.DataFrame, order: Order = "time", seed: int = 0) -> Examples:
    """The crops of a manifest, or its clips where the model takes clips; `order` and `seed` as in `sequences`."""
    frames = frames_of(model)
    if frames is not None:
        return Examples(*sequences(manifest, frames, order=order, seed=seed), "video")
    taught = manifest[TAUGHT].to_numpy(float) if TAUGHT in manifest else None
    columns = ["dataset", "split", "path", "video", "face", "frame", "group", "label"]
    return Examples(manifest[columns].reset_index(drop=True), np.arange(len(manifest)), "frame", taught)
