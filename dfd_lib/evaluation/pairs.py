"""Is A better than B: paired tests of two models on the same resampled groups, corrected for the number of pairs."""

import itertools
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from dfd_lib.evaluation.aggregate import frames_per_person
from dfd_lib.evaluation.auc import clustered_auc
from dfd_lib.evaluation.matrix import ScoreMatrix, score_matrix
from dfd_lib.evaluation.scores import RANK_METRICS, SUM_METRICS, point_metrics
from dfd_lib.evaluation.uncertainty import CONFIDENCE, DEFINED, bootstrap, interval, resample_weights


def holm(p: ArrayLike) -> np.ndarray:
    """Adjust p-values of several tests so that the chance of even one false alarm is kept (Holm 1979).

    Args:
        p: [n], NaN where there was no test; those stay NaN and do not count.

    Returns:
        float64 [n], each at least as large as it was.

    Example:
        >>> holm([0.01, 0.04, 0.03]).round(2)
        array([0.03, 0.06, 0.06])
    """
    p = np.asarray(p, float)
    adjusted = np.full(p.shape, np.nan)
    order = np.argsort(p)[: np.isfinite(p).sum()]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def significant(table: pd.DataFrame) -> pd.Series:
    """Whether differences are beyond chance: by the test, corrected for their number, and by the interval too.

    Args:
        table: columns low, high and p_holm.

    Returns:
        bool; False where one is not known.

    Example:
        >>> significant(pd.DataFrame({"low": [0.01, -0.01], "high": [0.05, 0.05], "p_holm": [0.02, 0.02]})).tolist()
        [True, False]
    """
    return (table["p_holm"] < 1 - CONFIDENCE) & ((table["low"] > 0) | (table["high"] < 0))


def compare_pairs(
    predictions: pd.DataFrame,
    *,
    metric: str = "auc",
    level: str = "video",
    split: str = "test",
    condition: str = "clean",
    threshold: float = 0.5,
    aggregator: str = "mean",
    resamples: int = 2000,
    seed: int = 1,
) -> pd.DataFrame:
    """Every pair of models on the rows all of them scored: the difference, its interval, and a test.

    With one seed a model, the interval is a paired bootstrap over groups, and `p` is two-sided, of no
    difference, Student's t with groups - 1: for AUC the standard error is `auc.clustered_auc`'s closed form,
    else the bootstrap's. A p counted from resamples could not fall below 2 / `resamples`, too coarse for Holm
    over many pairs. A model with several seeds is the mean of its seeds' metrics (no ensemble); then the
    interval and `p` are those of `seeds_and_groups`, for the next seed and the next groups.

    On few groups the interval and `p` may disagree, for one follows the skew of the resamples and the other is
    symmetrical. Neither is the better of the two (of equal models on 8 to 60 groups each calls 2 to 8 % different), so
    `significant` needs both.

    Args:
        predictions: the predictions table.
        metric: one of `SUM_METRICS` or `RANK_METRICS`.
        level: `frame` or `video` (a clip by its most suspicious person).
        split, condition: which rows.
        threshold: `p_fake >= threshold` is FAKE.
        aggregator: how frames become a clip's score.
        resamples: bootstrap resamples of groups.
        seed: of the resamples.

    Returns:
        A row for each pair: dataset, split, level, aggregator (`none` at level frame), frames_per_clip
        (in the median; NaN = none), condition, metric, left, right, n (rows), groups, dropped
        (rows that some model lacks), difference (left minus right), low, high (95 %), p, p_holm (over the pairs of the data set),
        significant (see the function `significant`). Empty with fewer than two models.

    Raises:
        ValueError: an unknown metric or level, or no rows.
    """
    if metric not in (*SUM_METRICS, *RANK_METRICS):
        raise ValueError(f"metric: expected one of {', '.join((*SUM_METRICS, *RANK_METRICS))}; came {metric!r}. Choose one of them.")
    chosen = predictions[(predictions["split"] == split) & (predictions["condition"] == condition)]
    if chosen.empty:
        raise ValueError(f"predictions: expected rows of split {split!r} and condition {condition!r}, came none. Choose another.")
    by_clip = level == "video"
    keys = {"split": split, "level": level, "aggregator": aggregator if by_clip else "none", "frames_per_clip": np.nan}
    keys |= {"condition": condition, "metric": metric}
    tables = []
    for dataset, rows in chosen.groupby("dataset", sort=False):
        keys["frames_per_clip"] = frames_per_person(rows).median() if by_clip else np.nan
        matrix = score_matrix(rows, "clip" if by_clip else level, aggregator)
        pairs = _pairs(matrix, metric, threshold, resamples, seed)
        tables.append(pairs.assign(p_holm=holm(pairs["p"]), dataset=dataset, **keys, n=len(matrix.rows), dropped=matrix.dropped))
    table = pd.concat(tables, ignore_index=True).assign(significant=significant)
    return table[PAIRS]


_PAIR = ["difference", "low", "high", "p"]

PAIRS = ["dataset", "split", "level", "aggregator", "frames_per_clip", "condition", "metric", "left", "right", "n", "groups", "dropped"]
PAIRS += [*_PAIR, "p_holm", "significant"]
"""The columns of `compare_pairs`."""


