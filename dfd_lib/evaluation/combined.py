"""One chosen ensemble as it will be served: its combination, and its scores by frame and by clip."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from dfd_lib.evaluation.contest import Side, enter, group_folds
from dfd_lib.evaluation.matrix import ScoreMatrix, score_matrix
from dfd_lib.evaluation.rules import Combination
from dfd_lib.tables import check_predictions


class Refitted(NamedTuple):
    """One ensemble, fitted again as the search fitted it that chose it."""

    matrix: ScoreMatrix
    """Its members, in the order in which the row names them."""
    scores: np.ndarray
    """float64 [n, members], the mean of each member's seeds."""
    combination: Combination
    """Of one ensemble, fitted on all clean rows of val."""
    in_val: np.ndarray
    """bool [n], those rows."""
    out_of_fold: np.ndarray
    """float64 [rows of val], their scores by combinations that have not seen their group."""


def refit(predictions: pd.DataFrame, row: Mapping[str, Any] | pd.Series) -> Refitted:
    """Fit one ensemble on all clean rows of val of its data set, as the search did.

    Args:
        predictions: of the members, any splits, conditions and data sets.
        row: of the table of `ensembles.search`; a `single` model is the mean of itself.

    Raises:
        ValueError: a member or its validation rows are missing.
    """
    matrix = score_matrix(predictions, row["level"], row["aggregator"], row["members"].split("+"))
    rows, scores = matrix.rows, matrix.mean_over_seeds()[1]
    chosen = ((rows["split"] == "val") & (rows["condition"] == "clean") & (rows["dataset"] == row["dataset"])).to_numpy()
    val = Side(scores[chosen], *(rows.loc[chosen, name].to_numpy() for name in ("label", "group")), np.arange(chosen.sum()))
    fold = group_folds(val.group, row["folds"], row["seed"])
    rule = "mean" if row["rule"] == "single" else row["rule"]
    contender = enter(rule, np.ones((1, scores.shape[1]), bool), val, fold)
    return Refitted(matrix, scores, contender.refitted, chosen, contender.out_of_fold(val, fold)[:, 0])


def fit_combination(predictions: pd.DataFrame, row: Mapping[str, Any] | pd.Series) -> Combination:
    """Fit one ensemble on all clean rows of val, as the search that chose it did.

    Args:
        predictions: of the members, each with one seed.
        row: of the table of `ensembles.search`; a `single` model is the mean of itself.

    Returns:
        The combination of its members, in the order in which the row names them.
    """
    fitted = refit(predictions, row).combination
    return Combination(fitted.rule, fitted.weights[:, 0], float(np.ravel(fitted.bias)[0]), fitted.thresholds)


def combine_predictions(
    predictions: pd.DataFrame, members: Sequence[str], combination: Combination, *, name: str, aggregator: str = "mean"
) -> pd.DataFrame:
    """Scores of an ensemble at both levels, as a served detector gives them.

    A clip's people are scored member by member first, and their scores combined
    then; frames are combined one by one.

    Args:
        predictions: of the members, each with one seed.
        members: their names, in the order of the combination's weights.
        combination: one ensemble.
        name: what it is called in the table.
        aggregator: how the frames of a person become one score.

    Returns:
        A predictions table of the model `name` with seed 0, at levels frame and video (a row a person);
        at level video alone where a member scores clips.
    """
    own = predictions[predictions["model"].isin(members)]
    of_clips = set(own.loc[own["level"] == "video", "model"])
    parts = []
    for level in ("video",) if of_clips else ("frame", "video"):
        matrix = score_matrix(own, level, aggregator, members)
        scores = combination(matrix.mean_over_seeds()[1])
        parts.append(matrix.rows.assign(model=name, seed=0, p_fake=scores))
    return check_predictions(pd.concat(parts, ignore_index=True))
