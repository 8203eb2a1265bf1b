"""Does looking at time help, or only at more frames? Models of clips against what sees the same frames without their order."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from dfd_lib.evaluation.metrics import evaluate
from dfd_lib.evaluation.pairs import compare_pairs, holm, significant
from dfd_lib.formats import between, by_clip, p_value

FRAMES, ORDER = "frames", "order"
"""What a model of clips is held against: the frames of its own trunk one by one, or itself on frames out of order."""


class Question(NamedTuple):
    """One comparison."""

    about: str
    """`FRAMES` or `ORDER`."""
    model: str
    against: str


COLUMNS = [
    *("about", "model", "against", "dataset", "aggregator", "frames_per_clip", "n", "groups", "auc", "auc_against"),
    *("difference", "low", "high", "p", "p_holm", "significant"),
]


def time_gains(
    predictions: pd.DataFrame, questions: Sequence[Question], *, split: str = "test", aggregator: str = "mean", resamples: int = 2000
) -> pd.DataFrame:
    """The paired difference in AUC by clip, for each question.

    Args:
        predictions: of all models that the questions name.
        questions: which.
        split: which rows.
        aggregator: how frames become a clip's score.
        resamples: bootstrap resamples of groups.

    Returns:
        A row for each question and data set: `COLUMNS`; difference is the
        model's AUC minus the other's (means over seeds), with its 95 % interval,
        p two-sided as in `compare_pairs`, p_holm over the rows, significant by both.
    """
    tables = []
    for question in questions:
        # the model before what it is held against: differences are left minus right
        both = pd.concat([predictions[predictions["model"] == name] for name in question[1:]])
        pairs = compare_pairs(both, split=split, aggregator=aggregator, resamples=resamples)
        clips = evaluate(both[both["split"] == split], aggregator=aggregator, levels=["video"])
        auc = clips.groupby(["dataset", "model"])["auc"].mean()
        known = {
            name: [auc[dataset, who] for dataset in pairs["dataset"]]
            for name, who in zip(("auc", "auc_against"), question[1:], strict=True)
        }
        tables.append(pairs.assign(**question._asdict(), **known))
    if not tables:
        return pd.DataFrame(columns=COLUMNS)
    table = pd.concat(tables, ignore_index=True)
    return table.assign(p_holm=holm(table["p"])).assign(significant=significant)[COLUMNS]


def verdict(table: pd.DataFrame) -> list[str]:
    """Say in words what the table of `time_gains` shows, a sentence or two for each model of clips."""
    if table.empty:
        return [
            "No model of clips stands beside the frames of its own trunk, or beside itself on frames out of order: nothing is said of time."
        ]
    return [_said(name, rows.set_index("about")) for (name, _), rows in table.groupby(["model", "dataset"], sort=False)]


def _said(name: str, rows: pd.DataFrame) -> str:
    parts = [f"In AUC {by_clip(*rows[['aggregator', 'frames_per_clip']].iloc[0])}:"]
    if FRAMES in rows.index:
        parts.append(f"{name} against the mean of the frames of its trunk, {rows.loc[FRAMES, 'against']}: {_gain(rows.loc[FRAMES])}.")
    if ORDER in rows.index:
        parts.append(f"{name} against itself on the same frames out of order: {_gain(rows.loc[ORDER])}.")
    return " ".join([*parts, _conclusion(rows)])


def _gain(row: pd.Series) -> str:
    gain = f"{between(row['difference'], row['low'], row['high'], sign=True)}, p (Holm) {p_value(row['p_holm'])}"
    if not row["significant"]:
        return f"no real difference, {gain}"
    return f"a real {'gain' if row['difference'] > 0 else 'loss'}, {gain}"


def _conclusion(rows: pd.DataFrame) -> str:
    real = (rows["significant"] & (rows["difference"] > 0)).to_dict()
    if real.get(ORDER):
        gains = real.get(FRAMES, True)
        return "Looking at time helps: the order of the frames tells." if gains else "It uses the order, but gains nothing by it."
    if real.get(FRAMES):
        control = ORDER in real
        return "It gains, but nothing shows that it is by their order." if control else "Whether by their order, only a control would tell."
    return "Nothing shows that looking at time helps here."