def _pairs(matrix: ScoreMatrix, metric: str, threshold: float, resamples: int, seed: int) -> pd.DataFrame:
    label, group = matrix.rows["label"].to_numpy(), matrix.rows["group"].to_numpy()
    weights = resample_weights(group, resamples, seed)
    point = np.array([point_metrics(label, one, threshold)[metric] for one in matrix.scores.T])
    draws = np.array([bootstrap(label, one, group, weights, threshold)[metric] for one in matrix.scores.T])
    covariance = clustered_auc(label, matrix.scores, group)[1] if metric == "auc" else bootstrap_covariance(draws, len(weights))
    model = matrix.columns.get_level_values("model")
    rows = []
    for left, right in itertools.combinations(model.unique(), 2):
        sides = [np.flatnonzero(model == name) for name in (left, right)]
        found = seeds_and_groups(point, covariance, *sides, len(weights))
        if all(len(side) == 1 for side in sides):
            low, high = interval(draws[sides[0][0]] - draws[sides[1][0]], len(weights))
            found = found._replace(low=float(low), high=float(high))
        rows.append([left, right, len(weights), *found])
    return pd.DataFrame(rows, columns=["left", "right", "groups", *_PAIR])


class Difference(NamedTuple):
    """Of two means over seeds, with its 95 % interval and the two-sided p of no difference."""

    difference: float
    low: float
    high: float
    p: float


def seeds_and_groups(point: np.ndarray, covariance: np.ndarray, left: np.ndarray, right: np.ndarray, groups: int) -> Difference:
    """Do two models differ, beyond what other seeds and other groups would do?

    Seeds are to models what readers are to imaging devices: drawn anew, each
    model its own, and all meet the same cases. Obuchowski and Rockette (1995),
    for readers nested in devices (Hillis 2014, Statistics in Medicine 33): the
    variance is that of the seeds' mean on these groups, s^2 / seeds for each
    model, and what resampling groups does to different seeds in common, their
    covariance. Degrees of freedom by Satterthwaite, so that three seeds are
    trusted as three are.

    Args:
        point: float [columns], a metric of each model and seed.
        covariance: float [columns, columns] of these under resampled groups.
        left, right: int, the columns of either model, one a seed.
        groups: how many groups there are.

    Returns:
        The difference, left minus right; NaN ends and p where the variance is
        unknown. With one seed a model, only the groups are in it.

    Example:
        >>> point, no_groups = np.array([0.9, 0.7, 0.5, 0.5]), np.zeros((4, 4))
        >>> found = seeds_and_groups(point, no_groups, np.array([0, 1]), np.array([2, 3]), 50)
        >>> [round(float(end), 2) for end in (found.low, found.high)]  # two seeds that differ: t with 1 degree of freedom
        [-0.97, 1.57]
    """
    difference = float(point[left].mean() - point[right].mean())
    of_seeds = [(point[side].var(ddof=1) / len(side), len(side) - 1) for side in (left, right) if len(side) > 1]
    of_groups = sum(_in_common(covariance[np.ix_(side, side)]) for side in (left, right)) - 2 * covariance[np.ix_(left, right)].mean()
    return beyond_chance(difference, [*of_seeds, (np.maximum(of_groups, 0), groups - 1)])  # an estimate, which may fall below 0


def beyond_chance(difference: float, parts: Iterable[tuple[float, int]]) -> Difference:
    """A difference with its interval and p by Student's t, where its variance is a sum of estimates.

    Args:
        difference: NaN where it is not known.
        parts: (variance, degrees of freedom) of each; together they have those of Satterthwaite (1946).

    Returns:
        NaN ends and p where a variance is unknown or has no degree of freedom.

    Example:
        >>> [round(float(one), 3) for one in beyond_chance(0.2, [(0.01, 9)])]
        [0.2, -0.026, 0.426, 0.077]
    """
    parts = list(parts)
    variance = sum(part for part, _ in parts)
    if min(free for _, free in parts) < 1 or np.isnan(variance) or np.isnan(difference):
        return Difference(difference, np.nan, np.nan, np.nan)
    if variance <= 1e-18:  # rounding of two equal models
        return Difference(difference, difference, difference, 1.0 if abs(difference) < 1e-9 else 0.0)
    freedom = variance**2 / sum(part**2 / free for part, free in parts)
    error = np.sqrt(variance)
    reach = stats.t.ppf((1 + CONFIDENCE) / 2, freedom) * error
    return Difference(difference, difference - reach, difference + reach, float(2 * stats.t.sf(abs(difference) / error, freedom)))


def _in_common(covariance: np.ndarray) -> float:
    """The mean covariance of different seeds; of one seed its variance."""
    seeds = len(covariance)
    return covariance[0, 0] if seeds == 1 else (covariance.sum() - np.trace(covariance)) / (seeds * (seeds - 1))


def bootstrap_covariance(draws: np.ndarray, groups: int) -> np.ndarray:
    """The covariance of metrics in resamples [columns, resamples], with n - 1 for n groups; NaN where a metric is undefined in too many.

    Returns:
        float64 [columns, columns].
    """
    defined = np.isfinite(draws).all(axis=0)
    if groups < 2 or defined.mean() < DEFINED:
        return np.full((len(draws), len(draws)), np.nan)
    return np.atleast_2d(np.cov(draws[:, defined])) * groups / (groups - 1)
