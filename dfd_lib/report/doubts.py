"""The page's sections about what good numbers may be worth: the leak tax, shortcuts, and what others published."""

import pandas as pd

from dfd_lib.formats import count, percent
from dfd_lib.report.blocks import Block, Cell, Column, Section, Table, Words, metric_cell, number_cell, text_cell
from dfd_lib.report.source import Report

TUNED = "tuned LeNet"
"""The published accuracy that the leak tax stands beside."""


def leak_tax(report: Report) -> Section:
    """One model on frames at random and on whole groups, and their difference."""
    table, title = report.table("leak_tax.csv"), "What would a leak have bought"
    if table is None:
        return Section("leak_tax", title)
    columns = [Column("split"), *(Column(name, True) for name in ("trained on", "tested on", "groups", "of them torn"))]
    columns += [Column("accuracy", True), Column("as if frames were independent", True), Column("AUC", True)]
    columns += [Column("as if frames were independent", True)]
    foot = "Torn: the share of the test crops that have others of their group in train. Level: single crops, since frames at random tear "
    foot += "clips apart. Intervals are from resampled groups and seeds; those as if frames were independent are what is usually printed."
    body = [_split(row) for _, row in table.iterrows()]
    caption = f"{table['model'].iloc[0]}, {count(table['seeds'].max(), 'seed')}: equally many crops, dealt out in two ways"
    blocks: list[Block] = [Words([report.text("leak_tax.txt"), *_published(report)]), *report.pictures("leak_tax")]
    return Section("leak_tax", title, [*blocks, Table(caption, columns, body, foot)])


def _published(report: Report) -> list[str]:
    claims = report.table("claims.csv")
    known = None if claims is None else claims[claims["model"] == TUNED]
    if known is None or known.empty:
        return []
    printed = percent(known["printed"].iloc[0])
    return [f"{known['system'].iloc[0]} published {printed} for a tuned LeNet on frames split at random, on data of its own."]


def _split(row: pd.Series) -> list[Cell]:
    sign = pd.isna(row["n_test"])
    whole = [number_cell(row[name], count(row[name])) for name in ("n_train", "n_test", "groups")]
    cells = [text_cell(row["split"]), *whole, Cell("–") if sign else number_cell(row["torn"], percent(row["torn"]))]
    for metric in ("accuracy", "auc"):
        printed = pd.Series({"x": row[metric], "x_low": row[f"{metric}_rows_low"], "x_high": row[f"{metric}_rows_high"]})
        cells += [metric_cell(row, metric, sign=sign), Cell("–") if sign else Cell(metric_cell(printed, "x").interval)]
    return cells


def shortcuts(report: Report) -> Section:
    """What a classifier gets that sees no face, a row a family of facts."""
    table, title = report.table("shortcuts.csv"), "Can labels be guessed without the face"
    if table is None:
        return Section("shortcuts", title)
    said = report.text("shortcuts.txt").splitlines()
    tone = "warning" if table["warn"].any() or table["auc"].isna().all() else "good"
    columns = [
        Column("facts of"),
        Column("what they are"),
        Column("AUC of the guess", True),
        Column("labels shuffled", True),
        Column("result"),
    ]
    body = [
        [
            Cell(f"{row['family']}{' of the crop' if row['kind'] == 'crop' and not row['family'].endswith('crop') else ''}", place),
            text_cell(str(row["facts"]).replace("_", " ")),
            metric_cell(row, "auc"),
            metric_cell(row, "shuffled"),
            text_cell("WARNS" if bool(row["warn"]) else "too few groups" if pd.isna(row["auc"]) else ""),
        ]
        for place, (_, row) in enumerate(table.iterrows())
    ]
    first = table.iloc[0]
    caption = (
        f"A classifier that sees no pixel, on groups it was not fitted on: {count(first['n'], 'file')} of {count(first['groups'], 'group')}"
    )
    foot = (
        "Brightness, sharpness and colour are those of the whole crop, and partly of the face: a swap that blurs is less sharp, which is "
    )
    foot += "evidence, but the first thing that compression takes away. A JPEG's size in bytes tells how sharp it is, too."
    return Section("shortcuts", title, [Words(said, tone), *report.pictures("shortcuts"), Table(caption, columns, body, foot)])


def claims(report: Report) -> Section:
    """What five systems published, computed again from their matrices."""
    table, title = report.table("claims.csv"), "What others published, computed again"
    if table is None:
        return Section("claims", title)
    wrong = table[table["check"] == "does not add up"]
    words = [f"{row['system']}, {row['model']}: {row['remark']}." for _, row in wrong.iterrows()]
    columns = [Column("system"), Column("model"), Column("n", True), Column("accuracy as printed", True)]
    columns += [Column(name, True) for name in ("accuracy", "precision", "recall", "F1", "commoner class")]
    columns += [Column("result"), Column("remark")]
    body = [
        [
            *(text_cell(row[name]) for name in ("system", "model")),
            number_cell(row["n"], count(row["n"])),
            number_cell(row["printed"], percent(row["printed"], 2)),
            *(metric_cell(row, name) for name in ("accuracy", "precision", "recall", "f1")),
            number_cell(row["majority"], percent(row["majority"], 1)),
            *(text_cell(row[name]) for name in ("check", "remark")),
        ]
        for _, row in table.iterrows()
    ]
    foot = "Their numbers on their data and splits. Fake is the positive class. Intervals are Wilson's, of rows taken for independent, the "
    foot += "narrowest that could be true: most rows are frames of few clips. Where only accuracies were published, none can be given."
    blocks: list[Block] = [Words(words, "warning")] if words else []
    return Section("claims", title, [*blocks, Table("Published results", columns, body, foot, folded=True)])
