"""The page's section about what was promised on `calib` and what came of it on `test`."""

import numpy as np
import pandas as pd

from dfd_lib.formats import count, percent, share
from dfd_lib.report.blocks import Block, Cell, Column, Section, Table, Words, metric_cell, number_cell, text_cell
from dfd_lib.report.source import Report
from dfd_lib.report.verdict import best_single, main_level

_TITLE = "Can p_fake be trusted"

_RULES = {"recipe": "the recipe's", "youden": "Youden's (recall minus false alarms)", "f1": "largest F1"}

_PRECISIONS = {f"precision_1_in_{many}": f"right alarms at 1 fake in {many:,}" for many in (10, 100, 1000)}

_VERDICTS = {"error_real": "errors on reals", "error_fake": "errors on fakes", "wrong": "sure and wrong", "unsure": "UNSURE"}


def promises(report: Report) -> Section:
    """Calibration, operating points and verdicts: for each a sentence, a figure, the best model's table, and all models'."""
    blocks: list[Block] = []
    if report.table("calibration.csv") is None:
        return Section("promises", _TITLE, blocks)
    said = [*report.text("calibration.txt").splitlines(), "", "", ""]
    parts = (("calibration", "reliability", _calibration), ("operating", "operating", _operating), ("conformal", "verdicts", _verdicts))
    for line, (name, figure, build) in zip(said, parts, strict=False):
        blocks += [Words([line])] if line else []
        blocks += report.pictures(figure, note=report.by_which_rule)
        table = report.table(f"{name}.csv")
        if table is not None:
            blocks += build(*_chosen(report, table))
    ensemble = report.text("ensemble_calibration.txt").splitlines()
    return Section("promises", _TITLE, [*blocks, *([Words(ensemble)] if ensemble else [])])


