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
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from tqdm import tqdm

from dfd_lib.data.chunks import table_of
from dfd_lib.data.clips import Record, crop_record, skipped, verify_file
from dfd_lib.data.crops import CropSpec
from dfd_lib.data.cutting import Cutting
from dfd_lib.data.detectors import DETECTORS
from dfd_lib.data.faces import detector_version
from dfd_lib.data.frames import EVERY
from dfd_lib.data.leftovers import remove_orphans, remove_unfinished, told
from dfd_lib.data.manifest import (
    COVERAGE,
    FACTS,
    ROWS,
    Tables,
    Tally,
    check_listing,
    coverage_rows,
    crop_path,
    forget,
    manifest_rows,
    write_tables,
)
from dfd_lib.data.shard import Shard
from dfd_lib.data.shards import begin_shard, write_shard
from dfd_lib.data.workers import Lost, run_jobs
from dfd_lib.paths import whole
from dfd_lib.tables import check_manifest

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
) -> Tables:
    """Find and cut the faces of many files; run again, it continues.

    Memory does not grow with the crops: what was seen in a file lies beside its
    crops, and the tables are made of that row by row.

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
        progress: show a progress bar, and say what was removed: what killed
            runs left, and crops of files that are in the source no more.
        shard: do only its files, and leave its part of the tables for
            `dfd_lib.data.shards.merge_shards`; others may be at work in `out`. A manifest
            that is there stays until a crop is cut anew or removed.
        problems: files that the listing left out, and why, or remarks on files
            that it lists: file, reason. They go into the coverage.

    Returns:
        Where the tables are, and what is in them; `read()` reads them. The
        manifest is sorted by path, paths are relative to `out`; the coverage is
        sorted by file, one row for every file of the listing or of the shard.

    Raises:
        ValueError: no face was found in any file, or in any of one class; the
            coverage is written by then and says why. Not of a shard.
        RuntimeError: no process survives so much as opening the detector.
    """
    root, out = Path(root), Path(out)
    settings, listing = _settings(faces), _with_originals(check_listing(listing), faces.boxes)
    facts = {"settings": settings, "boxes": faces.boxes, "listing": _digest(listing, problems)}
    own = shard.of(listing) if shard else listing
    if shard and problems is not None:
        problems = shard.problems_of(problems, listing)
    cut_as = json.dumps({**settings, "boxes": faces.boxes}, indent=1) + "\n"
    if shard is None or not _says(out / "faces.json", cut_as):
        forget(out)
    begin_shard(out, shard)
    unfinished = remove_unfinished(out, own["file"], shard)
    with whole(out / "faces.json") as beside:
        beside.write_text(cut_as)
    cutting = Cutting(root, out, settings, limit=faces.time_limit, workers=workers)
    cutting.cut(own, progress)
    unfinished += remove_unfinished(out, own["file"], shard)  # what files left that ended their process
    manifest, coverage = manifest_rows(own, cutting.record, crop_path), coverage_rows(own, cutting.record, problems)
    tables = write_shard(manifest, coverage, out, shard, facts) if shard else write_tables(manifest, coverage, out)
    removed = told(unfinished, remove_orphans(out, root, listing["file"], shard))  # last: whoever mistook the folder was told by then
    if progress and removed:
        tqdm.write(removed, file=sys.stderr)
    return tables


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
    check_images(listing)
    found: dict[str, tuple[int, int] | str] = {}  # the size, or why there is none; a record each would be twenty times as much

    def take(file: str, result: Record | Lost) -> None:
        if isinstance(result, Lost):
            found[file] = result.reason
        else:
            seen = result["coverage"]
            found[file] = seen["reason"] or (seen["width"], seen["height"])

    def record(file: str) -> Record:
        size = found[file]
        return skipped(Path(root) / file, ValueError(size)) if isinstance(size, str) else crop_record(*size)

    with tqdm(total=len(listing), unit="crop", disable=not progress) as bar:
        jobs = ((file, (Path(root) / file,)) for file in listing["file"])
        run_jobs(verify_file, jobs, take, workers=workers, limit=VERIFY_LIMIT, batch=64, bar=bar)
    tally = Tally()
    coverage = table_of(tally.count(coverage_rows(listing, record, problems)), COVERAGE)
    tally.check_classes()
    return check_manifest(table_of(manifest_rows(listing, record, lambda file, _: file), ROWS)), coverage


def _says(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text


def check_images(listing: pd.DataFrame) -> None:
    """Raise ValueError if there are videos in a listing of what should be face crops."""
    if (films := check_listing(listing)["kind"] == "video").any():
        raise ValueError(
            f"crops: expected images that are face crops, came {films.sum()} videos among {len(listing)} files. "
            "Find their faces first: add a section `faces` to the recipe (such as `faces: {frames: 10}`), or use `dfd extract`."
        )


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
