"""The page's section about time: does a model of clips gain by the order of its frames."""

import pandas as pd

from dfd_lib.formats import count, p_value, share
from dfd_lib.report.blocks import Block, Cell, Column, Section, Table, Words, metric_cell, number_cell, text_cell
from dfd_lib.report.pairs import TESTED
from dfd_lib.report.source import Report

_ABOUT = {"frames": "the mean of its trunk's frames", "order": "itself, frames out of order"}


def time(report: Report) -> Section:
    """Each model of clips against the frames of its own trunk, and against itself on frames out of order."""
    said = [line for line in report.text("time.txt").splitlines() if line.strip()]
    table = report.table("time.csv")
    blocks: list[Block] = (
        [] if table is None else [Words(said), *report.pictures("time", note=report.by_which_rule), _table(table, report.clips)]
    )
    return Section("time", "Does looking at time help", blocks)


def _table(table: pd.DataFrame, clips: str) -> Table:
    columns = [Column("model"), Column("against"), Column("which is")]
    columns += [Column(title, True) for title in ("clips", "AUC", "AUC of the other", "difference", "p (Holm)")]
    caption = f"Paired differences in AUC on test, {clips}, with 95 % intervals from resampled groups"
    return Table(caption, columns, [_row(row) for _, row in table.iterrows()], TESTED)


def _row(row: pd.Series) -> list[Cell]:
    names = [text_cell(text) for text in (row["model"], row["against"], _ABOUT.get(row["about"], row["about"]))]
    ends = pd.Series({"difference": row["difference"], "difference_low": row["low"], "difference_high": row["high"]})
    aucs = [number_cell(row[name], share(row[name])) for name in ("auc", "auc_against")]
    return [
        *names,
        number_cell(row["n"], count(row["n"])),
        *aucs,
        metric_cell(ends, "difference", sign=True),
        number_cell(row["p_holm"], p_value(row["p_holm"])),
    ]
