"""The page's section about the media: were faces found, as often in both classes, and what else tells real from fake."""

import pandas as pd

from dfd_lib.formats import between, count, percent
from dfd_lib.report.blocks import Block, Cell, Column, Section, Table, Words, metric_cell, number_cell, text_cell
from dfd_lib.report.source import Report

SKIPPED_SHOWN = 20
"""So many skipped files are named; the rest are counted."""

_LABELS = {0: "real", 1: "fake", -1: "unknown"}


def coverage(report: Report) -> Section:
    """Coverage by class, warnings of what a model could learn instead of the face, the facts, and which files were skipped."""
    table, facts = report.table("coverage.csv"), report.table("differences.csv")
    blocks: list[Block] = []
    if table is not None:
        blocks += [] if facts is None else [_warnings(facts)]
        blocks += [*report.pictures("coverage"), _classes(table), *report.pictures("differences")]
        blocks += [] if facts is None else [_facts(facts)]
        blocks += [*report.pictures("face_sizes", "contact_sheet"), *_skipped(table[table["status"] == "skipped"])]
    return Section("coverage", "Were the faces found", blocks)


def _classes(table: pd.DataFrame) -> Table:
    numbers = ("files", "with a face", "share", "frames read", "faces kept", "skipped")
    rows = [_class(str(_LABELS.get(label, label)), own) for label, own in sorted(table.groupby("label"), key=lambda part: part[0])]
    return Table("Files by class", [Column("class"), *(Column(name, True) for name in numbers)], rows)


def _warnings(facts: pd.DataFrame) -> Words:
    warned = facts[facts["warn"].astype(bool)]
    if len(warned):
        head = f"{count(len(warned), 'fact')} of the files could be learnt instead of the face:"
        return Words([head, *(_sentence(row) for _, row in warned.iterrows())], "warning")
    if facts["auc_low"].isna().all():
        return Words(["Too few groups to tell whether real and fake files differ in anything but the face."], "warning")
    return Words([f"None of {count(len(facts), 'fact')} of the files tells real from fake well enough to warn."], "good")


def _sentence(row: pd.Series) -> str:
    alone = between(row["auc"], row["auc_low"], row["auc_high"])
    return f"{_name(row)}: real {row['real']}, fake {row['fake']}. It alone tells fake from real with an AUC of {alone}."


def _facts(facts: pd.DataFrame) -> Table:
    columns = [Column("fact"), Column("real", hint="median, or the commonest with its share"), Column("fake")]
    columns += [Column("n real", True), Column("n fake", True), Column("AUC alone", True)]
    columns += [Column("resampled", hint="what its interval resamples"), Column("result")]
    rows = [
        [
            *(text_cell(value) for value in (_name(row), row["real"], row["fake"])),
            *(number_cell(row[name], count(row[name])) for name in ("n_real", "n_fake")),
            metric_cell(row, "auc"),
            text_cell(row.get("unit", "group")),
            text_cell("WARNS" if bool(row["warn"]) else "too few groups" if pd.isna(row["auc_low"]) else ""),
        ]
        for _, row in facts.iterrows()
    ]
    return Table("What tells real from fake without a look at the face", columns, rows)


def _name(row: pd.Series) -> str:
    return str(row["fact"]).replace("_", " ")


def _class(name: str, own: pd.DataFrame) -> list[Cell]:
    kept, skipped = int((own["faces_kept"] > 0).sum()), int((own["status"] == "skipped").sum())
    numbers = [number_cell(number, count(number)) for number in (len(own), kept)]
    sums = [number_cell(number, count(number)) for number in (own["frames_read"].sum(), own["faces_kept"].sum(), skipped)]
    return [text_cell(name), *numbers, number_cell(kept / len(own), percent(kept / len(own), 1)), *sums]


def _skipped(rows: pd.DataFrame) -> list[Block]:
    if rows.empty:
        return [Words(["No file was skipped."], "good")]
    body = [
        [text_cell(row["file"]), text_cell(_LABELS.get(row["label"], row["label"])), text_cell(row["reason"])]
        for _, row in rows.head(SKIPPED_SHOWN).iterrows()
    ]
    left = len(rows) - SKIPPED_SHOWN
    foot = f"{count(left, 'more skipped file')} in coverage.csv." if left > 0 else ""
    return [Table(f"Skipped: {count(len(rows), 'file')}", [Column("file"), Column("class"), Column("reason")], body, foot)]
