"""Predictions with a `calib`, and what `promises.hold` makes of them, for the step, its figures and its section of the page."""

import functools

import numpy as np
import pandas as pd

from dfd_lib.evaluation.promises import Promises, hold
from dfd_lib.experiment import Experiment, parse_experiment
from dfd_lib.tables import PREDICTIONS


def recipe() -> Experiment:
    """A recipe of two models with few resamples."""
    models = {"weak": {"model": "lenet"}, "strong": {"model": "meso4"}}
    return parse_experiment(
        {"name": "lab", "title": "Lab", "data": {"source": "x"}, "models": models, "evaluation": {"resamples": 100}, "seeds": [1]}
    )


def predictions(names=("weak", "strong"), groups=20, seeds=(1,), seed=0) -> pd.DataFrame:
    """Models of rising quality that say more than they know; each split has `groups` of 4 clips of 2 crops, every other clip fake."""
    random = np.random.default_rng(seed)
    group, clip, frame = (one.ravel() for one in np.indices((groups, 4, 2)))
    label, parts = clip % 2, []
    for split in ("val", "calib", "test"):
        base = pd.DataFrame(
            {
                "dataset": "drawn", "split": split, "level": "frame", "condition": "clean", "face": 0, "frame": frame, "label": label,
                "path": [f"{split}/{g}/{c}/{n}.png" for g, c, n in zip(group, clip, frame, strict=True)],
                "video": [f"{split}/{g}/{c}" for g, c in zip(group, clip, strict=True)], "group": [f"{split}-{g}" for g in group],
            }
        )  # fmt: skip
        for place, name in enumerate(names, start=1):
            for run in seeds:
                logit = (2 * label - 1) * 1.5 * place / len(names) + random.normal(size=len(base))
                parts.append(base.assign(model=name, seed=run, p_fake=1 / (1 + np.exp(-3 * logit))))
    return pd.concat(parts, ignore_index=True)[list(PREDICTIONS.columns)]


@functools.cache
def promises(names=("weak", "strong"), groups=20, seeds=(1,)) -> Promises:
    """Made once, so leave it as it is."""
    return hold(predictions(names, groups, seeds), resamples=100)
