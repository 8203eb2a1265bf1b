"""The page's section about published systems: what they claimed, what they reach here, and why these differ."""

import pandas as pd

from dfd_lib.formats import count, percent, signed
from dfd_lib.report.blocks import Block, Cell, Column, Section, Table, Words, metric_cell, number_cell, text_cell
from dfd_lib.report.source import Report

_SHOWN = {"leak": "leak", "shortcut": "shortcut", "test": "its test"}
"""Of the reasons, those that are of a publication; what the recipe does is of each row."""


def systems(report: Report) -> Section:
    """Each system trained by its own recipe, beside the same architecture under own settings and beside its claim."""
    said = [line for line in report.text("systems.txt").splitlines() if line.strip()]
    table, title = report.table("systems.csv"), "Published systems, trained here"
    if table is None:
        return Section("systems", title)
    return Section("systems", title, [Words(said), *report.pictures("systems", note=report.by_which_rule), *_tables(table, report.clips)])


def _tables(table: pd.DataFrame, clips: str) -> list[Block]:
    each = table.drop_duplicates(["system", "model"])
    return [_measured(table.dropna(subset=["accuracy"]), clips), _changed(each), _theirs(each)]


def _measured(table: pd.DataFrame, clips: str) -> Table:
    numbers = ("claimed", "accuracy here", "AUC here", "balanced accuracy", "F1", "AUC, published recipe minus own")
    columns = [Column("system"), Column("trained"), *(Column(name, True) for name in numbers)]
    foot = (
        "Claimed: their accuracy, on their data and split; Wilson's interval where a matrix was published, of rows taken for independent. "
    )
    foot += "Here: 95 % intervals from resampled groups; the difference is paired, on the same resampled groups."
    return Table(f"Claimed, and reached on test, {clips}", columns, [_row(row) for _, row in table.iterrows()], foot)


def _row(row: pd.Series) -> list[Cell]:
    low, high = (percent(row[f"claimed_{end}"], 1) for end in ("low", "high"))
    interval = "" if pd.isna(row["claimed_low"]) else f"{low.removesuffix(' %')}–{high} of {count(row['claimed_n'])}"
    claimed = Cell(percent(row["claimed"], 1), float(row["claimed"]), interval)
    metrics = [metric_cell(row, name) for name in ("accuracy", "auc", "balanced_accuracy", "f1")]
    return [_name(row), text_cell(row["recipe"]), claimed, *metrics, metric_cell(row, "difference", sign=True)]


def _changed(each: pd.DataFrame) -> Table:
    columns = [
        Column("system"),
        Column("accuracy, claimed minus here", True),
        Column("otherwise than published"),
        Column("what the recipe does here"),
    ]
    rows = []
    for _, row in each.iterrows():
        does = "" if row["by_recipe"] == row["changed"] else row["by_recipe"]  # of what was not trained the same is said twice
        rows.append([_name(row), number_cell(row["gap"], signed(row["gap"])), text_cell(row["changed"]), text_cell(does)])
    return Table("Why they may differ: how each was trained here", columns, rows)


def _theirs(each: pd.DataFrame) -> Table:
    shown = each.sort_values("n", kind="stable").drop_duplicates("system").sort_index()  # one that was trained, where there is one
    columns = [Column("system"), *(Column(name) for name in _SHOWN.values())]
    rows = [[text_cell(row["system"]), *(text_cell(row[name]) for name in _SHOWN)] for _, row in shown.iterrows()]
    return Table("Why they may differ: what the publications show of themselves", columns, rows)


def _name(row: pd.Series) -> Cell:
    return text_cell(f"{row['system']} {row['model']}")
