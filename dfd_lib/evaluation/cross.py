"""Trained on A, scored on B: a table of every pair, and what it says in words."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from dfd_lib.evaluation.metrics import evaluate
from dfd_lib.formats import between, by_clip, count, share

AT = "@"
"""In a model's name: `lenet@demo` is the lenet that was trained in the experiment demo."""

CHANCE = 0.5
"""The AUC of guessing."""

LARGEST = 3
"""So many of the differences that are beyond chance are named."""


def cross_table(predictions: pd.DataFrame, *, threshold: float = 0.5, aggregator: str = "mean", resamples: int = 1000) -> pd.DataFrame:
    """Metrics by clip of each model, trained on each data set, on each.

    Args:
        predictions: of `test`; model is `<model>@<trained on>`, dataset what it is scored on.
        threshold: `p_fake >= threshold` is FAKE.
        aggregator: how frames become a clip's score.
        resamples: of groups, for the intervals.

    Returns:
        The metrics table with `trained_on` after `model`, `scored_on`, and `chance`: whether the interval of the AUC holds .5.

    Raises:
        ValueError: a model's name does not say what it was trained on.
    """
    nameless = [name for name in predictions["model"].unique() if AT not in name]
    if nameless:
        raise ValueError(f"cross: expected models named <model>{AT}<trained on>, came {nameless[0]!r}. Score them with stages.cross.")
    table = evaluate(predictions, threshold=threshold, aggregator=aggregator, levels=["video"], resamples=resamples)
    names = table["model"].str.rsplit(AT, n=1, expand=True)
    table = table.assign(model=names[0], scored_on=table["dataset"])
    table.insert(1, "trained_on", names[1])
    return table.assign(chance=(table["auc_low"] <= CHANCE) & (table["auc_high"] >= CHANCE))


def cross_findings(table: pd.DataFrame, home: str, model: str) -> list[str]:
    """What becomes of one model away from home, and how many pairs are better than guessing.

    Args:
        table: of `cross_table`.
        home: the experiment that the first sentence is about.
        model: its model; of several seeds the first.
    """
    own = table[(table["model"] == model) & (table["trained_on"] == home)]
    own = own[own["seed"] == own["seed"].iloc[0]]
    at_home, away = own[own["scored_on"] == home].iloc[0], own[own["scored_on"] != home]
    scores = ", ".join(f"{_auc(row)} on {row['scored_on']}" for _, row in away.iterrows())
    how = by_clip(at_home["aggregator"], at_home["frames_per_clip"])
    said = [
        f"{model}, trained on {home}, has an AUC {how} of {_auc(at_home)} on its own test part and {scores or 'was scored on no other'}."
    ]
    foreign = table[table["trained_on"] != table["scored_on"]]
    above, below = ((foreign[end] * sign > CHANCE * sign).sum() for end, sign in (("auc_low", 1), ("auc_high", -1)))
    unsure = len(foreign) - above - below
    said.append(
        f"Of {count(len(foreign), 'pair')} of a model and data that it was not trained on, {count(above)} came out better than guessing "
        f"(the whole 95 % interval of the AUC above {share(CHANCE, 1)}), {count(below)} worse, and {count(unsure)} cannot be told from it."
    )
    return said


def pair_findings(table: pd.DataFrame, on: str = "On") -> list[str]:
    """How many of the models differ on foreign data beyond chance, a sentence for each data set, with the largest differences.

    Args:
        table: of `pairs.compare_pairs`.
        on: how a sentence begins, before the name of the data set.
    """
    said = []
    for dataset, rows in table.groupby("dataset", sort=False):
        sure = rows[rows["significant"].astype(bool)].sort_values("difference", key=abs, ascending=False, kind="stable")
        how = by_clip(rows["aggregator"].iloc[0], rows["frames_per_clip"].iloc[0])
        first = f"{on} {dataset} the AUCs {how} of {count(len(sure))} of {count(len(rows), 'pair')} of models differ beyond chance"
        named = "; ".join(map(_over, sure.head(LARGEST).to_dict("records")))
        said.append(f"{first}{f', most of all {named}' if named else ''}.")
    return said


def _over(row: Mapping[str, Any]) -> str:
    """The better one first."""
    ends = [row[name] for name in ("difference", "low", "high")]
    if ends[0] < 0:
        return f"{row['right']} over {row['left']} {between(-ends[0], -ends[2], -ends[1], sign=True)}"
    return f"{row['left']} over {row['right']} {between(*ends, sign=True)}"


def _auc(row: pd.Series) -> str:
    return between(row["auc"], row["auc_low"], row["auc_high"])
