"""Is A better than B: paired tests of two models on the same resampled groups, corrected for the number of pairs."""

import itertools

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from dfd_lib.evaluation.auc import clustered_auc
from dfd_lib.evaluation.matrix import ScoreMatrix, score_matrix
from dfd_lib.evaluation.scores import RANK_METRICS, SUM_METRICS, point_metrics
from dfd_lib.evaluation.uncertainty import CONFIDENCE, bootstrap, interval, resample_weights


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

    The interval is a paired bootstrap over groups. A model with several seeds
    is the mean of its seeds' metrics (no ensemble), and seeds are resampled with
    the groups. `p` is two-sided, of no difference, Student's t with groups - 1: for AUC
    of one seed a model the standard error is `auc.clustered_auc`'s closed form, else the
    bootstrap's. A p counted from resamples could not fall below 2 / `resamples`,
    too coarse for Holm over many pairs.

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
        A row for each pair: dataset, split, level, condition, metric, left, right, n
        (rows), groups, dropped (rows that some model lacks), difference (left
        minus right), low, high (95 %), p, p_holm (over the pairs of the data set),
        significant (p_holm < .05). Empty with fewer than two models.

    Raises:
        ValueError: an unknown metric or level, or no rows.
    """
    if metric not in (*SUM_METRICS, *RANK_METRICS):
        raise ValueError(f"metric: expected one of {', '.join((*SUM_METRICS, *RANK_METRICS))}; came {metric!r}. Choose one of them.")
    chosen = predictions[(predictions["split"] == split) & (predictions["condition"] == condition)]
    if chosen.empty:
        raise ValueError(f"predictions: expected rows of split {split!r} and condition {condition!r}, came none. Choose another.")
    keys = {"split": split, "level": level, "condition": condition, "metric": metric}
    tables = []
    for dataset, rows in chosen.groupby("dataset", sort=False):
        matrix = score_matrix(rows, "clip" if level == "video" else level, aggregator)
        pairs = _pairs(matrix, metric, threshold, resamples, seed)
        tables.append(pairs.assign(p_holm=holm(pairs["p"]), dataset=dataset, **keys, n=len(matrix.rows), dropped=matrix.dropped))
    table = pd.concat(tables, ignore_index=True).assign(significant=lambda pairs: pairs["p_holm"] < 1 - CONFIDENCE)
    return table[["dataset", *keys, "left", "right", "n", "groups", "dropped", *_PAIR, "p_holm", "significant"]]


_PAIR = ["difference", "low", "high", "p"]


def _pairs(matrix: ScoreMatrix, metric: str, threshold: float, resamples: int, seed: int) -> pd.DataFrame:
    label, group = matrix.rows["label"].to_numpy(), matrix.rows["group"].to_numpy()
    weights = resample_weights(group, resamples, seed)
    point = pd.Series([point_metrics(label, one, threshold)[metric] for one in matrix.scores.T], matrix.columns)
    draws = pd.DataFrame([bootstrap(label, one, group, weights, threshold)[metric] for one in matrix.scores.T], matrix.columns)
    names = list(matrix.columns.get_level_values("model").unique())
    values, samples = point.groupby("model").mean(), {name: _with_seeds(draws.loc[name].to_numpy(), seed + 1) for name in names}
    closed = metric == "auc" and len(names) == len(matrix.columns)
    covariance = clustered_auc(label, matrix.scores, group)[1] if closed else None
    rows = []
    for (i, left), (j, right) in itertools.combinations(enumerate(names), 2):
        difference = values[left] - values[right]
        sample = samples[left] - samples[right]
        low, high = interval(sample, len(weights))
        spread = _variance(sample, len(weights))
        variance = covariance[i, i] + covariance[j, j] - 2 * covariance[i, j] if closed else spread
        rows.append([left, right, len(weights), difference, float(low), float(high), _p_value(difference, variance, len(weights))])
    return pd.DataFrame(rows, columns=["left", "right", "groups", *_PAIR])


def _with_seeds(draws: np.ndarray, seed: int) -> np.ndarray:
    """Resample a model's seeds too: float [seeds, resamples] -> their mean in each resample [resamples].

    A mean of n resampled values varies by n - 1 parts in n of what it should; of three seeds that is much.
    """
    seeds, mean = len(draws), draws.mean(axis=0)
    if seeds == 1:
        return mean
    chosen = np.random.default_rng(seed).integers(seeds, size=draws.shape)
    return mean + np.sqrt(seeds / (seeds - 1)) * (np.take_along_axis(draws, chosen, axis=0).mean(axis=0) - mean)


def _variance(sample: np.ndarray, groups: int) -> float:
    """The bootstrap's variance, with n - 1 for n groups; NaN where the metric is undefined."""
    sample = sample[np.isfinite(sample)]
    return sample.var(ddof=1) * groups / (groups - 1) if len(sample) > 1 and groups > 1 else np.nan


def _p_value(difference: float, variance: float, groups: int) -> float:
    """Two-sided p of no difference; NaN where the variance is unknown, 1 where nothing differs at all."""
    if groups < 2 or np.isnan(variance) or np.isnan(difference):
        return np.nan
    if variance <= 1e-18:  # rounding of two equal models
        return 1.0 if abs(difference) < 1e-9 else 0.0
    return float(2 * stats.t.sf(abs(difference) / np.sqrt(variance), groups - 1))
