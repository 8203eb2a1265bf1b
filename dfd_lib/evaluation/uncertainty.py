"""How sure a number is: bootstrap over groups.

Frames of a clip, and clips of a person, are not independent: resampling rows
makes intervals several times too narrow. Here whole groups are drawn (cluster
bootstrap: Davison and Hinkley 1997, section 3.8), and every model meets the
same draws, so that differences between models are paired.
"""

import itertools

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from dfd_lib.evaluation.auc import clustered_auc
from dfd_lib.evaluation.matrix import ScoreMatrix, score_matrix
from dfd_lib.evaluation.scores import RANK_METRICS, SUM_METRICS, check_scores, point_metrics, rank, rank_metrics, row_sums, sum_metrics
from dfd_lib.tables import METRICS

CONFIDENCE = 0.95
DEFINED = 0.95
"""An interval needs a metric to be defined in this share of the resamples."""

_BLOCK = 32
"""Resamples at a time: 10,000 rows of them in float64 stay near the processor's cache."""


def resample_weights(groups: ArrayLike, resamples: int, seed: int) -> pd.DataFrame:
    """How often each group is drawn in each resample.

    Args:
        groups: [n] names; a group may come many times.
        resamples: how many times as many groups are drawn as there are, with
            replacement.
        seed: the same groups and seed give the same weights, in any order of rows.

    Returns:
        uint8 table, a row for each group (the index, sorted), a column for each
        resample; each column sums to the number of groups.

    Example:
        >>> resample_weights(["a", "b", "b", "c"], resamples=4, seed=1).sum().tolist()
        [3, 3, 3, 3]
    """
    if resamples < 1:
        raise ValueError(f"resamples: expected at least 1, came {resamples}. Give a number such as 2000.")
    names = pd.Index(np.asarray(groups)).unique().sort_values()
    random = np.random.default_rng(seed)
    weights = np.empty((len(names), resamples), np.uint8)  # a count beyond 255 has probability below 1e-500
    for column in range(resamples):
        weights[:, column] = np.bincount(random.integers(len(names), size=len(names)), minlength=len(names))
    return pd.DataFrame(weights, index=names)


def bootstrap(
    label: ArrayLike, p_fake: ArrayLike, groups: ArrayLike, weights: pd.DataFrame, threshold: float = 0.5
) -> dict[str, np.ndarray]:
    """Every metric of one model in every resample.

    Metrics that are functions of sums cost one matrix product; the others one
    sort and cumulative sums. Memory stays at a block of resamples.

    Args:
        label: [n] of 0 and 1.
        p_fake: [n], 0..1.
        groups: [n] names, each in the index of `weights`.
        weights: from `resample_weights`; groups without rows here may be among them.
        threshold: `p_fake >= threshold` is FAKE.

    Returns:
        float64 [resamples] for each of `METRICS` but `ece`, which is biased
        upwards on few rows and more so in a resample; NaN where undefined.
    """
    label, p_fake = check_scores(label, p_fake)
    group = weights.index.get_indexer(np.asarray(groups))
    if (group < 0).any():
        raise ValueError("bootstrap: expected every row's group among the resampled ones, came others. Draw the weights from all groups.")
    sums = group_sums(row_sums(label, p_fake, p_fake >= threshold), group, len(weights))
    ranking = rank(label, p_fake)
    fakes, reals = group[ranking.fakes], group[ranking.reals]
    counts, blocks = weights.to_numpy(), []
    for start in range(0, counts.shape[1], _BLOCK):
        block = counts[:, start : start + _BLOCK].astype(float)
        blocks.append({**sum_metrics(block.T @ sums), **rank_metrics(ranking, block[fakes], block[reals])})
    return {name: np.concatenate([block[name] for block in blocks]) for name in (*SUM_METRICS, *RANK_METRICS)}


def group_sums(rows: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    """Sum rows [n, columns] over groups, numbered in `group`: float64 [groups, columns]."""
    return np.stack([np.bincount(group, column, minlength=groups) for column in rows.T], axis=1)


def interval(samples: np.ndarray, groups: int) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % interval of bootstrap samples: expanded percentiles.

    Plain percentiles are too narrow on few groups, as if a normal quantile were
    used with a variance divided by n. The expanded percentile interval (Hesterberg
    2015, "What teachers should know about the bootstrap", section 5) takes
    Student's quantile and n - 1 instead; with 100 groups it reaches from the 2.3rd
    to the 97.7th percentile, with many groups from the 2.5th to the 97.5th.

    Args:
        samples: float [resamples, ...], NaN where undefined.
        groups: how many groups were resampled.

    Returns:
        (low, high), each float [...]; NaN where there are fewer than two groups, or
        where fewer than `DEFINED` of the resamples are defined.
    """
    samples = np.asarray(samples, float)
    defined = np.isfinite(samples).mean(axis=0)
    if groups < 2 or not (defined >= DEFINED).any():
        return np.full(samples.shape[1:], np.nan), np.full(samples.shape[1:], np.nan)
    reach = np.sqrt(groups / (groups - 1)) * stats.t.ppf((1 + CONFIDENCE) / 2, groups - 1)
    known = np.where(defined >= DEFINED, samples, 0)
    low, high = np.nanquantile(known, stats.norm.cdf([-reach, reach]), axis=0)
    return np.where(defined >= DEFINED, low, np.nan), np.where(defined >= DEFINED, high, np.nan)


def intervals(label: ArrayLike, p_fake: ArrayLike, groups: ArrayLike, weights: pd.DataFrame, threshold: float = 0.5) -> dict[str, float]:
    """The 95 % interval of every metric of one model; see `bootstrap` and `interval`.

    Returns:
        `<name>_low` and `<name>_high` for each of `METRICS`. Those of `ece` are NaN:
        it is not debiased, so an honest interval would not contain it.
    """
    samples = bootstrap(label, p_fake, groups, weights, threshold)
    low, high = interval(np.stack(list(samples.values()), axis=1), len(np.unique(np.asarray(groups))))
    ends = {name: pair for name, *pair in zip(samples, low, high, strict=True)}
    return {f"{name}_{end}": float(ends.get(name, (np.nan, np.nan))[side]) for name in METRICS for side, end in enumerate(("low", "high"))}


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
    """Resample a model's seeds too: float [seeds, resamples] -> their mean in each resample [resamples]."""
    chosen = np.random.default_rng(seed).integers(len(draws), size=draws.shape)
    return np.take_along_axis(draws, chosen, axis=0).mean(axis=0)


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
