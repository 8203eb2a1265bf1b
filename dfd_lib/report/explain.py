"""The page's section about what models look at, and which crops they get wrong; all of it on val."""

import dataclasses

import pandas as pd

from dfd_lib.formats import count, percent, share
from dfd_lib.report.blocks import Block, Cell, Column, Picture, Section, Table, Words, number_cell, text_cell
from dfd_lib.report.source import Report

_MAPS = (
    "Crops of val that {model} gets most wrong, and those it gets most surely right, each of another clip: the crop; Grad-CAM, what the "
    "last convolution counts for FAKE; occlusion, where hiding a place makes the crop look less fake (orange) or more (blue). Heat "
    "beside the face is a sign that the network learnt something else."
)


def explain(report: Report) -> Section:
    """On how many crops the models agree, heat maps of the best of them, and everybody's worst errors."""
    agreement, extremes = report.table("agreement.csv"), report.table("extremes.csv")
    title = "What they look at, and what they get wrong"
    if agreement is None:
        return Section("explain", title)
    blocks: list[Block] = [Words([_agreement_words(agreement)]), *map(_with_model, report.pictures("heat")), _agreement_table(agreement)]
    return Section("explain", title, blocks if extremes is None else [*blocks, _errors(extremes)])


def _agreement_words(table: pd.DataFrame) -> str:
    models, crops = len(table) - 1, count(table["crops"].sum(), "crop")
    nobody, everybody = (percent(share) for share in table["share"].iloc[[0, -1]])
    if models == 1:
        return f"The only model is right on {everybody} of the {crops} of val."
    said = f"Of the {crops} of val, all {models} models are right on {everybody}, none on {nobody}."
    return f"{said} What no model gets right is hard, mislabelled or no face; what only some get right is what an ensemble gains from."


def _with_model(picture: Picture) -> Picture:
    model = picture.name.removeprefix("heat_")
    return dataclasses.replace(picture, caption=_MAPS.format(model=model), alt=f"Faces, and heat maps of {model} on them.")


def _agreement_table(table: pd.DataFrame) -> Table:
    columns = [Column(name, True) for name in ("models that are right", "crops", "share", "of them fake")]
    rows = [
        [
            *(number_cell(row[name], count(row[name])) for name in ("right", "crops")),
            number_cell(row["share"], percent(row["share"])),
            number_cell(row["fakes"], count(row["fakes"])),
        ]
        for _, row in table.iterrows()
    ]
    return Table("On how many crops of val how many models are right", columns, rows, folded=True)


def _errors(table: pd.DataFrame) -> Table:
    worst = table[table["case"] == "error"]
    rows = [
        [text_cell(row["model"]), _truth(row), text_cell(row["path"]), number_cell(row["p_fake"], share(row["p_fake"]))]
        for _, row in worst.iterrows()
    ]
    columns = [Column("model"), Column("is"), Column("crop"), Column("p_fake", True)]
    return Table("The surest errors of each model on val, each of another clip", columns, rows, folded=True)


def _truth(row: pd.Series) -> Cell:
    return text_cell("fake" if row["label"] else "real")
