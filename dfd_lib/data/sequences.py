"""Clips of crops: for each person of a video, so many crops in the order of time.

The same rule in training and in serving: of more crops than a model takes,
those in the middle of as many equal parts; of fewer, all of them, and the rest
is padding, which the model passes over.
"""

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

Order = Literal["time", "shuffled"]

PERSON = ["dataset", "split", "video", "face"]
"""Whose crops make a sequence."""

_COLUMNS = ["dataset", "split", "path", "video", "face", "frame", "group", "label"]


def sequences(manifest: "pd.DataFrame", frames: int, *, order: Order = "time", seed: int = 0) -> "tuple[pd.DataFrame, np.ndarray]":
    """One sequence for each person of each video.

    Args:
        manifest: a row a crop, in any order.
        frames: crops in a sequence.
        order: `time`, or `shuffled`: the same crops, out of order. For a control:
            a model that looks at time loses by it, one that looks at more
            frames does not.
        seed: of the shuffling, which depends on nothing else but the person.

    Returns:
        (table, rows). The table has a row a person, in the manifest's order: the
        columns of predictions at level `video` (path empty, frame -1; label 1
        if any crop is FAKE). `rows` is int64 (persons, frames), rows of the
        manifest; of a person with fewer crops the last is repeated as padding,
        written as `~row`, a negative number.

    Example:
        >>> import pandas as pd
        >>> names = {"dataset": "d", "split": "", "path": "", "video": "v", "face": 0, "group": "g", "label": 1}
        >>> sequences(pd.DataFrame({"frame": [30, 10, 20]}).assign(**names), 2)[1]
        array([[1, 0]])
        >>> sequences(pd.DataFrame({"frame": [30, 10, 20]}).assign(**names), 4)[1]
        array([[ 1,  2,  0, -1]])
    """
    if frames < 1:
        raise ValueError(f"frames: expected 1 or more in a sequence, came {frames}")
    manifest = manifest.reset_index(drop=True)
    person = manifest.groupby(PERSON, sort=False).ngroup().to_numpy()
    by_time = np.lexsort((manifest["frame"], person))
    counts = np.bincount(person)
    rows = by_time[(np.cumsum(counts) - counts)[:, None] + places(counts, frames)]
    valid = np.arange(frames) < counts[:, None]
    table = manifest.iloc[rows[:, 0]][_COLUMNS].reset_index(drop=True)
    table = table.assign(path="", frame=-1, label=manifest.groupby(person)["label"].max().to_numpy())
    if order == "shuffled":
        rows = np.take_along_axis(rows, _shuffle(table, valid, seed), axis=1)
    return table, np.where(valid, rows, ~rows)


def places(counts: np.ndarray, frames: int) -> np.ndarray:
    """Which of a person's crops are taken, the last again and again where there are too few: int64 (persons, frames).

    Example:
        >>> places(np.array([10, 5, 3]), 5)
        array([[1, 3, 5, 7, 9],
               [0, 1, 2, 3, 4],
               [0, 1, 2, 2, 2]])
    """
    step, many = np.arange(frames), counts[:, None]
    return np.where(many > frames, (2 * step + 1) * many // (2 * frames), np.minimum(step, many - 1))


def _shuffle(table: "pd.DataFrame", valid: np.ndarray, seed: int) -> np.ndarray:
    """A permutation for each person, int64 like `valid`; padding stays at the end."""
    import pandas as pd

    names = table[["dataset", "video", "face"]].astype(str).agg("/".join, axis=1) + f"/{seed}"
    start = pd.util.hash_array(names.to_numpy(object))[:, None]
    draw = pd.util.hash_array((start + np.arange(valid.shape[1], dtype=np.uint64)).ravel()).reshape(valid.shape)
    return np.argsort(np.where(valid, draw >> np.uint64(1), np.uint64(2**63)), axis=1, kind="stable")
