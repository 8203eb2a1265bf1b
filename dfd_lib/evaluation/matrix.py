"""Scores of several models on the same rows, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dfd_lib.evaluation.aggregate import aggregate, aggregate_persons
from dfd_lib.tables import check_predictions

_ROW = ["dataset", "split", "condition", "path", "video", "face"]


@dataclass(frozen=True)
class ScoreMatrix:
    """What several models said of the same rows."""

    rows: pd.DataFrame
    """Columns dataset, split, level, condition, path, video, face, frame, group, label; index 0..n-1."""
    scores: np.ndarray
    """float64 [n, columns] of p_fake."""
    columns: pd.MultiIndex
    """(model, seed) of each column, a model's seeds together."""
    dropped: int
    """Rows that some of the models lack, and that are left out for all."""

    def mean_over_seeds(self) -> tuple[list[str], np.ndarray]:
        """Model names, and float64 [n, models]: each model's mean `p_fake` over its seeds, an ensemble where it has several."""
        model = self.columns.get_level_values("model")
        names = list(model.unique())
        return names, np.stack([self.scores[:, model == name].mean(axis=1) for name in names], axis=1)


def score_matrix(predictions: pd.DataFrame, level: str, aggregator: str = "mean", members: Sequence[str] | None = None) -> ScoreMatrix:
    """Join models by data set, split, condition and crop (level frame) or person of a clip (level video).

    Args:
        predictions: the predictions table. Models that score at different levels
            meet at level video.
        level: `frame`, `video` (a row a person), or `clip` (a row a clip, its most
            suspicious person for each model by itself).
        aggregator: how frames become a person's score.
        members: which models; default: all, in the order of the table.

    Returns:
        The rows that all models have.

    Raises:
        ValueError: an unknown model, a model without rows at the level, or no row
            that all models have.
    """
    predictions = check_predictions(predictions)
    members = list(dict.fromkeys(members if members is not None else predictions["model"]))
    there = list(predictions["model"].unique())
    unknown = ", ".join(name for name in members if name not in there)
    if unknown or not members:
        raise ValueError(f"members: expected models of the predictions ({', '.join(there)}), came {unknown or 'none'}. Correct the names.")
    table = _at_level(predictions[predictions["model"].isin(members)], level, aggregator)
    absent = set(members) - set(table["model"].unique())
    if absent:
        raise ValueError(f"members: expected rows at level {level}, {', '.join(sorted(absent))} has none. Join them at level video.")
    return _join(table, members)


def _at_level(predictions: pd.DataFrame, level: str, aggregator: str) -> pd.DataFrame:
    if level == "frame":
        return predictions[predictions["level"] == "frame"]
    if level == "video":
        return aggregate_persons(predictions, aggregator)
    if level == "clip":  # each model may find another person the most suspicious: the clip is one row all the same
        return aggregate(predictions, aggregator).assign(face=0)
    raise ValueError(f"level: expected frame or video, came {level!r}. Choose one of them.")


def _join(table: pd.DataFrame, members: list[str]) -> ScoreMatrix:
    columns = pd.MultiIndex.from_frame(table[["model", "seed"]].drop_duplicates())
    columns = columns[np.lexsort((columns.get_level_values("seed"), pd.Index(members).get_indexer(columns.get_level_values("model"))))]
    row = table.groupby(_ROW, sort=False).ngroup().to_numpy()
    scores = np.full((row.max() + 1, len(columns)), np.nan)
    scores[row, columns.get_indexer(pd.MultiIndex.from_frame(table[["model", "seed"]]))] = table["p_fake"]
    shared = ~np.isnan(scores).any(axis=1)
    if not shared.any():
        raise ValueError(f"members: expected rows that {', '.join(members)} all scored, came none. Score the same crops with each.")
    rows = table.drop_duplicates(_ROW).drop(columns=["model", "seed", "p_fake"])
    return ScoreMatrix(rows[shared].reset_index(drop=True), scores[shared], columns, int((~shared).sum()))
