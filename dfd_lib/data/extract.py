"""Many photos and videos -> face crops, the manifest and the coverage table.

Each file's crops lie in a folder of their own with `rows.json`, which says what
was seen, from which bytes and with which settings. The folder appears whole or
not at all, so an interrupted run continues where it stopped, and a file whose
content and settings are unchanged is not decoded again:

    out/crops/<name>-<hash of the path>/000120_0.png   frame 120, person 0
    out/crops/<name>-<hash of the path>/rows.json      see `dfd_lib.data.records`
    out/faces.json        the settings: crop, sampling, detector
    out/coverage.csv      one row a file: what was read, found, kept, or why not
    out/manifest.parquet  one row a crop; written last
    out/shards/           parts of the tables, see `dfd_lib.data.shards`
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from tqdm import tqdm

from dfd_lib.data.clips import skipped, verify_file
from dfd_lib.data.crops import CropSpec
from dfd_lib.data.cutting import cut_files
from dfd_lib.data.detectors import DETECTORS
from dfd_lib.data.faces import detector_version
from dfd_lib.data.frames import EVERY
from dfd_lib.data.manifest import FACTS, check_classes, check_listing, coverage_table, manifest_table, write_tables
from dfd_lib.data.names import folder_name
from dfd_lib.data.shards import Shard, begin_shard, write_shard
from dfd_lib.data.workers import Lost, run_jobs
from dfd_lib.paths import PART, whole

if TYPE_CHECKING:
    from dfd_lib.experiment import Faces

RULES = 2
"""Raise it with every change of the code that changes crops, so that old ones are made anew."""

VERIFY_LIMIT = 60
"""Seconds that a crop may take to be decoded."""


def extract(
    listing: pd.DataFrame,
    root: str | Path,
    out: str | Path,
    *,
    faces: "Faces",
    workers: int = 2,
    progress: bool = True,
    shard: Shard | None = None,
    problems: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Find and cut the faces of many files; run again, it continues.

    Of a photo all faces are kept, face 0 being the largest. In a clip faces are
    linked to people, of whom the lasting and large are kept (`main_people`). A
    file that takes longer than `faces.time_limit`, or whose decoder crashes, is
    skipped as any other bad file.

    Args:
        listing: one row a file, as `dfd_lib.data.sources` makes it.
        root: the folder that the listing's `file` is relative to.
        out: where crops and tables are written.
        faces: detector, sampling, margin, size, time limit, and whether swaps
            are cut where their originals' faces are (`cut_file` says more).
        workers: processes; each opens one detector. 0: in this process, where
            a crash of a decoder is a crash of all.
        progress: show a progress bar.
        shard: do only its files, and leave its part of the tables for
            `dfd_lib.data.shards.merge_shards`; others may be at work in `out`.
        problems: files that the listing left out, and why: file, reason. They
            go into the coverage.

    Returns:
        (manifest, coverage): the manifest sorted by path, paths relative to
        `out`; the coverage sorted by file, one row for every file of the
        listing or of the shard.

    Raises:
        ValueError: no face was found in any file, or in any of one class; the
            coverage is written by then and says why. Not of a shard.
        RuntimeError: processes die whatever they are given.
    """
    root, out = Path(root), Path(out)
    settings, listing = _settings(faces), _with_originals(check_listing(listing), faces.boxes)
    facts = {"settings": settings, "boxes": faces.boxes, "listing": _digest(listing, problems)}
    if shard:
        listing, problems = shard.of(listing), None if problems is None else shard.of(problems)
    (out / "manifest.parquet").unlink(missing_ok=True)  # it must never name crops that are being replaced
    begin_shard(out, shard)
    _clear(out, listing["file"], shard)  # what killed runs left
    with whole(out / "faces.json") as beside:
        beside.write_text(json.dumps({**settings, "boxes": faces.boxes}, indent=1) + "\n")
    results = cut_files(listing, root, out, settings, limit=faces.time_limit, workers=workers, progress=progress)
    _clear(out, listing["file"], shard)  # what files left that ended their process
    coverage = coverage_table(listing, results, problems)
    manifest = manifest_table(listing, results, lambda file, name: f"crops/{folder_name(file)}/{name}")
    if shard:
        write_shard(manifest, coverage, out, shard, facts)
    else:
        write_tables(manifest, coverage, out)
    return manifest, coverage


