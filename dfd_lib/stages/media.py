"""From media to a split manifest: draw, list, find faces, split."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from dfd_lib.data.sources import list_source
from dfd_lib.experiment import Experiment
from dfd_lib.paths import faces_dir, report_dir, whole
from dfd_lib.process import workers
from dfd_lib.stages.places import crops_root, source_dir
from dfd_lib.tables import check_manifest, read_table, write_table


def draw_clips(experiment: Experiment) -> Path:
    """Draw the embedded demo clips; returns their listing."""
    from dfd_lib.data.demo import draw_demo

    draw_demo(source_dir(experiment), **experiment.demo.model_dump(), workers=workers())
    return source_dir(experiment) / "listing.csv"


def find_faces(experiment: Experiment, shard: str | None = None, tell: Callable[[str], object] = str) -> Path:
    """List the media, find and cut the faces, or a shard of them, such as 2/8.

    Args:
        experiment: says which media, and how faces are found.
        shard: which part.
        tell: is given a line on the files that are no media, unless we drew them ourselves.

    Returns:
        The manifest, not split yet.
    """
    from dfd_lib.data.extract import extract, verify_crops
    from dfd_lib.data.shard import Shard

    root, out = source_dir(experiment), faces_dir(experiment.name)
    listing, problems = list_media(experiment, root, str if experiment.data.source == "demo" else tell)
    how = {"workers": workers(), "problems": problems}
    if experiment.faces:
        extract(listing, root, out, faces=experiment.faces, shard=Shard.parse(shard) if shard else None, **how)
    else:
        manifest, coverage = verify_crops(listing, root, **how)
        write_table(coverage, out / "coverage.csv")
        write_table(manifest, out / "manifest.parquet")
    return out / "manifest.parquet"


def split_faces(experiment: Experiment) -> pd.DataFrame:
    """Split the manifest by group and audit it; writes manifest, split, audit and notes of the report."""
    from dfd_lib.data import splits

    out = report_dir(experiment.name)
    manifest, notes = splits.split(read_faces(experiment), experiment.split.shares(), experiment.split.seed)
    write_table(splits.summary(manifest), out / "split.csv")
    write_table(splits.audit(manifest), out / "audit.csv")
    write_table(splits.leaks(manifest), out / "leaks.csv")
    write_table(read_table(faces_dir(experiment.name) / "coverage.csv"), out / "coverage.csv")
    with whole(out / "notes.txt") as beside:
        beside.write_text("".join(f"{note}\n" for note in notes))
    manifest = check_manifest(manifest)
    if not _is_written(manifest, out / "manifest.parquet"):
        write_table(manifest, out / "manifest.parquet")
    return manifest


def _is_written(manifest: pd.DataFrame, path: Path) -> bool:
    """Whether the same split lies there already: trainings depend on its file, and would run again if it were written again."""
    return path.is_file() and read_table(path).equals(manifest)


def read_faces(experiment: Experiment) -> pd.DataFrame:
    """The manifest before the split; drawn and found first where that was not done yet."""
    path = faces_dir(experiment.name) / "manifest.parquet"
    if not path.exists():
        if experiment.data.source == "demo":
            draw_clips(experiment)
        find_faces(experiment)
    return check_manifest(read_table(path))


def read_manifest(experiment: Experiment) -> pd.DataFrame:
    """The split manifest; drawn, found and split first where that was not done yet."""
    path = report_dir(experiment.name) / "manifest.parquet"
    if not path.exists():
        split_faces(experiment)
    return check_manifest(read_table(path))


def sample_crops(experiment: Experiment, manifest: pd.DataFrame, *, count: int, seed: int) -> dict[str, list[np.ndarray]]:
    """Random crops of different clips, `count` of each class, for a contact sheet."""
    from dfd_lib.data.crops import read_image

    root = crops_root(experiment)
    chosen = {}
    for label, name in enumerate(("real", "fake")):
        rows = manifest[manifest["label"] == label].sample(frac=1, random_state=seed)
        chosen[name] = [read_image(root / path) for path in rows.drop_duplicates("video")["path"].head(count)]
    return chosen


def list_media(experiment: Experiment, root: Path, tell: Callable[[str], object] = str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List the media of a recipe, no more than its `limit`.

    Args:
        experiment: says layout, groups and limit.
        root: where its media are.
        tell: is given a line on the files that are no media.

    Returns:
        The listing and the problems, as `dfd_lib.data.sources.list_source`.

    Raises:
        ValueError: as `list_source`; several data sets; no group is within the limit.
    """
    listing, problems = list_source(root, layout=experiment.data.layout, groups=experiment.data.groups, tell=tell)
    if (names := sorted(listing["dataset"].unique()))[1:]:
        raise ValueError(
            f"data source {experiment.data.source!r}: expected one data set, came {', '.join(names)}. "
            "Write a recipe for each, or give all files one name in the listing's column `dataset`."
        )
    if experiment.data.limit:
        listing = _some_groups(listing, experiment.data.limit, experiment.split.seed)
    return listing, problems


def _some_groups(listing: pd.DataFrame, limit: int, seed: int) -> pd.DataFrame:
    """Whole groups in random order until `limit` files are reached."""
    order = pd.Series(listing["group"].unique()).sample(frac=1, random_state=seed)
    sizes = listing.groupby("group").size()[order]
    chosen = sizes.index[sizes.cumsum() <= limit]
    if not len(chosen):
        raise ValueError(f"data.limit: expected at least the {sizes.iloc[0]} files of one group, came {limit}. Raise it, or leave it out.")
    return listing[listing["group"].isin(chosen)]
