"""Many photos and videos -> face crops, the manifest and the coverage table.

Each file's crops lie in a folder of their own with `rows.json`, which says what
was found and from which bytes and settings. The folder appears whole or not at
all, so an interrupted run continues where it stopped, and a file whose content
and settings are unchanged is not looked at again:

    out/crops/<name>-<hash of the path>/000120_0.png   frame 120, person 0
    out/crops/<name>-<hash of the path>/rows.json
    out/faces.json        the settings: crop, sampling, detector
    out/coverage.csv      one row a file: what was read, found, kept, and why not
    out/manifest.parquet  one row a crop; written last

Crops are PNG: JPEG would add traces of its own to the very traces a detector
looks for, and unlike in training they could not be told apart later.
"""

import functools
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import joblib
import numpy as np
import pandas as pd
from tqdm import tqdm

from dfd_lib.data.crops import MIN_SIDE, CropSpec, check_file, cut, read_image
from dfd_lib.data.faces import Detector, Face, detector_name, detector_version, link, open_detector
from dfd_lib.data.frames import EVERY, sample_frames
from dfd_lib.experiment import Faces
from dfd_lib.paths import whole
from dfd_lib.tables import MANIFEST, check_manifest, write_table

RULES = 1
"""Raised whenever a change of the code changes the crops, so that old ones are made anew."""

MIN_PRESENCE = 0.2
"""In a clip, people seen in a smaller share of the frames with any face are dropped as false or passing."""

MAX_PEOPLE = 4
"""In a clip, so many people are kept, by the total area of their faces; a photo keeps all."""

COVERAGE = ["file", "label", "status", "reason", "frames_read", "faces_found", "faces_kept", "width", "height"]
"""Columns of the coverage table; `status` is `ok` or `skipped`, `reason` says why, counts are 0 where nothing was read."""


def crop_spec(faces: Faces) -> CropSpec:
    """The crop that a recipe's `faces` section asks for."""
    return CropSpec(margin=faces.margin, size=faces.size)


