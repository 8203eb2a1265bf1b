"""How sure a number is: bootstrap over groups.

Frames of a clip, and clips of a person, are not independent: resampling rows
makes intervals several times too narrow. Here whole groups are drawn (cluster
bootstrap: Davison and Hinkley 1997, section 3.8), and every model meets the
same draws, so that differences between models are paired.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from dfd_lib.evaluation.scores import RANK_METRICS, SUM_METRICS, check_scores, rank, rank_metrics, row_sums, sum_metrics
from dfd_lib.tables import METRICS

CONFIDENCE = 0.95
DEFINED = 0.95
"""An interval needs a metric to be defined in this share of the resamples."""

Z = float(stats.norm.ppf((1 + CONFIDENCE) / 2))
"""The normal quantile of `CONFIDENCE`: 1.96."""

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


def at_the_edge(value: float, low: float, high: float, groups: int) -> tuple[float, float]:
    """The interval of a share that is 0 or 1, where resampling says nothing: what so many groups can exclude.

    1 - .025^(1 / groups) is the end that Clopper and Pearson (1934) give for as many independent
    rows without an error, or with nothing else. Other values stay as they are.

    Example:
        >>> at_the_edge(0.0, 0.0, 0.0, groups=50)  # about 3.7 / 50
        (0.0, 0.0711...)
    """
    if value not in (0, 1) or not groups:
        return low, high
    reach = 1 - ((1 - CONFIDENCE) / 2) ** (1 / groups)
    return (0.0, reach) if value == 0 else (1 - reach, 1.0)


def intervals(label: ArrayLike, p_fake: ArrayLike, groups: ArrayLike, weights: pd.DataFrame, threshold: float = 0.5) -> dict[str, float]:
    """The 95 % interval of every metric of one model; see `bootstrap` and `interval`.

    Returns:
        `<name>_low` and `<name>_high` for each of `METRICS`. Those of `ece` are NaN:
        it is not debiased, so an honest interval would not contain it. A model without an error (or
        without anything else) has the interval of `at_the_edge`, for the groups of the rarer class:
        on few rows an AUC of 1 is luck more often than certainty.
    """
    label, groups = np.asarray(label), np.asarray(groups)
    samples = bootstrap(label, p_fake, groups, weights, threshold)
    low, high = interval(np.stack(list(samples.values()), axis=1), len(np.unique(groups)))
    fewest = min(len(np.unique(groups[label == one])) for one in (0, 1))
    ends = {name: _ends(samples[name], pair, fewest) for name, *pair in zip(samples, low, high, strict=True)}
    return {f"{name}_{end}": float(ends.get(name, (np.nan, np.nan))[side]) for name in METRICS for side, end in enumerate(("low", "high"))}


def _ends(sample: np.ndarray, ends: list[float], groups: int) -> tuple[float, float]:
    """An interval, mended where every resample is 0 or every one is 1."""
    known = sample[np.isfinite(sample)]
    same = len(known) and np.isfinite(ends[0]) and np.ptp(known) < 1e-12
    return at_the_edge(float(known[0].round(12)), *ends, groups) if same else tuple(ends)