def verify_crops(
    listing: pd.DataFrame, root: str | Path, *, workers: int = 2, progress: bool = True, problems: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The manifest of files that are face crops already: each is decoded once, strictly.

    Args:
        listing: one row a file, as `dfd_lib.data.sources` makes it.
        root: the folder that the listing's `file` is relative to.
        workers: processes; 0: in this process.
        progress: show a progress bar.
        problems: files that the listing left out, as for `extract`.

    Returns:
        (manifest, coverage), as `extract`; paths are relative to `root`,
        `box_w` and `box_h` are the file's own size; `box_x`, `box_y` and
        `score` are NaN.

    Raises:
        ValueError: no file, or none of one class, can be used; or videos are among them.
    """
    if (films := check_listing(listing)["kind"] == "video").any():
        raise ValueError(
            f"crops: expected images that are face crops, came {films.sum()} videos among {len(listing)} files. "
            "Find their faces first: add a section `faces` to the recipe (such as `faces: {frames: 10}`), or use `dfd extract`."
        )
    jobs = {file: (Path(root) / file,) for file in listing["file"]}
    with tqdm(total=len(jobs), unit="crop", disable=not progress) as bar:
        results = run_jobs(verify_file, jobs, workers=workers, limit=VERIFY_LIMIT, batch=64, bar=bar)
    results = {file: skipped(jobs[file][0], ValueError(it.reason)) if isinstance(it, Lost) else it for file, it in results.items()}
    coverage = coverage_table(listing, results, problems)
    check_classes(coverage)
    return manifest_table(listing, results, lambda file, _: file), coverage


def crop_spec(faces: "Faces") -> CropSpec:
    """The crop that a recipe's `faces` section asks for."""
    return CropSpec(margin=faces.margin, size=faces.size, square=faces.square, align=faces.align)


def _settings(faces: "Faces") -> dict[str, Any]:
    """Everything but the file itself that decides its crops."""
    name, version = detector_version(faces.detector)
    if faces.align and not DETECTORS[name].landmarks:
        able = ", ".join(other for other, kind in DETECTORS.items() if kind.landmarks)
        raise ValueError(f"faces: align: expected a detector that finds the eyes, came {name!r}. Take one of {able}.")
    return {
        "rules": RULES,
        "crop": crop_spec(faces).to_dict(),
        "sampling": {"frames": faces.frames} if faces.frames else {"every": faces.every or EVERY},
        "detector": {"name": name, "version": version, "step": faces.step},
    }


def _with_originals(listing: pd.DataFrame, boxes: str) -> pd.DataFrame:
    """The listing with `original` empty unless a file is cut in that one's boxes: it must be listed, and be nobody's swap itself."""
    original = listing["original"] if boxes == "original" and "original" in listing else pd.Series("", listing.index)
    first = listing["file"][~original.isin(listing["file"])]
    return listing.assign(original=original.where(original.isin(first), ""))


def _digest(listing: pd.DataFrame, problems: pd.DataFrame | None) -> str:
    """A hash of the whole listing: shards of different listings do not belong together."""
    tables = [listing[FACTS].sort_values("file")] + ([] if problems is None else [problems])
    return hashlib.sha256("".join(table.to_csv(index=False) for table in tables).encode("utf-8", "surrogateescape")).hexdigest()


def _clear(out: Path, files: pd.Series, shard: Shard | None) -> None:
    """Remove what is half-written and nobody is writing any more; the folders of another shard's files may be in the making."""
    own = set(map(folder_name, files)) if shard else set()
    for left in (out / "crops").glob(f"{PART}*"):
        if not shard or left.name.removeprefix(PART).rpartition("-")[0] in own:
            left.unlink() if left.is_file() else shutil.rmtree(left, ignore_errors=True)
