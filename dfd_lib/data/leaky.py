"""A split that leaks, to be held against one that does not."""

import numpy as np
import pandas as pd


def shuffled_split(manifest: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The parts of a split dealt to single frames at random: each keeps its number of reals and of fakes, and LEAKS.

    Beside the split itself it shows what a leak buys, and nothing else differs.

    Args:
        manifest: one that is split.
        seed: of the deal; the order of the rows does not matter.
    """
    rng = np.random.default_rng(seed)
    table = manifest.sort_values("path", kind="stable")
    part = table["split"].to_numpy(object)
    for label in (0, 1):
        rows = np.flatnonzero(table["label"] == label)
        part[rows] = rng.permutation(part[rows])
    return manifest.assign(split=pd.Series(part, table.index, dtype=str))
