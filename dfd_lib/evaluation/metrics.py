"""Predictions in, metrics out: the leaderboard, its baseline and its slices."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from dfd_lib.evaluation.aggregate import RUN, aggregate, frames_per_person
from dfd_lib.evaluation.attributes import FAKES_ONLY, attribute_values
from dfd_lib.evaluation.scores import point_metrics
from dfd_lib.evaluation.uncertainty import intervals, resample_weights
from dfd_lib.tables import METRICS_KEY, check_metrics, check_predictions

Level = Literal["frame", "video"]
BOTH: tuple[Level, ...] = ("frame", "video")
Part = tuple[dict[str, Any], pd.DataFrame]

MAJORITY = "majority"
"""The model name of the baseline that has seen no face."""


def evaluate(
    predictions: pd.DataFrame,
    *,
    threshold: float = 0.5,
    aggregator: str = "mean",
    levels: Sequence[Level] = BOTH,
    resamples: int = 0,
    seed: int = 1,
) -> pd.DataFrame:
    """The metrics table: a row for each model, seed, data set, split, condition and level.

    Args:
        predictions: the predictions table, at either level or both.
        threshold: `p_fake >= threshold` is FAKE, at both levels.
        aggregator: how frames become a clip's score (`aggregate.AGGREGATORS`).
        levels: which levels; one that a model has no rows for is left out.
        resamples: bootstrap resamples of groups for the 95 % intervals, shared
            by all models of a data set and split; 0 leaves the intervals out.
        seed: of the resamples.

    Returns:
        The metrics table, models in the order of `predictions`. `aggregator` is
        `none` at level frame, and for models that score whole clips; `frames_per_clip`
        is how many frames a score was made of, in the median over clips. With
        `resamples` there are `<name>_low` and `<name>_high` of each metric (NaN
        for `ece`; see `uncertainty.intervals`).

    Raises:
        ValueError: not a predictions table, or an unknown aggregator or level.
    """
    parts = parts_of(at_levels(predictions, levels, aggregator), METRICS_KEY)
    return check_metrics(_measure(parts, threshold, resamples, seed))


def majority_baseline(
    predictions: pd.DataFrame,
    manifest: pd.DataFrame,
    *,
    threshold: float = 0.5,
    aggregator: str = "mean",
    levels: Sequence[Level] = BOTH,
    resamples: int = 0,
    seed: int = 1,
) -> pd.DataFrame:
    """What a model gets that always answers the class most training crops have.

    Its `p_fake` is the share of fakes among the training crops, whatever the
    row; its answer is the majority class whatever the threshold. Seed 0.

    Args:
        predictions: of the models that it stands beside; the same rows are scored.
        manifest: the split manifest; the crops of its split `train` decide.
        threshold, aggregator, levels, resamples, seed: as in `evaluate`.

    Returns:
        A metrics table of the model `majority`.

    Raises:
        ValueError: the manifest has no training crops.
    """
    trained = manifest.loc[manifest["split"] == "train", "label"]
    if trained.empty:
        raise ValueError("manifest: expected rows of split train, came none. Split it first (dfd_lib.data.splits.split).")
    once = ["dataset", "split", "level", "condition", "path", "video", "face"]
    constant = predictions.drop_duplicates(once).assign(model=MAJORITY, seed=0, p_fake=trained.mean())
    table = evaluate(constant, threshold=0.5, aggregator=aggregator, levels=levels, resamples=resamples, seed=seed)
    return table.assign(threshold=float(threshold))


def slice_metrics(
    predictions: pd.DataFrame,
    manifest: pd.DataFrame,
    columns: Sequence[str],
    *,
    threshold: float = 0.5,
    aggregator: str = "mean",
    levels: Sequence[Level] = BOTH,
    bins: int = 4,
    resamples: int = 0,
    seed: int = 1,
) -> pd.DataFrame:
    """Metrics by the values of attributes: where does a model fail?

    Reals have no method and no donor, so each value of those is a question put
    to its fakes and ALL reals of the same split: can this method be told from
    real? Any other attribute compares its own fakes with its own reals.

    Args:
        predictions: the predictions table.
        manifest: the manifest, or it joined with further columns (such as facts
            of the file); a clip takes the median of its crops' numbers, and the
            first of their words.
        columns: its columns, `face_size` (the longer side of the box in pixels)
            or `resolution` (the shorter side of the frame, from columns width and
            height). Numbers are cut at their quantiles.
        bins: how many slices a numeric column is cut into.
        threshold, aggregator, levels, resamples, seed: as in `evaluate`.

    Returns:
        The columns `slice` (the attribute), `value` (as text; `unknown` where there
        is none) and those of the metrics table, by slice and value.

    Raises:
        ValueError: a column is missing; the message lists those there are.
    """
    table = at_levels(predictions, levels, aggregator)
    parts = [part for column in columns for part in _slices(table, column, attribute_values(table, manifest, column, bins))]
    return _measure(parts, threshold, resamples, seed)


def at_levels(predictions: pd.DataFrame, levels: Sequence[Level], aggregator: str) -> pd.DataFrame:
    """Predictions at each of `levels`, each model's rows together.

    Two columns more: `aggregator` (`none` where nothing was aggregated), and `frames`, how many of the person that decided.
    """
    predictions = check_predictions(predictions)
    table = pd.concat([_at_level(predictions, level, aggregator) for level in levels], ignore_index=True)
    if table.empty:
        raise ValueError(f"predictions: expected rows at level {' or '.join(levels)}, came none. Score some crops first.")
    first_seen = {name: place for place, name in enumerate(predictions["model"].unique())}
    return table.sort_values("model", key=lambda names: names.map(first_seen), kind="stable", ignore_index=True)


def _at_level(predictions: pd.DataFrame, level: str, aggregator: str) -> pd.DataFrame:
    if level == "frame":
        return predictions[predictions["level"] == "frame"].assign(aggregator="none", frames=np.nan)
    if level != "video":
        raise ValueError(f"level: expected frame or video, came {level!r}. Choose one of them.")
    clips = aggregate(predictions, aggregator)
    ready = pd.MultiIndex.from_frame(predictions.loc[predictions["level"] == "video", RUN].drop_duplicates())
    is_ready = pd.MultiIndex.from_frame(clips[RUN]).isin(ready)
    frames = frames_per_person(predictions).reindex(pd.MultiIndex.from_frame(clips[[*RUN, "video", "face"]])).to_numpy()
    return clips.assign(aggregator=np.where(is_ready, "none", aggregator), frames=np.where(is_ready, np.nan, frames))


def parts_of(table: pd.DataFrame, keys: list[str]) -> list[Part]:
    """The rows of each value of the columns `keys`, with that value."""
    return [(dict(zip(keys, values, strict=True)), rows) for values, rows in table.groupby(keys, sort=False)]


def _slices(table: pd.DataFrame, column: str, values: pd.Series) -> Iterator[Part]:
    for value in values.cat.categories:
        chosen = values == value
        own = chosen & (table["label"] == 1) if column in FAKES_ONLY else chosen
        for keys, rows in parts_of(table[own | (table["label"] == 0)] if column in FAKES_ONLY else table[chosen], METRICS_KEY):
            if own[rows.index].any():
                yield {"slice": column, "value": value, **keys}, rows


def _measure(parts: list[Part], threshold: float, resamples: int, seed: int) -> pd.DataFrame:
    """A row of metrics for each part."""
    weights = shared_weights(parts, resamples, seed)
    return pd.DataFrame([_row(keys, rows, threshold, weights.get((keys["dataset"], keys["split"]))) for keys, rows in parts])


def shared_weights(parts: list[Part], resamples: int, seed: int) -> dict[tuple[str, str], pd.DataFrame]:
    """The same resamples for all parts of a data set and split, which name them; none where none are asked for."""
    groups: dict[tuple[str, str], list[np.ndarray]] = {}
    for keys, rows in parts:
        groups.setdefault((keys["dataset"], keys["split"]), []).append(rows["group"].unique())
    return {where: resample_weights(np.concatenate(names), resamples, seed) for where, names in groups.items() if resamples}


def _row(keys: dict[str, str], rows: pd.DataFrame, threshold: float, weights: pd.DataFrame | None) -> dict[str, Any]:
    label, p_fake = rows["label"].to_numpy(), rows["p_fake"].to_numpy()
    facts = {"frames_per_clip": rows["frames"].median(), "n": len(rows), "n_fake": int(label.sum()), "threshold": float(threshold)}
    ends = {} if weights is None else intervals(label, p_fake, rows["group"], weights, threshold)
    return {**keys, **facts, **point_metrics(label, p_fake, threshold), **ends}
