"""Many photos and videos -> face crops, the manifest and the coverage table.

Each file's crops lie in a folder of their own with `rows.json`, which says what
was seen, from which bytes and with which settings. The folder appears whole or
not at all, so an interrupted run continues where it stopped, and a file whose
content and settings are unchanged is not decoded again:

    out/crops/<name>-<hash of the path>/000120_0.png   frame 120, person 0
    out/crops/<name>-<hash of the path>/rows.json
    out/faces.json        the settings: crop, sampling, detector
    out/coverage.csv      one row a file: what was read, found, kept, or why not
    out/manifest.parquet  one row a crop; written last
"""

import functools
import hashlib
import json
import os
import re
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import joblib
import pandas as pd
from tqdm import tqdm

from dfd_lib.data.clips import BAD, Record, cut_file, skipped, verify_file
from dfd_lib.data.crops import CropSpec
from dfd_lib.data.faces import Detector, detector_version, open_detector
from dfd_lib.data.frames import EVERY
from dfd_lib.data.media import check_file, words
from dfd_lib.paths import whole
from dfd_lib.tables import MANIFEST, check_manifest, write_table

if TYPE_CHECKING:
    from dfd_lib.experiment import Faces

RULES = 1
"""Raise it with every change of the code that changes crops, so that old ones are made anew."""

COVERAGE = ["file", "label", "status", "reason", "frames_read", "faces_found", "faces_kept", "width", "height"]
"""Columns of the coverage table; `status` is `ok` or `skipped`, `reason` is empty or says why, sizes are in pixels (0 = unknown)."""

_FACTS = ["file", "kind", "label", "split", "dataset", "method", "video", "frame", "person", "donor", "group"]


