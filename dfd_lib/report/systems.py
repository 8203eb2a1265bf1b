"""The page's section about published systems: what they claimed, what they reach here, and why these differ."""

import pandas as pd

from dfd_lib.formats import count, percent
from dfd_lib.report.blocks import Block, Cell, Column, Section, Table, Words, metric_cell, number_cell, text_cell
from dfd_lib.report.source import Report

_REASONS = {"leak": "leak", "shortcut": "shortcut", "test": "its test", "by_recipe": "recipe"}


def systems(report: Report) -> Section:
    """Each system trained by its own recipe, beside the same architecture under own settings and beside its claim."""
    said = [line for line in report.text("systems.txt").splitlines() if line.strip()]
    table, title = report.table("systems.csv"), "Published systems, trained here"
    if table is None:
        return Section("systems", title)
    return Section("systems", title, [Words(said), *report.pictures("systems", note=report.by_which_rule), *_tables(table, report.clips)])


def _tables(table: pd.DataFrame, clips: str) -> list[Block]:
    numbers = ("claimed", "accuracy here", "AUC here", "balanced accuracy", "F1", "AUC, published recipe minus own")
    columns = [Column("system"), Column("model"), Column("trained"), *(Column(name, True) for name in numbers), Column("changed")]
    foot = (
        "Claimed: their accuracy, on their data and split; Wilson's interval where a matrix was published, of rows taken for independent. "
    )
    foot += "Here: 95 % intervals from resampled groups; the difference is paired, on the same resampled groups."
    measured = Table(f"Claimed, and reached on test, {clips}", columns, [_row(row) for _, row in table.iterrows()], foot)
    why = table.drop_duplicates(["system", "model"])
    columns = [Column("system"), Column("model"), Column("claimed minus here", True), *(Column(name) for name in _REASONS.values())]
    return [measured, Table("Why they may differ", columns, [_why(row) for _, row in why.iterrows()])]


def _row(row: pd.Series) -> list[Cell]:
    claimed = percent(row["claimed"], 1)
    if pd.notna(row["claimed_low"]):
        claimed += f" ({percent(row['claimed_low'], 1)}–{percent(row['claimed_high'], 1)} of {count(row['claimed_n'])})"
    metrics = [metric_cell(row, name) for name in ("accuracy", "auc", "balanced_accuracy", "f1")]
    names = [text_cell(row[name]) for name in ("system", "model", "recipe")]
    return [*names, number_cell(row["claimed"], claimed), *metrics, metric_cell(row, "difference", sign=True), text_cell(row["changed"])]


def _why(row: pd.Series) -> list[Cell]:
    gap = number_cell(row["gap"], percent(row["gap"], 1))
    return [text_cell(row["system"]), text_cell(row["model"]), gap, *(text_cell(row[name]) for name in _REASONS)]
