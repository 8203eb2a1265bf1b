"""The step that asks whether labels can be guessed from what is not a face."""

import pandas as pd

from dfd_lib.experiment import Experiment
from dfd_lib.paths import faces_dir, report_dir, whole
from dfd_lib.process import workers
from dfd_lib.stages.media import list_media, read_faces
from dfd_lib.stages.places import crops_root, source_dir
from dfd_lib.tables import read_table, write_table

WRITES = ("shortcuts.csv", "shortcuts.txt")
"""The table, see `dfd_lib.evaluation.shortcuts`, and what came out in words."""


def find_shortcuts(experiment: Experiment) -> pd.DataFrame:
    """Try to guess labels without looking at faces; writes `WRITES` of the report.

    Facts are those of the survey, which is made first where it was not, and how
    the crops of each file look, see `dfd_lib.data.looks`.

    Args:
        experiment: one whose faces were found.

    Returns:
        See `dfd_lib.evaluation.shortcuts`.
    """
    from dfd_lib.evaluation.shortcuts import shortcuts, verdict

    facts = file_facts(experiment)
    table = shortcuts(facts, resamples=experiment.evaluation.resamples, seed=experiment.split.seed)
    out = report_dir(experiment.name)
    write_table(table, out / "shortcuts.csv")
    with whole(out / "shortcuts.txt") as beside:
        beside.write_text("".join(f"{line}\n" for line in verdict(table)), encoding="utf-8")
    return table


def file_facts(experiment: Experiment) -> pd.DataFrame:
    """Everything that is known of each file besides its faces: one row a readable file, of several crops their medians."""
    from dfd_lib.data.differences import coverage_facts
    from dfd_lib.data.looks import looks
    from dfd_lib.stages.survey import survey_media

    folder, manifest = faces_dir(experiment.name), read_faces(experiment)
    if not (folder / "facts.parquet").is_file():
        survey_media(experiment)
    facts = read_table(folder / "facts.parquet")
    facts = facts[facts["reason"] == ""]
    listing, _ = list_media(experiment, source_dir(experiment))
    coverage = read_table(folder / "coverage.csv")
    listed = coverage[coverage["label"] >= 0]
    facts = facts.merge(coverage_facts(listed).assign(file=listed["file"]), on="file")
    return _with_crops(
        facts.merge(listing[["file", "video"]], on="file"), manifest, looks(manifest, crops_root(experiment), workers=workers())
    )


def _with_crops(facts: pd.DataFrame, manifest: pd.DataFrame, looked: pd.DataFrame) -> pd.DataFrame:
    """Join each file's crops: by the file where it is a crop itself, else by its clip."""
    from dfd_lib.data.looks import LOOKS

    key, by = ("file", "path") if set(manifest["path"]) <= set(facts["file"]) else ("video", "video")
    boxed = manifest["box_x"].notna()  # else the box is the file itself
    crops = manifest.assign(face_width=manifest["box_w"].where(boxed), face_height=manifest["box_h"].where(boxed))
    crops = crops.assign(middle_x=crops["box_x"] + crops["box_w"] / 2, middle_y=crops["box_y"] + crops["box_h"] / 2)
    numbers = ["score", "face_width", "face_height", "middle_x", "middle_y", *LOOKS]
    typical = crops.merge(looked, on="path").groupby(by)[numbers].median()
    table = facts.join(typical, on=key)
    return table.assign(face_x=table["middle_x"] / table["width"], face_y=table["middle_y"] / table["height"])
