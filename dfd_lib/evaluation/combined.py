"""One chosen ensemble as it will be served: its combination, and its scores by frame and by clip."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dfd_lib.evaluation.contest import Side, enter, group_folds
from dfd_lib.evaluation.matrix import score_matrix
from dfd_lib.evaluation.rules import Combination
from dfd_lib.tables import check_predictions


def fit_combination(predictions: pd.DataFrame, row: Mapping[str, Any] | pd.Series) -> Combination:
    """Fit one ensemble on all clean rows of val, as the search that chose it did.

    Args:
        predictions: of the members, each with one seed.
        row: of the table of `ensembles.search`; a `single` model is the mean of itself.

    Returns:
        The combination of its members, in the order in which the row names them.
    """
    matrix = score_matrix(predictions, row["level"], row["aggregator"], row["members"].split("+"))
    rows, scores = matrix.rows, matrix.mean_over_seeds()[1]
    chosen = (rows["split"] == "val") & (rows["condition"] == "clean") & (rows["dataset"] == row["dataset"])
    val = Side(scores[chosen], *(rows.loc[chosen, name].to_numpy() for name in ("label", "group")), np.arange(chosen.sum()))
    rule = "mean" if row["rule"] == "single" else row["rule"]
    fitted = enter(rule, np.ones((1, scores.shape[1]), bool), val, group_folds(val.group, row["folds"], row["seed"])).refitted
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
        A predictions table of the model `name` with seed 0, at levels frame and video (a row a person).
    """
    parts = []
    for level in ("frame", "video"):
        matrix = score_matrix(predictions, level, aggregator, members)
        scores = combination(matrix.mean_over_seeds()[1])
        parts.append(matrix.rows.assign(model=name, seed=0, p_fake=scores))
    return check_predictions(pd.concat(parts, ignore_index=True))