def extract(
    listing: pd.DataFrame, root: str | Path, out: str | Path, *, faces: Faces, workers: int = 2, progress: bool = True
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Find and cut the faces of many files; run again, it continues.

    In a photo all faces are kept, face 0 being the largest. In a clip faces are
    linked to people (`dfd_lib.data.faces.link`), and of these the ones seen
    long enough (`MIN_PRESENCE`) and largest (`MAX_PEOPLE`) are kept.

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
        ValueError: no face at all was found, or none of a class; the coverage
            is written and says why.
    """
    out = Path(out)
    settings = _settings(faces)
    (out / "manifest.parquet").unlink(missing_ok=True)  # a stale one must not name crops that are being replaced
    with whole(out / "faces.json") as beside:
        beside.write_text(json.dumps(settings, indent=1) + "\n")
    jobs = (joblib.delayed(_extract_file)(Path(root), out, row.file, row.kind, settings) for row in listing.itertuples())
    results = _run(jobs, len(listing), workers, progress, "clip")
    manifest, coverage = _tables(listing, results, lambda file, row: f"crops/{folder_name(file)}/{row['name']}")
    write_table(coverage, out / "coverage.csv")
    manifest = _checked(manifest, coverage)
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
        (manifest, coverage): as `extract`; paths are relative to `root`,
        `box_w` and `box_h` are the file's own size, `box_x`, `box_y` and
        `score` are NaN.

    Raises:
        ValueError: no file at all, or none of a class, can be used.
    """
    jobs = (joblib.delayed(_verify_file)(Path(root), row.file) for row in listing.itertuples())
    manifest, coverage = _tables(listing, _run(jobs, len(listing), workers, progress, "file"), lambda file, _: file)
    return _checked(manifest, coverage), coverage


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


def _settings(faces: Faces) -> dict[str, Any]:
    """Everything but the file that decides its crops."""
    name = detector_name(faces.detector)
    return {
        "rules": RULES,
        "crop": crop_spec(faces).to_dict(),
        "sampling": {"frames": faces.frames} if faces.frames else {"every": faces.every or EVERY},
        "detector": {"name": name, "version": detector_version(name)},
    }


def _run(jobs: Iterable, total: int, workers: int, progress: bool, unit: str) -> dict[str, dict]:
    parallel = joblib.Parallel(n_jobs=workers, return_as="generator_unordered")
    done = tqdm(parallel(jobs), total=total, unit=unit, disable=not progress)
    return dict(done)


def _extract_file(root: Path, out: Path, file: str, kind: str, settings: dict[str, Any]) -> tuple[str, dict]:
    """One file's rows: kept from an earlier run, or made now. Never raises for a bad file."""
    folder = out / "crops" / folder_name(file)
    try:
        source = {"kind": kind, "bytes": _digest(root / file), **settings}
    except (ValueError, OSError) as error:
        return file, _skipped(root / file, error)
    record = _kept(folder, source)
    if record is None:
        with whole(folder) as beside:
            beside.mkdir()
            record = {**_cut_file(root / file, kind, beside, settings), "source": source}
            (beside / "rows.json").write_text(json.dumps(record))
    return file, record


def _digest(path: Path) -> str:
    check_file(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _kept(folder: Path, source: dict[str, Any]) -> dict | None:
    try:
        record = json.loads((folder / "rows.json").read_text())
    except (OSError, ValueError):
        return None
    whole = all((folder / row["name"]).is_file() for row in record["rows"])
    return record if whole and record["source"] == source else None


def _cut_file(path: Path, kind: str, folder: Path, settings: dict[str, Any]) -> dict:
    detector = _detector(settings["detector"]["name"])
    spec = CropSpec.from_dict(settings["crop"])
    try:
        if kind == "image":
            return _cut_photo(path, folder, detector, spec)
        return _cut_clip(sample_frames(path, **settings["sampling"]), folder, detector, spec)
    except (ValueError, OSError, MemoryError) as error:
        for crop in folder.iterdir():
            crop.unlink()
        return _skipped(path, error)


@functools.cache
def _detector(name: str) -> Detector:
    """One detector a process."""
    cv2.setNumThreads(1)  # the processes are the parallelism
    return open_detector(name)


def _cut_photo(path: Path, folder: Path, detector: Detector, spec: CropSpec) -> dict:
    image = _read_photo(path)
    found = detector(image)
    rows = [_row(None, who, face, _save(image, face, spec, folder / f"{who}.png")) for who, face in enumerate(found)]
    return _record(rows, 1, len(found), image.shape, "no face was found")


def _read_photo(path: Path) -> np.ndarray:
    image = read_image(path)
    if min(image.shape[:2]) < MIN_SIDE:
        raise ValueError(
            f"{path}: expected sides of at least {MIN_SIDE} px, came {image.shape[1]} x {image.shape[0]}. Replace or remove it."
        )
    return image


def _cut_clip(frames: Iterator[tuple[int, np.ndarray]], folder: Path, detector: Detector, spec: CropSpec) -> dict:
    """Crops go to disk at once, so that memory does not grow with the clip; who is kept is known at its end."""
    seen: list[tuple[int, list[Face]]] = []
    shape: tuple[int, ...] = (0, 0)
    for index, frame in frames:
        shape = frame.shape
        seen.append((index, detector(frame)))
        for place, face in enumerate(seen[-1][1]):
            _save(frame, face, spec, folder / f"{index}-{place}.png")
    people = _people([found for _, found in seen])
    rows = []
    for (index, found), ids in zip(seen, people, strict=True):
        for place, (face, who) in enumerate(zip(found, ids, strict=True)):
            crop = folder / f"{index}-{place}.png"
            if who is None:
                crop.unlink()
            else:
                rows.append(_row(index, who, face, crop.rename(folder / f"{index:06d}_{who}.png").name))
    found = sum(len(found) for _, found in seen)
    return _record(rows, len(seen), found, shape, "no face was found" if not found else "no face stayed long enough")


def _people(frames: list[list[Face]]) -> list[list[int | None]]:
    """Ids from 0 by total area; None for people who are dropped."""
    ids = link(frames)
    presence = Counter(who for own in ids for who in own)
    with_face = sum(bool(own) for own in ids)
    kept = [who for who in sorted(presence) if presence[who] >= MIN_PRESENCE * with_face][:MAX_PEOPLE]
    rank = {who: place for place, who in enumerate(kept)}
    return [[rank.get(who) for who in own] for own in ids]


def _save(frame: np.ndarray, face: Face, spec: CropSpec, path: Path) -> str:
    crop = cv2.cvtColor(cut(frame, face.box, spec), cv2.COLOR_RGB2BGR)
    path.write_bytes(cv2.imencode(".png", crop, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes())
    return path.name


def _row(frame: int | None, who: int, face: Face, name: str) -> dict:
    x, y, width, height = (round(float(value), 2) for value in face.box)
    return {
        "name": name,
        "frame": frame,
        "face": who,
        "box_x": x,
        "box_y": y,
        "box_w": width,
        "box_h": height,
        "score": round(face.score, 4),
    }


def _record(rows: list[dict], read: int, found: int, shape: tuple[int, ...], why_none: str) -> dict:
    status = {"status": "ok", "reason": ""} if rows else {"status": "skipped", "reason": why_none}
    counts = {"frames_read": read, "faces_found": found, "faces_kept": len(rows), "width": shape[1], "height": shape[0]}
    return {"coverage": {**status, **counts}, "rows": sorted(rows, key=lambda row: row["name"])}


def _skipped(path: Path, error: Exception) -> dict:
    """The reason without the path: the coverage names the file, and reports must not name machines."""
    return _record([], 0, 0, (0, 0), str(error).removeprefix(f"{path}: "))


def _verify_file(root: Path, file: str) -> tuple[str, dict]:
    try:
        height, width = _read_photo(root / file).shape[:2]
    except (ValueError, OSError, MemoryError) as error:
        return file, _skipped(root / file, error)
    row = {"name": file, "frame": None, "face": 0, "box_x": np.nan, "box_y": np.nan, "box_w": width, "box_h": height, "score": np.nan}
    return file, _record([row], 1, 1, (height, width), "")


def _tables(listing: pd.DataFrame, results: dict[str, dict], place: Callable[[str, dict], str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Join what was found with what the listing knows of each file."""
    facts = ["label", "split", "dataset", "method", "video", "person", "donor", "group"]
    manifest, coverage = [], []
    for file in listing.sort_values("file").to_dict("records"):
        result = results[file["file"]]
        coverage.append({"file": file["file"], "label": file["label"], **result["coverage"]})
        for row in result["rows"]:
            frame = file["frame"] if row["frame"] is None else row["frame"]
            manifest.append({**row, **{name: file[name] for name in facts}, "frame": frame, "path": place(file["file"], row)})
    return pd.DataFrame(manifest, columns=list(MANIFEST.columns)), pd.DataFrame(coverage, columns=COVERAGE)


def _checked(manifest: pd.DataFrame, coverage: pd.DataFrame) -> pd.DataFrame:
    """The manifest, sorted and checked; no class may have vanished."""
    lost = sorted(set(coverage["label"]) - set(manifest["label"]))
    if manifest.empty or lost:
        what = "any" if manifest.empty else " and ".join({0: "real", 1: "fake"}[label] for label in lost)
        reasons = coverage[coverage["status"] == "skipped"]["reason"].value_counts()
        why = f"{reasons.index[0]!r} ({reasons.iloc[0]} of {len(coverage)} files)" if len(reasons) else "the listing is empty"
        raise ValueError(f"faces: expected crops of every class, none of {what} file could be used; most often: {why}. See coverage.csv.")
    numbers = dict.fromkeys(("box_x", "box_y", "box_w", "box_h", "score"), float)
    return check_manifest(manifest.astype(numbers).sort_values("path", ignore_index=True))
