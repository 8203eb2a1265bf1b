"""The page's section about a study of what helps."""

import pandas as pd

from dfd_lib.formats import count, duration, p_value, share
from dfd_lib.report.blocks import Block, Cell, Column, Section, Table, Words, metric_cell, number_cell, text_cell
from dfd_lib.report.pairs import pair_table
from dfd_lib.report.source import Report
from dfd_lib.tables import conditions_of

_FOOT = (
    "AUC is the mean over the folds; intervals are of resampled groups, and of seeds where the model that is the measure has several. "
    "p is corrected for the number of rows (Holm); surely is what both say. "
    "The fold that judges a training also chose its epoch: each AUC is a little too good, of trainings with more epochs a little more. "
)

_PAIRED = (
    "AUC is the mean over the folds; intervals and p are of resampled groups, and of seeds where a model has several; "
    "p (Holm) is corrected for the number of rows. A difference counts as real where p (Holm) is below .05 and the interval leaves 0 out."
)

_TIMES = {
    "processors": "A training takes so much processor time, whatever else the machine did; shared by several processors it is over sooner.",
    "wall": "A training takes what its fastest epochs took, on a machine that may have done other work meanwhile.",
}
_MACHINES = " It is empty where a row's trainings are known to be of different processors, and compares among rows of the same one alone."


def ablations(report: Report) -> Section:
    """Every change of one model against the model as it is, then whole models against each other, on folds of train and val."""
    blocks: list[Block] = []
    for name, title in (("ablations", "One thing changed at a time"), ("finalists", "Finalists on every fold")):
        table = report.table(f"{name}.csv")
        if table is not None:
            said = [line for line in report.text(f"{name}.txt").splitlines() if line.strip()]
            blocks += [Words(said), *report.pictures(name), _table(f"{title}, {report.clips}", table)]
    pairs = report.table("finalists_pairs.csv")
    if pairs is not None:
        blocks.append(pair_table(f"Every two finalists, {report.clips}; validation folds alone", pairs, foot=_PAIRED))
    costs = report.table("costs.csv")
    if costs is not None:
        blocks += [*report.pictures("costs"), _costs(costs, report.clips)]
    return Section("ablations", "What helped", blocks)


def _costs(table: pd.DataFrame, clips: str) -> Table:
    columns = [
        Column("name"),
        *(Column(title, True) for title in ("networks", "parameters", "MB", "ms a face", "AUC on val", "AUC on test")),
    ]
    rows = [
        [
            text_cell(f"{row['name']} (served)" if row["served"] else row["name"]),
            number_cell(row["networks"], count(row["networks"])),
            number_cell(row["parameters"], count(row["parameters"])),
            number_cell(row["megabytes"], f"{row['megabytes']:.1f}"),
            number_cell(row["milliseconds"], f"{row['milliseconds']:.1f}"),
            number_cell(row["val_auc"], share(row["val_auc"])),
            metric_cell(row, "test_auc"),
        ]
        for _, row in table.iterrows()
    ]
    foot = "As exported at half precision; one face at a time on one processor. "
    foot += "Ensembles: the best on val, and the one that is served as the detector, which a file's size and the recipe limit."
    return Table(f"What a score costs, {clips}", columns, rows, foot)


def _table(caption: str, table: pd.DataFrame) -> Table:
    there = conditions_of(table)
    columns = [Column("name"), Column("changed")]
    columns += [Column(title, True) for title in ("AUC on folds", "difference", "p (Holm)")]
    columns += [Column(title, True) for name in there for title in (f"AUC at {name}", "difference", "p (Holm)")]
    columns += [Column(title, True) for title in ("a training", "pixels", "parameters")]
    clock = table["clock"].iloc[0] if "clock" in table else "wall"  # as earlier versions had it
    foot = _FOOT + _TIMES[clock] + _MACHINES
    return Table(f"{caption}; validation folds alone", columns, [_row(row, there) for _, row in table.iterrows()], foot)


def _scores(row: pd.Series, suffix: str = "") -> list[Cell]:
    auc, difference, low, high, p = (row[f"{name}{suffix}"] for name in ("auc", "difference", "low", "high", "p_holm"))
    ends = pd.Series({"difference": difference, "difference_low": low, "difference_high": high})
    judged = text_cell("the measure") if pd.isna(row["difference"]) else metric_cell(ends, "difference", sign=True)
    return [number_cell(auc, share(auc)), judged, number_cell(p, p_value(p))]


def _row(row: pd.Series, there: list[str]) -> list[Cell]:
    return [
        text_cell(row["name"]),
        text_cell("" if row["luck"] else row["changed"]),
        *_scores(row),
        *(cell for name in there for cell in _scores(row, f"_{name}")),
        number_cell(row["minutes"], duration(60 * row["minutes"])),
        number_cell(row["image_size"], count(row["image_size"])),
        number_cell(row["parameters"], count(row["parameters"])),
    ]
