"""Counts and metrics of each run as a plain dictionary, with either class as the positive one: what the command line says."""

from typing import Any, Literal

import numpy as np
import pandas as pd

from dfd_lib.evaluation.metrics import Level, at_levels, parts_of, shared_weights
from dfd_lib.evaluation.scores import confusion, point_metrics, point_metrics_of_real
from dfd_lib.evaluation.uncertainty import intervals
from dfd_lib.tables import METRICS_KEY


def report(
    predictions: pd.DataFrame,
    *,
    level: Level = "frame",
    positive: Literal["fake", "real"] = "fake",
    threshold: float = 0.5,
    aggregator: str = "mean",
    resamples: int = 0,
    seed: int = 1,
) -> list[dict[str, Any]]:
    """Counts and metrics for `dfd metrics --json`: a plain dictionary for each run.

    Args:
        predictions: the predictions table.
        level: `frame` or `video`.
        positive: the class that tp, fn, precision, recall, f1 and average_precision
            are about. The answer is the same: FAKE is `p_fake >= threshold`.
        threshold: 0..1.
        aggregator: how frames become a clip's score.
        resamples: of groups for the 95 % intervals; 0 leaves them out.
        seed: of the resamples.

    Returns:
        For each model, seed, data set, split and condition: those, level, aggregator (with
        frames_per_clip where it is not `none`), positive, threshold, n, n_fake, tp, tn, fp, fn and each of
        `tables.METRICS`, with `resamples` each with `_low` and `_high`; None where one is undefined.
    """
    if positive not in ("fake", "real"):
        raise ValueError(f"positive: expected fake or real, came {positive!r}. Choose one of them.")
    parts = parts_of(at_levels(predictions, [level], aggregator), METRICS_KEY)
    weights = shared_weights(parts, resamples, seed)
    told = []
    for keys, rows in parts:
        ends = _ends(rows, positive, threshold, weights[keys["dataset"], keys["split"]]) if weights else {}
        told.append({**keys, "positive": positive, **_counts(rows, positive, threshold), **_known(ends)})
    return told


def _ends(rows: pd.DataFrame, positive: str, threshold: float, weights: pd.DataFrame) -> dict[str, float]:
    label, p_fake = rows["label"].to_numpy(), rows["p_fake"].to_numpy()
    if positive == "fake":
        return intervals(label, p_fake, rows["group"], weights, threshold)
    return intervals(1 - label, 1 - p_fake, rows["group"], weights, np.nextafter(1 - threshold, 2))  # a score at the threshold is FAKE


def _known(values: dict[str, float]) -> dict[str, float | None]:
    return {name: None if np.isnan(value) else value for name, value in values.items()}


def _counts(rows: pd.DataFrame, positive: str, threshold: float) -> dict[str, Any]:
    label, p_fake = rows["label"].to_numpy(), rows["p_fake"].to_numpy()
    count = confusion(label, p_fake, threshold)
    if positive == "real":
        count = {"tp": count["tn"], "tn": count["tp"], "fp": count["fn"], "fn": count["fp"]}
    metrics = (point_metrics_of_real if positive == "real" else point_metrics)(label, p_fake, threshold)
    frames = {} if (several := rows["frames"].median()) != several else {"frames_per_clip": several}
    facts = {**frames, "threshold": threshold, "n": len(rows), "n_fake": int(label.sum())}
    return {**facts, **{name: count[name] for name in ("tp", "tn", "fp", "fn")}, **_known(metrics)}
