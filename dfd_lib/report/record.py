"""The page's sections about what went in and what ran: training, split, stamp."""

from pathlib import Path
from urllib.parse import quote

import pandas as pd

from dfd_lib.formats import count, duration, share
from dfd_lib.other_reads import other_reads
from dfd_lib.paths import recipe
from dfd_lib.report.blocks import Block, Cell, Code, Column, Items, Section, Table, Words, number_cell, text_cell
from dfd_lib.report.source import Report


def training(report: Report) -> Section:
    """One row a run: what was trained, how long, and which epoch was kept."""
    blocks: list[Block] = []
    runs = report.table("runs.csv")
    if runs is not None:
        titles = ("seed", "pixels", "parameters", "trainable", "epochs", "kept", "AUC on val", "images/s", "duration")
        columns = [Column("model"), *(Column(title, True) for title in titles)]
        total = f"{count(len(runs), 'run')}, {duration(runs['seconds'].sum())} of training in all."
        blocks.append(Table("Every training run", columns, [_run(row) for _, row in runs.iterrows()], total))
    return Section("training", "How they were trained", blocks + report.pictures("training"))


def _run(row: pd.Series) -> list[Cell]:
    whole = ("seed", "image_size", "parameters", "trainable", "epochs", "best_epoch")
    cells = [number_cell(row[name], count(row[name])) for name in whole]
    speed = number_cell(row["images_per_second"], count(row["images_per_second"]))
    return [
        text_cell(row["model"]),
        *cells,
        number_cell(row["val_auc"], share(row["val_auc"])),
        speed,
        number_cell(row["seconds"], duration(row["seconds"])),
    ]


def split(report: Report) -> Section:
    """The four parts, the audit that they share nothing, and what could leak all the same."""
    blocks: list[Block] = [*report.pictures("split")]
    table, audit = report.table("split.csv"), report.table("audit.csv")
    if table is not None:
        columns = [Column("part"), *(Column(name, True) for name in ("groups", "videos", "crops", "real", "fake"))]
        rows = [
            [text_cell(row["split"]), *(number_cell(row[name.title], count(row[name.title])) for name in columns[1:])]
            for _, row in table.iterrows()
        ]
        blocks.append(Table("The parts of the split", columns, rows))
    notes = [(line, "") for line in report.text("notes.txt").splitlines() if line.strip()]
    if notes:
        blocks.append(Items("What the split decided, and what could leak", notes))
    if audit is not None:
        blocks += _audit(audit)
    leaks = report.table("leaks.csv")
    if leaks is not None:
        columns = [Column(name) for name in ("check", "value", "part", "its crop", "part", "its crop")]
        body = [[text_cell(cell) for cell in row] for row in leaks.itertuples(index=False)]
        blocks.append(Table("What leaks, with a crop on either side: the first hundred of each check", columns, body, folded=True))
    return Section("split", "Is the split leak-free", blocks)


def _audit(audit: pd.DataFrame) -> list[Block]:
    fine = audit["ok"].astype(bool)
    checks = ", ".join(dict.fromkeys(audit["check"].astype(str)))
    if fine.all():
        words = Words([f"Audit: no two parts share a {checks} ({count(len(audit), 'check')})."], "good")
    else:
        words = Words([f"Audit: {count((~fine).sum(), 'check')} of {count(len(audit))} found values that two parts share."], "warning")
    columns = [Column("check"), Column("part"), Column("part"), Column("shared values", True), Column("crops", True)]
    columns += [Column("example"), Column("result")]
    rows = [_check(row) for _, row in audit.assign(fine=fine).sort_values("fine", kind="stable").iterrows()]
    return [words, Table("Audit: what two parts share", columns, rows, folded=bool(fine.all()))]


def _check(row: pd.Series) -> list[Cell]:
    numbers = [number_cell(row[name], count(row[name])) for name in ("shared", "rows")]
    names = [text_cell(row[name]) for name in ("check", "left", "right")]
    return [*names, *numbers, text_cell(row["example"]), text_cell("nothing shared" if row["fine"] else "LEAKS")]


def record(report: Report) -> Section:
    """Versions, machine, seeds, hashes, reads of `test`, notebooks, recipe, and the command that rebuilds the page."""
    blocks: list[Block] = []
    if report.stamp:
        rows = [[text_cell(name), text_cell(value)] for name, value in _facts(report.stamp)]
        blocks.append(Table("Versions, machine and hashes", [Column("what"), Column("value")], rows))
    reads = report.table("test_reads.csv")
    if reads is not None:
        names = ("date", "commit", "command", "result")
        rows = [[text_cell(row[name]) for name in names] for _, row in reads.iterrows()]
        blocks.append(Table(f"The test part was read {count(len(reads), 'time')}", [Column(name) for name in names], rows))
        if elsewhere := other_reads(report.recipe):
            blocks.append(Words([elsewhere], "warning"))
    links = [(path.stem, f"notebooks/{quote(path.name)}") for path in report.notebooks()]
    if links:
        blocks.append(Items("Executed notebooks, beside this page on the machine that ran it", links, folded=len(links) > 8))
    source = recipe(report.recipe.name)
    if source.is_file():
        blocks.append(Code("Recipe", _read(source), folded=True))
    blocks.append(Code("Rebuild this page", f"make report EXPERIMENT={report.recipe.name}"))
    return Section("record", "What ran", blocks)


def _facts(stamp: dict) -> list[tuple[str, str]]:
    facts = []
    for name, value in stamp.items():
        if name == "seconds":
            facts.append(("training time", duration(value)))
        elif isinstance(value, dict):
            facts += [(str(part), str(own)) for part, own in value.items()]
        else:
            facts.append((name.replace("_", " "), ", ".join(map(str, value)) if isinstance(value, list) else str(value)))
    return facts


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()
