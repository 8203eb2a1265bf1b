"""The page's section about what the models were not trained for: corruptions, other data sets, methods never seen."""

import pandas as pd

from dfd_lib.formats import count, share
from dfd_lib.report.blocks import Block, Cell, Column, Section, Table, Words, metric_cell, number_cell, text_cell
from dfd_lib.report.pairs import pair_table
from dfd_lib.report.source import Report

_STUDIES = ("robustness", "cross", "leave_out")


def generalise(report: Report) -> Section:
    """For each study what came out in words, its figure, and its table."""
    blocks: list[Block] = []
    for name, build in zip(_STUDIES, (_robustness, _cross, _left_out), strict=True):
        table = report.table(f"{name}.csv")
        said = report.text(f"{name}.txt").splitlines()
        blocks += [Words(said)] if said else []
        blocks += [] if table is None else [*report.pictures(name, note=report.by_which_rule), *build(report, table)]
    return Section("generalise", "Does it survive what it was not trained for", blocks)


def _robustness(report: Report, table: pd.DataFrame) -> list[Block]:
    """The AUC of every model under every condition, the best of each in bold."""
    models = list(dict.fromkeys(table["model"]))
    columns = [Column("condition"), *(Column(name.replace("+", " + "), True) for name in models)]
    body = []
    for condition, rows in table.groupby("condition", sort=False):
        best = rows["auc"].max()
        cells = [_seeds(rows[rows["model"] == name], "auc", best) for name in models]
        body.append([Cell(str(condition), len(body)), *cells])
    foot = "Crops are corrupted at their own size, reals and fakes alike; models, ensemble and threshold stay as they are."
    changed = table[table["condition"] != "clean"]
    loss = [
        [
            *(text_cell(row[name]) for name in ("model", "condition")),
            *(metric_cell(row, name, sign=name == "auc_change") for name in ("auc", "auc_change", "accuracy")),
        ]
        for _, row in changed.iterrows()
    ]
    titles = ("AUC", "change from clean", "accuracy")
    return [
        Table(f"AUC on test under each condition, {report.clips}", columns, body, foot),
        Table("Every change", [Column("model"), Column("condition"), *(Column(title, True) for title in titles)], loss, folded=True),
    ]


def _seeds(rows: pd.DataFrame, metric: str, best: float) -> Cell:
    if len(rows) == 1:
        return metric_cell(rows.iloc[0], metric, best=bool(rows.iloc[0][metric] == best))
    mean = rows[metric].mean()
    return number_cell(mean, share(mean))


def _cross(report: Report, table: pd.DataFrame) -> list[Block]:
    numbers = [Column(name, True) for name in ("clips", "fakes", "AUC", "accuracy")]
    columns = [Column("model"), Column("trained on"), Column("scored on"), *numbers, Column("better than guessing")]
    body = [
        [
            *(text_cell(row[name]) for name in ("model", "trained_on", "scored_on")),
            *(number_cell(row[name], count(row[name])) for name in ("n", "n_fake")),
            *(metric_cell(row, name) for name in ("auc", "accuracy")),
            text_cell(_against_chance(row)),
        ]
        for _, row in table.iterrows()
    ]
    pairs = report.table("cross_pairs.csv")
    caption = f"Every two models on another data set, with the 95 % interval of the difference, {report.clips}"
    tested = [] if pairs is None else [pair_table(caption, pairs, "dataset")]
    return [Table(f"Every model on every test part, {report.clips}", columns, body), *tested]


def _against_chance(row: pd.Series) -> str:
    if bool(row["chance"]):
        return "cannot be told"
    return "yes" if row["auc"] > 0.5 else "worse" if row["auc"] < 0.5 else ""


def _left_out(report: Report, table: pd.DataFrame) -> list[Block]:
    titles = ("clips", "fakes", "AUC with it", "AUC without it", "change", "caught with it", "caught without it")
    columns = [Column("method"), Column("model"), *(Column(title, True) for title in titles)]
    body = [
        [
            *(text_cell(row[name]) for name in ("method", "model")),
            *(number_cell(row[name], count(row[name])) for name in ("n", "n_fake")),
            *(metric_cell(row, name, sign=name == "change") for name in ("auc_before", "auc_after", "change")),
            *(metric_cell(row, name) for name in ("recall_before", "recall_after")),
        ]
        for _, row in table.iterrows()
    ]
    caption = f"Each method's fakes against all reals, with the method in training and without it; {report.clips}"
    pairs = report.table("leave_out_pairs.csv")
    if pairs is None or pairs.empty:
        return [Table(caption, columns, body)]
    tested = f"Every two models on a method that neither had seen, with the 95 % interval of the difference, {report.clips}"
    return [Table(caption, columns, body), pair_table(tested, pairs, "method")]
