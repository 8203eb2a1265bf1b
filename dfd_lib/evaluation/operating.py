"""What a threshold means for people: fakes caught, reals accused, and how far an alarm can be trusted where fakes are rare."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dfd_lib.evaluation.scores import Ranking, check_scores, rank, row_sums, sum_metrics
from dfd_lib.evaluation.thresholds import allowed
from dfd_lib.evaluation.uncertainty import at_the_edge, group_sums, interval

PREVALENCES = (10, 100, 1000)
"""One clip in so many is fake."""

_PREDICTED = tuple(f"precision_1_in_{many}" for many in PREVALENCES)

RATES = ("recall", "false_alarm_rate", "precision", "accuracy", "balanced_accuracy", "f1", *_PREDICTED)
"""What `read_threshold` tells of a threshold, each with its interval."""

_BLOCK = 64
"""Resamples of a curve at a time."""


def precision_at(recall: ArrayLike, false_alarm_rate: ArrayLike, prevalence: ArrayLike) -> np.ndarray:
    """The share of alarms that are right, where a given share of clips is fake (Bayes' rule).

    Args:
        recall: share of fakes called FAKE, 0..1.
        false_alarm_rate: share of reals called FAKE, 0..1.
        prevalence: share of clips that are fake, 0..1.

    Returns:
        float64, 0..1, in the arguments' common shape; NaN where nothing is called FAKE.

    Example:
        >>> precision_at(0.9, 0.01, 1 / 1000).round(3)  # one alarm in twelve is right
        np.float64(0.083)
    """
    right = np.asarray(recall, float) * prevalence
    wrong = np.asarray(false_alarm_rate, float) * (1 - np.asarray(prevalence))
    with np.errstate(invalid="ignore", divide="ignore"):
        return right / (right + wrong)


def read_threshold(label: ArrayLike, p_fake: ArrayLike, groups: ArrayLike, weights: pd.DataFrame, threshold: float) -> dict[str, float]:
    """What comes out at a threshold that was fitted elsewhere.

    Args:
        label: [n] of 0 and 1.
        p_fake: float [n], 0..1.
        groups: [n] names, each in the index of `weights`.
        weights: from `uncertainty.resample_weights`.
        threshold: `p_fake >= threshold` is FAKE.

    Returns:
        hits and false_alarms (counts), and each of `RATES` with its 95 % `_low` and `_high`
        from resampled groups. Where no real at all is called FAKE (or no fake), resamples
        cannot vary, and the rate reaches to what so many groups can exclude: 1 - .025^(1 / groups)
        (Clopper and Pearson 1934); precision at a prevalence is NaN then, for it hangs on that rate.
    """
    label, p_fake = check_scores(label, p_fake)
    groups = np.asarray(groups)
    rows = row_sums(label, p_fake, p_fake >= threshold)
    point, draws = _rates(rows.sum(axis=0)), _rates(resampled_sums(rows, groups, weights))
    if not point["false_alarm_rate"] > 0:
        point |= dict.fromkeys(_PREDICTED, np.array(np.nan))
    told = {"hits": int(rows[:, 0].sum()), "false_alarms": int(rows[:, 1].sum())}
    for name in RATES:
        value, ends = float(point[name]), interval(draws[name], len(np.unique(groups)))
        if name in ("recall", "false_alarm_rate"):
            ends = at_the_edge(value, *ends, len(np.unique(groups[label == (name == "recall")])))
        low, high = (float(end) if not np.isnan(value) else np.nan for end in ends)
        told |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return told


def resampled_sums(rows: np.ndarray, groups: np.ndarray, weights: pd.DataFrame) -> np.ndarray:
    """Sums of the columns of `rows` [n, columns] in each resample of groups: float64 [resamples, columns]."""
    return weights.to_numpy(float).T @ group_sums(rows, weights.index.get_indexer(groups), len(weights))


def _rates(sums: np.ndarray) -> dict[str, np.ndarray]:
    fp, tn = sums[..., 1], sums[..., 2]
    rates = sum_metrics(sums)
    with np.errstate(invalid="ignore"):
        rates["false_alarm_rate"] = fp / (fp + tn)
    told = [precision_at(rates["recall"], rates["false_alarm_rate"], 1 / many) for many in PREVALENCES]
    return rates | dict(zip(_PREDICTED, told, strict=True))


def recall_at(label: ArrayLike, p_fake: ArrayLike, groups: ArrayLike, weights: pd.DataFrame, rate: float) -> tuple[float, float, float]:
    """Recall where the ROC curve of these very rows reaches a false alarm rate: to compare models at an equal price.

    The curve is not interpolated: it is the highest recall among thresholds with at most
    that rate, a resample's own included.

    Args:
        label, p_fake, groups, weights: as in `read_threshold`.
        rate: share of reals that may be called FAKE, 0..1.

    Returns:
        (recall, low, high), 95 %; NaN where not even one real may be called FAKE
        (`thresholds.allowed`), or a class is absent.
    """
    label, p_fake = check_scores(label, p_fake)
    ranking = rank(label, p_fake)
    if not allowed(len(ranking.reals), rate) or not len(ranking.fakes):
        return np.nan, np.nan, np.nan
    group = weights.index.get_indexer(np.asarray(groups))
    counts, ones = weights.to_numpy(), np.ones((len(weights), 1))
    blocks = [ones, *(counts[:, start : start + _BLOCK] for start in range(0, counts.shape[1], _BLOCK))]
    found = np.concatenate([_recall(ranking, block.astype(float)[group], rate) for block in blocks])
    low, high = interval(found[1:], len(np.unique(group)))
    low, high = at_the_edge(float(found[0]), float(low), float(high), len(np.unique(group[label == 1])))
    return float(found[0]), low, high


def _recall(ranking: Ranking, weights: np.ndarray, rate: float) -> np.ndarray:
    """Under weights of rows, float [n, R]: the highest recall at `rate`, [R]."""
    fakes, reals = weights[ranking.fakes], weights[ranking.reals]
    hits = np.cumsum(np.add.reduceat(fakes, ranking.starts, axis=0), axis=0)
    alarms = np.concatenate([np.zeros((1, weights.shape[1])), np.cumsum(reals, axis=0)])
    cheap = alarms[ranking.reached] <= rate * alarms[-1] + 1e-9
    with np.errstate(invalid="ignore"):
        recall = np.where(cheap, hits, 0).max(axis=0) / hits[-1]
    return np.where(alarms[-1] > 0, recall, np.nan)
