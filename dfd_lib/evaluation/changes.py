"""How much a score changes on the same clips: under a corruption, or after another training. Tables in, tables out."""

import numpy as np
import pandas as pd

from dfd_lib.evaluation.aggregate import aggregate
from dfd_lib.evaluation.scores import point_metrics
from dfd_lib.evaluation.uncertainty import bootstrap, interval, intervals, resample_weights
from dfd_lib.formats import between, by_clip, count, share

CLEAN = "clean"


def auc_changes(predictions: pd.DataFrame, *, aggregator: str = "mean", resamples: int = 1000, seed: int = 1) -> pd.DataFrame:
    """The change of each run's AUC by clip from `clean` to each condition, with paired 95 % intervals.

    Args:
        predictions: of one data set and split, under `clean` and other conditions.
        aggregator: how frames become a clip's score.
        resamples: of groups; the same for every run and condition.
        seed: of the resamples.

    Returns:
        model, seed, condition, auc_change (negative is a loss), auc_change_low, auc_change_high; 0 without an interval for `clean`.

    Raises:
        ValueError: a run without rows under `clean`.
    """
    clips = aggregate(predictions, aggregator)
    weights = resample_weights(clips["group"], resamples, seed)
    rows = []
    for (model, number), own in clips.groupby(["model", "seed"], sort=False):
        clean = own[own["condition"] == CLEAN]
        if clean.empty:
            raise ValueError(f"{model}, seed {number}: expected rows under {CLEAN}, came none. Score the crops as they are, too.")
        base = _samples(clean, weights)
        for condition, scored in own.groupby("condition", sort=False):
            if condition == CLEAN:
                rows.append((model, number, condition, 0.0, np.nan, np.nan))
                continue
            low, high = interval(_samples(scored, weights) - base, len(weights))
            rows.append((model, number, condition, _auc(scored) - _auc(clean), float(low), float(high)))
    return pd.DataFrame(rows, columns=["model", "seed", "condition", "auc_change", "auc_change_low", "auc_change_high"])


def paired_scores(
    before: pd.DataFrame, after: pd.DataFrame, *, threshold: float = 0.5, resamples: int = 1000, seed: int = 1
) -> dict[str, float]:
    """Two scorings of the same clips: AUC and recall of each, and the difference in AUC, with paired 95 % intervals.

    Args:
        before, after: group, label, p_fake; the same rows in any order.
        threshold: of the recall; `p_fake >= threshold` is FAKE.
        resamples: of groups.
        seed: of the resamples.

    Returns:
        auc_before, auc_after, change (in AUC, after minus before), recall_before and recall_after, each with `_low` and `_high`.
    """
    weights = resample_weights(before["group"], resamples, seed)
    found: dict[str, float] = {}
    samples: dict[str, np.ndarray] = {}
    for when, rows in (("before", before), ("after", after)):
        point = point_metrics(rows["label"], rows["p_fake"], threshold)
        ends = intervals(rows["label"], rows["p_fake"], rows["group"], weights, threshold)
        for name in ("auc", "recall"):
            found |= {f"{name}_{when}": point[name], **{f"{name}_{when}_{end}": ends[f"{name}_{end}"] for end in ("low", "high")}}
        samples[when] = _samples(rows, weights)
    low, high = interval(samples["after"] - samples["before"], len(weights))
    return found | {"change": found["auc_after"] - found["auc_before"], "change_low": float(low), "change_high": float(high)}


def _samples(rows: pd.DataFrame, weights: pd.DataFrame) -> np.ndarray:
    return bootstrap(rows["label"], rows["p_fake"], rows["group"], weights)["auc"]


def _auc(rows: pd.DataFrame) -> float:
    return point_metrics(rows["label"], rows["p_fake"])["auc"]


def robustness_findings(table: pd.DataFrame, model: str) -> list[str]:
    """What the corruptions do, in words: to one model, and to all of them.

    Args:
        table: model, seed, condition, kind, aggregator, frames_per_clip, auc and auc_change with their intervals.
        model: whom the first sentence is about; of several seeds the first.
    """
    own = table[table["model"] == model]
    own = own[own["seed"] == own["seed"].iloc[0]]
    clean, changed = own[own["condition"] == CLEAN].iloc[0], own[own["condition"] != CLEAN]
    if changed.empty:
        return ["No corruption was asked for."]
    worst = changed.loc[changed["auc_change"].idxmin()]
    fall = between(worst["auc_change"], worst["auc_change_low"], worst["auc_change_high"], sign=True)
    lost, how = changed[changed["auc_change_high"] < 0], by_clip(clean["aggregator"], clean["frames_per_clip"])
    said = (
        f"{model} has an AUC {how} of {share(clean['auc'])} on clean test crops and loses most by {worst['condition']}: "
        f"{share(worst['auc'])}, a change of {fall}; under {count(len(lost))} of {count(len(changed), 'condition')} the whole 95 % "
        "interval of the change is below 0."
    )
    return [said, _ranking(table, model)]


def _ranking(table: pd.DataFrame, model: str) -> str:
    """Whether who is best on clean crops stays the best on others."""
    mean = table.groupby(["condition", "model"])["auc"].mean().unstack()
    if len(mean.columns) < 2:
        return ""
    best = mean.drop(index=CLEAN).idxmax(axis=1)
    others = ", ".join(dict.fromkeys(best[best != model]))
    stays = f"{model} is the best under {count((best == model).sum())} of {count(len(best), 'condition')}"
    return f"{stays}{f', else {others}' if others else ''}; by the AUC alone, without a test."
