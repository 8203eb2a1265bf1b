"""The page's section about searches of hyper-parameters: what they bought, what they chose, and their trials."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pandas as pd

from dfd_lib.formats import count, duration, share
from dfd_lib.report.blocks import Block, Cell, Column, Picture, Section, Table, Words, metric_cell, number_cell, text_cell
from dfd_lib.report.source import Report
from dfd_lib.tables import read_table

TOP = 10
"""So many trials are shown; the rest are counted."""


def tuning(report: Report) -> Section:
    """For all tuned models what it bought on test, in words and as a table; for each its settings, figures and trials."""
    blocks: list[Block] = []
    said = [line for line in report.text("tuning.txt").splitlines() if line.strip()]
    blocks += [Words(said)] if said else []
    table = report.table("tuning.csv")
    blocks += [] if table is None else [_gains(table, report.clips)]
    for best in sorted(report.folder.glob("tuning/*/best.json")):
        blocks += _search(report, best.parent)
    return Section("tuning", "What did tuning buy", blocks)


def _gains(table: pd.DataFrame, clips: str) -> Table:
    titles = ("trials", "AUC on val, recipe", "AUC on val, tuned", "AUC on test, recipe", "AUC on test, tuned", "gain on test")
    body = [
        [
            text_cell(row["model"]),
            number_cell(row["trials"], count(row["trials"])),
            *(number_cell(row[name], share(row[name])) for name in ("val_default", "val_tuned", "test_default", "test_tuned")),
            metric_cell(row, "gain", sign=True),
        ]
        for _, row in table.iterrows()
    ]
    caption = f"Tuned models and the same networks with the recipe's own settings, {clips}; gain with its 95 % interval, paired over groups"
    foot = "A search looks at val alone. The best of many trials owes part of its score there to luck, which test does not repay."
    return Table(caption, [Column("model"), *(Column(title, True) for title in titles)], body, foot)


def _search(report: Report, folder: Path) -> list[Block]:
    model, best = folder.name, json.loads((folder / "best.json").read_text(encoding="utf-8"))
    trials = read_table(folder / "trials.csv")
    pictures = report.pictures("search_progress", "search_scatter")
    own = [_of(one, model) for one in pictures if one.name in (f"search_progress_{model}", f"search_scatter_{model}")]
    return [_settings(model, best, report.clips), *own, _trials(model, trials, best, report.clips)]


def _of(one: Picture, model: str) -> Picture:
    """The figure of one model, in the words of its kind."""
    from dfd_lib.report.captions import describe

    known = describe(one.name.removesuffix(f"_{model}"))
    return dataclasses.replace(one, caption=f"{model}. {known.caption}")


def _settings(model: str, best: dict[str, Any], clips: str) -> Table:
    changed = {name: best["defaults"][name] != value for name, value in best["drawn"].items()}
    body = [
        [text_cell(name), Cell(_value(best["defaults"][name])), Cell(_value(value), best=changed[name])]
        for name, value in best["drawn"].items()
    ]
    caption = (
        f"{model}: the best of {count(best['trials'], 'trial')}, number {best['trial']}, AUC {share(best['val_auc'])} on val {clips}; "
    )
    caption += "bold is what it changes" if any(changed.values()) else "it is the recipe as it stands"
    return Table(caption, [Column("setting"), Column("recipe"), Column("best")], body)


def _trials(model: str, trials: pd.DataFrame, best: dict[str, Any], clips: str) -> Table:
    columns = [Column("trial", True), Column("AUC on val", True), Column("duration", True), Column("epochs", True)]
    columns += [Column("ended"), Column("what it changed")]
    body = [_trial(row, best["defaults"]) for _, row in trials.head(TOP).iterrows()]
    left = len(trials) - TOP
    total = f"{duration(trials['seconds'].sum())} in all."
    foot = f"{count(left, 'more trial')} in tuning/{model}/trials.csv; {total}" if left > 0 else total
    return Table(f"{model}: the trials of the search, best first; AUC {clips}", columns, body, foot, folded=True)


def _trial(row: pd.Series, defaults: dict[str, Any]) -> list[Cell]:
    changed = [f"{name} {_value(row[name])}" for name, value in defaults.items() if _value(row[name]) != _value(value)]
    ended = str(row["message"]) if row["status"] != "completed" else "stopped early" if row["stopped"] == "early" else "as planned"
    return [
        number_cell(row["trial"], count(row["trial"])),
        number_cell(row["val_auc"], share(row["val_auc"])),
        number_cell(row["seconds"], duration(row["seconds"])),
        number_cell(row["epochs"], count(row["epochs"])),
        text_cell(ended),
        text_cell(", ".join(changed) or "nothing, the recipe as it stands"),
    ]


def _value(value: Any) -> str:
    """A setting as it is written in a recipe, with three digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
