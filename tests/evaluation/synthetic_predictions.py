"""Predictions and manifests with known structure: groups share clips, clips share persons, persons share frames."""

import numpy as np
import pandas as pd

from dfd_lib.tables import MANIFEST, PREDICTIONS

SPLITS = ("train", "val", "calib", "test")


def predictions(models=("a", "b"), seeds=(1,), groups=40, clips=4, frames=3, faces=1, signal=1.0, noise=1.0, seed=0) -> pd.DataFrame:
    """Frame-level predictions; every other clip is fake, every fourth group goes to the same split.

    Each group has a shift of its own that all models share, so rows of a group are not independent.
    """
    random = np.random.default_rng(seed)
    group, clip, face, frame = (one.ravel() for one in np.indices((groups, clips, faces, frames)))
    label = clip % 2
    shift = random.normal(size=groups)[group]
    base = pd.DataFrame(
        {
            "dataset": "made_up", "split": np.array(SPLITS)[group % 4], "level": "frame", "condition": "clean",
            "path": [f"g{g}/c{c}/{f}_{n}.png" for g, c, f, n in zip(group, clip, face, frame, strict=True)],
            "video": [f"g{g}/c{c}" for g, c in zip(group, clip, strict=True)],
            "face": face, "frame": frame, "group": [f"g{g}" for g in group], "label": label,
        }
    )  # fmt: skip
    parts = []
    for name in models:
        for one in seeds:
            logit = signal * (2 * label - 1) + 0.7 * shift + noise * random.normal(size=len(base))
            parts.append(base.assign(model=name, seed=one, p_fake=1 / (1 + np.exp(-logit))))
    return pd.concat(parts, ignore_index=True)[list(PREDICTIONS.columns)]


def manifest(table: pd.DataFrame, **columns) -> pd.DataFrame:
    """The manifest that `predictions` are of; `columns` replace its own."""
    crops = table.drop_duplicates("path")
    facts = {"method": np.where(crops["label"] == 1, "swap", "real"), "person": "", "donor": "", "score": 0.9}
    box = dict.fromkeys(("box_x", "box_y", "box_w", "box_h"), 50.0)
    return crops.assign(**{**facts, **box, **columns})[list(MANIFEST.columns)].reset_index(drop=True)
