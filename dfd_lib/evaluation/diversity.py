"""How differently do models err? What an ensemble can live on."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dfd_lib.evaluation.aggregate import frames_per_person
from dfd_lib.evaluation.matrix import ScoreMatrix, score_matrix
from dfd_lib.evaluation.operating import resampled_sums
from dfd_lib.evaluation.uncertainty import interval, resample_weights

MEASURES = ("disagreement", "double_fault", "error_correlation")


def diversity(
    predictions: pd.DataFrame,
    members: Sequence[str] | None = None,
    *,
    level: str = "video",
    split: str = "val",
    threshold: float = 0.5,
    aggregator: str = "mean",
    resamples: int = 0,
    seed: int = 1,
) -> pd.DataFrame:
    """How differently the members err: an ensemble of models that err together gains nothing.

    Measures of Kuncheva and Whitaker (2003), "Measures of diversity in classifier ensembles".

    Args:
        predictions: the predictions table; clean rows are used.
        members: model names; default: all. One with several seeds counts as the mean of their `p_fake`,
            which is an ensemble already, and its name says so.
        level: `frame` or `video`.
        split: which rows.
        threshold: `p_fake >= threshold` is FAKE.
        aggregator: how frames become a clip's score.
        resamples: of groups for the 95 % intervals; 0 leaves them out.
        seed: of the resamples.

    Returns:
        A row for each pair: left, right, split, level, aggregator (`none` at level frame), frames_per_clip (in the
        median; NaN = none), n, groups, disagreement (share of rows where the answers differ), double_fault (share
        where both are wrong), error_correlation (of being wrong, -1..1; NaN where one of them is always or never
        wrong), and with `resamples` each with `_low` and `_high`.
    """
    chosen = predictions[(predictions["split"] == split) & (predictions["condition"] == "clean")]
    by_clip = level == "video"
    matrix = score_matrix(chosen, "clip" if by_clip else level, aggregator, members)
    names, scores = _named(matrix)
    frames = frames_per_person(chosen[chosen["model"].isin(matrix.columns.get_level_values("model"))]).median()
    how = {
        "split": split,
        "level": level,
        "aggregator": aggregator if by_clip else "none",
        "frames_per_clip": frames if by_clip else np.nan,
    }
    left, right = np.triu_indices(len(names), 1)
    wrong = ((scores >= threshold) != (matrix.rows["label"] == 1).to_numpy()[:, None]).astype(float)
    sums = np.column_stack([np.ones(len(wrong)), wrong, wrong[:, left] * wrong[:, right]])
    found = _measures(sums.sum(axis=0), left, right)
    groups = matrix.rows["group"].nunique()
    if resamples:
        weights = resample_weights(matrix.rows["group"], resamples, seed)
        draws = _measures(resampled_sums(sums, matrix.rows["group"].to_numpy(), weights), left, right)
        found = {key: end for name in MEASURES for key, end in _with_ends(name, found[name], draws[name], groups).items()}
    table = pd.DataFrame({"left": np.take(names, left), "right": np.take(names, right), "n": len(wrong), "groups": groups, **found})
    return table.assign(**how)[["left", "right", *how, "n", "groups", *found]]


def _named(matrix: ScoreMatrix) -> tuple[list[str], np.ndarray]:
    """Names, and the mean scores over seeds [n, models]: an ensemble where there are several, and named so."""
    names, scores = matrix.mean_over_seeds()
    seeds = matrix.columns.get_level_values("model").value_counts()
    return [name if seeds[name] == 1 else f"{name} of {seeds[name]} seeds" for name in names], scores


def _measures(sums: np.ndarray, left: np.ndarray, right: np.ndarray) -> dict[str, np.ndarray]:
    """From sums over rows [..., 1 + models + pairs] (rows, errors of each model, errors of both of a pair): each [..., pairs]."""
    models = sums.shape[-1] - 1 - len(left)
    share = sums[..., 1:] / sums[..., :1]
    one, other, both = share[..., left], share[..., right], share[..., models:]
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = (both - one * other) / np.sqrt(one * (1 - one) * other * (1 - other))
    return {"disagreement": one + other - 2 * both, "double_fault": both, "error_correlation": correlation}


def _with_ends(name: str, value: np.ndarray, draws: np.ndarray, groups: int) -> dict[str, np.ndarray]:
    low, high = interval(draws, groups)
    return {name: value, f"{name}_low": low, f"{name}_high": high}