def extract(
    listing: pd.DataFrame, root: str | Path, out: str | Path, *, faces: "Faces", workers: int = 2, progress: bool = True
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Find and cut the faces of many files; run again, it continues.

    Of a photo all faces are kept, face 0 being the largest. In a clip faces are
    linked to people, of whom the lasting and large are kept (`main_people`).

    Args:
        listing: one row a file, as `dfd_lib.data.sources` makes it.
        root: the folder that the listing's `file` is relative to.
        out: where crops and tables are written.
        faces: detector, sampling, margin and size.
        workers: processes; each opens one detector.
        progress: show a progress bar.

    Returns:
        (manifest, coverage): the manifest sorted by path, paths relative to
        `out`; the coverage sorted by file, one row for every file of the listing.

    Raises:
        ValueError: no face was found in any file, or in any of one class; the
            coverage is written by then and says why.
    """
    root, out = Path(root), Path(out)
    settings = _settings(faces)
    jobs = [(root, out, file, kind, settings) for file, kind in _checked(listing)[["file", "kind"]].itertuples(index=False)]
    _clear(out)
    with whole(out / "faces.json") as beside:
        beside.write_text(json.dumps(settings, indent=1) + "\n")
    results = _run(_extract_file, jobs, workers, progress)
    coverage = _coverage(listing, results)
    write_table(coverage, out / "coverage.csv")
    manifest = _manifest(listing, results, coverage, lambda file, name: f"crops/{folder_name(file)}/{name}")
    write_table(manifest, out / "manifest.parquet")
    return manifest, coverage


def verify_crops(listing: pd.DataFrame, root: str | Path, *, workers: int = 2, progress: bool = True) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The manifest of files that are face crops already: each is decoded once, strictly.

    Args:
        listing: one row a file, as `dfd_lib.data.sources` makes it.
        root: the folder that the listing's `file` is relative to.
        workers: processes.
        progress: show a progress bar.

    Returns:
        (manifest, coverage), as `extract`; paths are relative to `root`,
        `box_w` and `box_h` are the file's own size; `box_x`, `box_y` and
        `score` are NaN.

    Raises:
        ValueError: no file, or none of one class, can be used; or videos are among them.
    """
    if (films := listing["kind"] == "video").any():
        raise ValueError(
            f"crops: expected images that are face crops, came {films.sum()} videos among {len(listing)} files. "
            "Find their faces first: add a section `faces` to the recipe (such as `faces: {frames: 10}`), or use `dfd extract`."
        )
    results = _run(_verify_file, [(Path(root), file) for file in _checked(listing)["file"]], workers, progress)
    coverage = _coverage(listing, results)
    return _manifest(listing, results, coverage, lambda file, _: file), coverage


def crop_spec(faces: "Faces") -> CropSpec:
    """The crop that a recipe's `faces` section asks for."""
    return CropSpec(margin=faces.margin, size=faces.size)


def folder_name(file: str) -> str:
    """The name of a file's folder of crops: readable, and different for every path.

    Paths that differ only by case, by suffix or by folder stay apart on every
    file system, since the name is lower case and carries a hash of the path.

    Example:
        >>> folder_name("Real/Été 1.mp4")
        't-1-b5fb2d05d55f254a'
    """
    slug = re.sub(r"[^a-z0-9]+", "-", Path(file).stem.lower()).strip("-")[:40]
    return f"{slug or 'file'}-{hashlib.sha256(file.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"


def _settings(faces: "Faces") -> dict[str, Any]:
    """Everything but the file itself that decides its crops."""
    name, version = detector_version(faces.detector)
    return {
        "rules": RULES,
        "crop": crop_spec(faces).to_dict(),
        "sampling": {"frames": faces.frames} if faces.frames else {"every": faces.every or EVERY},
        "detector": {"name": name, "version": version},
    }


def _checked(listing: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in _FACTS if name not in listing]
    if missing or listing.empty:
        came = f"without {', '.join(missing)}" if missing else "without a row"
        raise ValueError(f"listing: expected one row a file with {', '.join(_FACTS)}; came one {came}. Make it with dfd_lib.data.sources.")
    return listing


def _clear(out: Path) -> None:
    """Remove the manifest, which must never name crops that are being replaced, and what a killed run left half-written."""
    (out / "manifest.parquet").unlink(missing_ok=True)
    for nest in (out / "crops").glob(".*"):
        shutil.rmtree(nest, ignore_errors=True)


def _run(work: Callable[..., tuple[str, Record]], jobs: list[tuple], workers: int, progress: bool) -> dict[str, Record]:
    """From file to record; results come as they are ready, so memory stays flat and the bar is true."""
    # one thread a process, whatever the environment says: two processes of two threads on two cores take eight times as long
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(n_jobs=workers, return_as="generator_unordered")
    records = parallel(joblib.delayed(_alone if workers > 1 else _here)(work, job) for job in jobs)
    with warnings.catch_warnings():
        # joblib keeps its processes for the next call; one that then loads TensorFlow is taken for leaking and replaced, which is harmless
        warnings.filterwarnings("ignore", "A worker stopped while some jobs")
        return dict(tqdm(records, total=len(jobs), unit="clip", disable=not progress))


def _here(work: Callable[..., tuple[str, Record]], job: tuple) -> tuple[str, Record]:
    return work(*job)


def _alone(work: Callable[..., tuple[str, Record]], job: tuple) -> tuple[str, Record]:
    """In a process of its own: the processes are the parallelism, so none may start threads for every core."""
    cv2.setNumThreads(1)
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    return work(*job)


def _verify_file(root: Path, file: str) -> tuple[str, Record]:
    return file, verify_file(root / file)


def _extract_file(root: Path, out: Path, file: str, kind: str, settings: dict[str, Any]) -> tuple[str, Record]:
    """One file's record, from an earlier run where nothing changed. Never raises for a bad file."""
    folder = out / "crops" / folder_name(file)
    try:
        source = _source(root / file, kind, settings)
    except BAD as error:
        return file, skipped(root / file, error)
    record = _kept(folder, source)
    if record is None:
        spec, detector = CropSpec.from_dict(settings["crop"]), _detector(settings["detector"]["name"])
        with whole(folder) as beside:
            beside.mkdir()
            record = {**cut_file(root / file, kind, beside, detector, spec, settings["sampling"]), "source": source}
            (beside / "rows.json").write_text(json.dumps(record))
    return file, record


def _source(path: Path, kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    check_file(path)
    try:
        with path.open("rb") as file:
            return {"kind": kind, "sha256": hashlib.file_digest(file, "sha256").hexdigest(), **settings}
    except OSError as error:
        raise ValueError(f"{path}: expected a readable file; {words(error)}. Copy it again.") from None


def _kept(folder: Path, source: dict[str, Any]) -> Record | None:
    try:
        record = json.loads((folder / "rows.json").read_text())
    except (OSError, ValueError):
        return None
    complete = all((folder / row["name"]).is_file() for row in record["rows"])
    return record if complete and record["source"] == source else None


@functools.cache
def _detector(name: str) -> Detector:
    """One detector a process."""
    return open_detector(name)


def _coverage(listing: pd.DataFrame, results: dict[str, Record]) -> pd.DataFrame:
    files = listing.sort_values("file")[["file", "label"]].itertuples(index=False)
    return pd.DataFrame([{"file": file, "label": label, **results[file]["coverage"]} for file, label in files], columns=COVERAGE)


def _manifest(listing: pd.DataFrame, results: dict[str, Record], coverage: pd.DataFrame, place: Callable[[str, str], str]) -> pd.DataFrame:
    """Join what was seen with what the listing knows of each file; sorted and checked."""
    rows = [
        {**file, **row, "frame": file["frame"] if row["frame"] is None else row["frame"], "path": place(file["file"], row["name"])}
        for file in listing[_FACTS].to_dict("records")
        for row in results[file["file"]]["rows"]
    ]
    _check_classes(coverage)
    numbers = dict.fromkeys(("box_x", "box_y", "box_w", "box_h", "score"), float)
    table = pd.DataFrame(rows, columns=list(MANIFEST.columns)).astype(numbers)
    return check_manifest(table.sort_values("path", ignore_index=True))


def _check_classes(coverage: pd.DataFrame) -> None:
    kept = coverage.groupby("label")["faces_kept"].sum()
    lost = [name for label, name in ((0, "real"), (1, "fake")) if kept.get(label) == 0]
    if lost:
        reasons = coverage[coverage["status"] == "skipped"]["reason"].value_counts()
        raise ValueError(
            f"faces: expected at least one crop of every class, came none of {' and '.join(lost)}; "
            f"most often ({reasons.iloc[0]} of {len(coverage)} files): {reasons.index[0]}"
        )
