"""One photo or one clip -> crops in a folder, and what was seen.

Crops are PNG: JPEG would add traces of its own to the very traces that a
deepfake detector looks for.

What was seen is a plain dictionary, so that it can lie beside the crops as JSON:

    {"coverage": {status, reason, frames_read, faces_found, faces_kept, width, height},
     "rows": [{name, frame, face, box_x, box_y, box_w, box_h, score}, ...]}
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dfd_lib.data.crops import CropSpec, cut, read_image
from dfd_lib.data.faces import Detector, Face, link, main_people
from dfd_lib.data.frames import sample_frames
from dfd_lib.data.media import MIN_SIDE, reason

Record = dict[str, Any]

BAD = (ValueError, FileNotFoundError, cv2.error)
"""What a bad file raises. Anything else, a full disk say, is not the file's fault and stops the run."""


def cut_file(path: Path, kind: str, folder: Path, detector: Detector, spec: CropSpec, sampling: dict[str, int]) -> Record:
    """Find the faces of a file and write their crops.

    Args:
        path: the photo or video.
        kind: `image` or `video`.
        folder: an empty folder; it is left empty if the file is bad.
        detector: finds the faces.
        spec: how they are cut.
        sampling: `every` or `frames`, as `sample_frames` takes them.

    Returns:
        What was seen; a bad file gives the status `skipped` and the reason.
    """
    try:
        if kind == "image":
            return _cut_photo(read_photo(path), folder, detector, spec)
        return _cut_clip(sample_frames(path, **sampling), folder, detector, spec)
    except BAD as error:
        for crop in folder.iterdir():
            crop.unlink()
        return skipped(path, error)


def verify_file(path: Path) -> Record:
    """Decode a file that is a face crop already; the same record, with an empty name."""
    try:
        height, width = read_photo(path).shape[:2]
    except BAD as error:
        return skipped(path, error)
    unknown = float("nan")
    row = {"name": "", "frame": None, "face": 0, "box_x": unknown, "box_y": unknown, "box_w": width, "box_h": height, "score": unknown}
    return _record([row], 1, 1, (height, width), "")


def read_photo(path: Path) -> np.ndarray:
    """`read_image`, refusing what is too small to show a face (`MIN_SIDE`) with ValueError."""
    image = read_image(path)
    if min(image.shape[:2]) < MIN_SIDE:
        raise ValueError(
            f"{path}: expected sides of at least {MIN_SIDE} px, came {image.shape[1]} x {image.shape[0]}. Replace or remove it."
        )
    return image


def skipped(path: Path, error: Exception) -> Record:
    """The record of a file that could not be used."""
    return _record([], 0, 0, (0, 0), reason(path, error))


def _cut_photo(image: np.ndarray, folder: Path, detector: Detector, spec: CropSpec) -> Record:
    found = detector(image)
    rows = [_row(None, who, face, _save(image, face, spec, folder / f"{who}.png")) for who, face in enumerate(found)]
    return _record(rows, 1, len(found), image.shape, "no face was found")


def _cut_clip(frames: Iterable[tuple[int, np.ndarray]], folder: Path, detector: Detector, spec: CropSpec) -> Record:
    """Every face goes to disk at once, so that memory does not grow with the clip; who is kept is known at its end."""
    seen: dict[int, list[Face]] = {}
    shape: Sequence[int] = (0, 0)
    for index, frame in frames:
        shape, seen[index] = frame.shape, detector(frame)
        for place, face in enumerate(seen[index]):
            _save(frame, face, spec, folder / f"{index}-{place}.png")
    rows = _keep_people(seen, folder)
    found = sum(map(len, seen.values()))
    return _record(rows, len(seen), found, shape, "no face stayed long enough" if found else "no face was found")


def _keep_people(seen: dict[int, list[Face]], folder: Path) -> list[dict]:
    rows = []
    for (index, faces), people in zip(seen.items(), main_people(link(list(seen.values()))), strict=True):
        for place, (face, who) in enumerate(zip(faces, people, strict=True)):
            crop = folder / f"{index}-{place}.png"
            if who is None:
                crop.unlink()
            else:
                rows.append(_row(index, who, face, crop.rename(folder / f"{index:06d}_{who}.png").name))
    return rows


def _save(frame: np.ndarray, face: Face, spec: CropSpec, path: Path) -> str:
    crop = cv2.cvtColor(cut(frame, face.box, spec), cv2.COLOR_RGB2BGR)
    path.write_bytes(cv2.imencode(".png", crop, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes())
    return path.name


def _row(frame: int | None, who: int, face: Face, name: str) -> dict:
    box = zip(("box_x", "box_y", "box_w", "box_h"), face.box, strict=True)
    return {
        "name": name,
        "frame": frame,
        "face": who,
        **{side: round(float(value), 2) for side, value in box},
        "score": round(face.score, 4),
    }


def _record(rows: list[dict], read: int, found: int, shape: Sequence[int], why_none: str) -> Record:
    status = {"status": "ok", "reason": ""} if rows else {"status": "skipped", "reason": why_none}
    counts = {"frames_read": read, "faces_found": found, "faces_kept": len(rows), "width": shape[1], "height": shape[0]}
    return {"coverage": {**status, **counts}, "rows": rows}