def _chosen(report: Report, table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All rows at the main level, and those of the best single model's first seed."""
    rows = table[table["level"] == main_level(table)]
    rows = rows.assign(how=rows["aggregator"].map(report.by_clip))
    best = best_single(report)
    own = rows[rows["model"] == (best.model if best and best.model in set(rows["model"]) else rows["model"].iloc[0])]
    return rows, own[own["seed"] == own["seed"].iloc[0]]


def _calibration(rows: pd.DataFrame, own: pd.DataFrame) -> list[Block]:
    titles = ("log loss on calib, out of fold", "log loss on test", "change", "Brier score on test", "ECE on test")
    columns = [Column("calibration"), *(Column(title, True) for title in titles)]
    first = own.iloc[0]
    fitted = f"{count(first['n_calib'], 'row')} of {count(first['groups_calib'], 'group')} of calib"
    measured = f"{count(first['n'])} of {count(first['groups'])} of test"
    caption = f"{_who(own)}: calibrations fitted on {fitted}, measured on {measured}; bold is the one that calib chose"
    body = [[Cell(_method(row), place, best=bool(row["chosen"])), *_losses(row)] for place, (_, row) in enumerate(own.iterrows())]
    chosen = rows[rows["chosen"].astype(bool)]
    every = [[text_cell(row["model"]), *_seed(row, rows), text_cell(_method(row)), *_losses(row)] for _, row in chosen.iterrows()]
    return [Table(caption, columns, body), _folded("All models: the calibration that calib chose", rows, columns, every)]


def _method(row: pd.Series) -> str:
    return "none, as it came" if row["method"] == "none" else str(row["method"])


def _losses(row: pd.Series) -> list[Cell]:
    change = Cell("–") if row["method"] == "none" else metric_cell(row, "log_loss_change", sign=True)
    tested = [metric_cell(row, "log_loss"), change, metric_cell(row, "brier"), metric_cell(row, "ece")]
    return [number_cell(row["calib_log_loss"], share(row["calib_log_loss"])), *tested]


def _operating(rows: pd.DataFrame, own: pd.DataFrame) -> list[Block]:
    names = ("reals called fake", "fakes called fake", *_PRECISIONS.values())
    columns = [Column("threshold fixed on calib"), Column("p_fake from", True), *(Column(name, True) for name in names)]
    body = []
    for place, (_, row) in enumerate(own.iterrows()):
        limit = number_cell(row["threshold"], share(row["threshold"])) if row["available"] else Cell("not available")
        body.append([Cell(_rule(row), place), limit, *(metric_cell(row, name) for name in ("false_alarm_rate", "recall", *_PRECISIONS))])
    first = own.iloc[0]
    reals = f"calib has {count(first['reals_calib'], 'real')}, test {count(first['reals'])}"
    foot = (
        f"A share of false alarms can be fixed where 1 / share reals are in calib; {reals}. Right alarms are the share of alarms that are "
    )
    foot += "right where so few are fake; – where test has no false alarm to tell it by."
    return [Table(f"{_who(own)}: operating points, measured on test", columns, body, foot), _at_equal_price(rows)]


def _rule(row: pd.Series) -> str:
    return _RULES.get(row["rule"], row["rule"]) if pd.isna(row["promised"]) else f"at most {percent(row['promised'])} false alarms"


def _at_equal_price(rows: pd.DataFrame) -> Table:
    """Every model's recall where its own ROC curve on test has a given share of false alarms."""
    rates = sorted(rows["promised"].dropna().unique())
    columns = [Column(f"fakes caught at {percent(rate)} false alarms", True) for rate in rates]
    body = []
    for _, own in rows.groupby(["model", "seed"], sort=False):
        cells = [metric_cell(own[np.isclose(own["promised"], rate)].iloc[0], "recall_on_curve") for rate in rates]
        body.append([text_cell(own["model"].iloc[0]), *_seed(own.iloc[0], rows), *cells])
    return _folded("All models at an equal price: on each model's own ROC curve on test", rows, columns, body)


def _verdicts(rows: pd.DataFrame, own: pd.DataFrame) -> list[Block]:
    titles = ("groups in calib", "needed", *_VERDICTS.values())
    columns = [Column("errors promised, each class"), *(Column(title, True) for title in titles)]
    body = [_verdict(row) for _, row in own.iterrows()]
    every = [[text_cell(row["model"]), *_seed(row, rows), *_verdict(row)] for _, row in rows.iterrows()]
    foot = "Measured on test: the share of reals and of fakes whose truth was ruled out, each group weighing the same. "
    foot += "The promise holds on average over what calib might have been, so that a little more is no breach."
    caption = f"{_who(own)}: verdicts REAL, FAKE or UNSURE that promise an error rate for a new group"
    return [Table(caption, columns, body, foot), _folded("All models: verdicts", rows, columns, every)]


def _verdict(row: pd.Series) -> list[Cell]:
    there = min(row["groups_real"], row["groups_fake"])
    groups = [number_cell(many, count(many)) for many in (there, row["groups_needed"])]
    told = [metric_cell(row, name) for name in _VERDICTS] if row["available"] else [Cell("not available"), *[Cell("–")] * 3]
    return [number_cell(row["promised"], f"at most {percent(row['promised'])}"), *groups, *told]


def _who(own: pd.DataFrame) -> str:
    row = own.iloc[0]
    return f"{row['model']} {'by crop' if row['level'] == 'frame' else row['how']}"


def _seed(row: pd.Series, rows: pd.DataFrame) -> list[Cell]:
    """The seed's cell, where there are several."""
    return [number_cell(row["seed"], str(row["seed"]))] if rows["seed"].nunique() > 1 else []


def _folded(caption: str, rows: pd.DataFrame, columns: list[Column], body: list[list[Cell]]) -> Table:
    """A table of every model: `columns` after the model's name and, of several seeds, the seed."""
    seed = [Column("seed", True)] if rows["seed"].nunique() > 1 else []
    return Table(caption, [Column("model"), *seed, *columns], body, folded=True)
