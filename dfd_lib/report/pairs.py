"""The page's section about differences between models: the paired tests of every two."""

import pandas as pd

from dfd_lib.formats import METRIC_NAMES, count, p_value
from dfd_lib.report.blocks import Block, Cell, Column, Section, Table, Words, metric_cell, number_cell, text_cell
from dfd_lib.report.source import Report

TESTED = (
    "Intervals are of resampled groups, p of a closed form (Obuchowski's), p (Holm) corrected for the number of rows. "
    "On few groups the two may disagree: a difference counts as real only where p (Holm) is below .05 and the interval leaves 0 out."
)
"""Under every table of paired differences."""


def pairs(report: Report) -> Section:
    """The paired tests of every two models."""
    blocks: list[Block] = [*report.pictures("pairs")]
    table = report.table("pairs.csv")
    if table is not None:
        sure = int(table["significant"].astype(bool).sum())
        words = f"Significant, by the interval and after Holm's correction: {count(sure)} of {count(len(table), 'pair')}."
        caption = f"Every pair, with the 95 % interval of the difference{clip_rule_of(report, table)}"
        blocks += [Words([words, *_left_out(report, table)]), pair_table(caption, table)]
    return Section("pairs", "Is the difference real", blocks)


def _left_out(report: Report, table: pd.DataFrame) -> list[str]:
    """Why a model is in no pair: a soup that took one member alone is that member."""
    runs = report.table("runs.csv")
    if runs is None or "copy_of" not in runs:
        return []
    absent = runs[runs["copy_of"].notna() & ~runs["model"].isin([*table["left"], *table["right"]])].drop_duplicates("model")
    copies = ", ".join(f"{row['model']} of {row['copy_of']}" for _, row in absent.iterrows())
    return [f"In no pair are copies, soups that took one member alone: {copies}."] if copies else []


def pair_table(caption: str, table: pd.DataFrame, *facts: str, foot: str = TESTED) -> Table:
    """A row a pair, the surest difference first; `facts` are further columns of text, shown first."""
    columns = [Column(name) for name in (*facts, "left", "right", "level", "metric")]
    columns += [Column(name, True) for name in ("left minus right", "p", "p (Holm)")]
    ordered = table.sort_values([*facts, "p"], kind="stable")
    rows = [[*(text_cell(row[name]) for name in facts), *_pair(row)] for _, row in ordered.iterrows()]
    return Table(caption, [*columns, Column("significant")], rows, foot, folded=True)


def clip_rule_of(report: Report, table: pd.DataFrame) -> str:
    """By which rule clips were scored, where clips are what a table is about."""
    rule = report.recipe.evaluation.aggregator
    return f"; {report.by_clip(rule)}" if "level" not in table or (table["level"] == "video").any() else ""


def _pair(row: pd.Series) -> list[Cell]:
    ends = {"difference_low": row["low"], "difference_high": row["high"]}
    names = [text_cell(row[name]) for name in ("left", "right", "level")]
    metric = text_cell(METRIC_NAMES.get(row["metric"], row["metric"]))
    tests = [number_cell(row[name], p_value(row[name])) for name in ("p", "p_holm")]
    difference = metric_cell(pd.concat([row, pd.Series(ends)]), "difference", sign=True)
    return [*names, metric, difference, *tests, text_cell("yes" if bool(row["significant"]) else "no")]
