"""What the media of an experiment are, before anything is learnt: facts, coverage, a look at the crops."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from dfd_lib.data.differences import coverage_facts, differences
from dfd_lib.data.probe import probe
from dfd_lib.data.sources import list_source
from dfd_lib.experiment import Experiment
from dfd_lib.figures import contact_sheet, face_sizes, save
from dfd_lib.paths import faces_dir, find_source, report_dir
from dfd_lib.process import workers
from dfd_lib.stages.media import list_media, read_faces, sample_crops
from dfd_lib.stages.places import source_dir
from dfd_lib.tables import read_table, write_table


def survey_media(experiment: Experiment, *, progress: bool = False) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Where real and fake differ without their faces.

    Writes differences.csv of the report, and facts.parquet (see
    `dfd_lib.data.probe`) beside the crops.

    Args:
        experiment: one whose faces were found already.
        progress: show a progress bar.

    Returns:
        (coverage, differences): one row a file; one row a fact, see
        `dfd_lib.data.differences`.

    Raises:
        ValueError: there are files that nobody looked for faces in.
    """
    root = source_dir(experiment)
    listing, _ = list_media(experiment, root)
    coverage = read_table(faces_dir(experiment.name) / "coverage.csv")
    found = _found(listing, coverage)
    facts = probe(listing, root, workers=workers(), progress=progress)
    write_table(facts, faces_dir(experiment.name) / "facts.parquet")
    known = _belonging(facts, listing).merge(found, on="file")
    table = differences(known, resamples=experiment.evaluation.resamples, seed=experiment.split.seed)
    write_table(table, report_dir(experiment.name) / "differences.csv")
    return coverage, table


def _belonging(facts: pd.DataFrame, listing: pd.DataFrame) -> pd.DataFrame:
    """The facts, and what each file belongs to besides its group, which may be all of the data."""
    return facts.merge(listing[["file", "person", "source", "video"]], on="file")


def _found(listing: pd.DataFrame, coverage: pd.DataFrame) -> pd.DataFrame:
    """What the coverage says of each listed file; those that could not be listed have a row there too, but no label."""
    listed = coverage[coverage["label"] >= 0]
    new = sorted({*listing["file"]} - {*listed["file"]})
    if new:
        raise ValueError(f"coverage.csv: expected a row of every file, none came of {len(new)} ({new[0]}). Rerun `dfd report`.")
    return coverage_facts(listed).assign(file=listed["file"])


def survey_source(
    source: str | Path, out: str | Path, *, layout: str = "auto", groups: str | None = None
) -> tuple[pd.DataFrame, dict[str, str]]:
    """The same of any folder of media, whose faces nobody has looked for.

    Args:
        source: a folder, or its name; see `dfd_lib.paths.find_source`.
        out: where the facts are written (.parquet or .csv), one row a file.
        layout, groups: as `dfd_lib.data.sources.list_source` takes them.

    Returns:
        (differences, bad): one row a fact; from each file of which nothing is
        known to the reason.
    """
    listing, problems = list_source(source, layout=layout, groups=groups)
    facts = probe(listing, find_source(source), workers=workers())
    write_table(facts, out)
    bad = pd.concat([facts[facts["reason"] != ""], problems])
    return differences(_belonging(facts, listing)), dict(zip(bad["file"], bad["reason"], strict=True))


def show_face_sizes(experiment: Experiment) -> Figure:
    """How large the faces are in their files; written to figures/face_sizes.png."""
    faces = experiment.faces
    # a crop shows the box with a margin on both sides
    enlarged = faces.size / (1 + 2 * faces.margin) if faces else None
    return save(face_sizes(read_faces(experiment), enlarged), report_dir(experiment.name) / "figures/face_sizes.png")


def show_crops(experiment: Experiment, *, count: int, seed: int) -> Figure:
    """A contact sheet of random crops, `count` of each class.

    Only of drawn faces is it written to figures/contact_sheet.png: other
    people's faces are for looking at, and never in a report.
    """
    sheet = contact_sheet(sample_crops(experiment, read_faces(experiment), count=count, seed=seed))
    plt.close(sheet)  # shown where a notebook's cell ends with this call, and once
    if experiment.data.source == "demo":
        save(sheet, report_dir(experiment.name) / "figures/contact_sheet.png")
    return sheet
