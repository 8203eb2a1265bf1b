"""One photo or one clip -> crops in a folder, and what was seen.

Crops are PNG: JPEG would add traces of its own to the very traces that a
deepfake detector looks for.

What was seen is a plain dictionary, so that it can lie beside the crops as JSON:

    {"coverage": {status, reason, frames_read, faces_found, faces_kept, width, height},
     "rows": [{name, frame, face, box_x, box_y, box_w, box_h, score}, ...]}
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dfd_lib.data.crops import CropSpec, cut, read_image
from dfd_lib.data.faces import MAX_FACES, Detector, Face
from dfd_lib.data.frames import sample_frames
from dfd_lib.data.media import MIN_SIDE, reason
from dfd_lib.data.tracks import DROPPED, PASSED_BY, STEP, Following, follow, link, main_people

Record = dict[str, Any]

_PNG = [
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_PAETH, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE),
]
"""Of DFDC's crops a tenth smaller, and made in two thirds of the time, than with the encoder's own choice at that level."""

BAD = (ValueError, FileNotFoundError, cv2.error)
"""What a bad file raises. Anything else, a full disk say, is not the file's fault and stops the run."""


@dataclass(frozen=True)
class Boxes:
    """Where the faces of a clip were found, to cut the same places out of a swap of it.

    Args:
        size: width and height of the clip's frames in pixels.
        faces: from a frame's number to pairs (face id, face); a photo is frame 0.
    """

    size: tuple[int, int]
    faces: Mapping[int, Sequence[tuple[int, Face]]]


def boxes_of(record: Record) -> Boxes:
    """The boxes of a file that was cut, from its record; none if it was skipped.

    Example:
        >>> row = {"name": "a.png", "frame": 10, "face": 0, "box_x": 4, "box_y": 5, "box_w": 60, "box_h": 80, "score": 0.9}
        >>> boxes_of({"coverage": {"width": 640, "height": 360}, "rows": [row]}).faces
        {10: [(0, Face(box=(4, 5, 60, 80), score=0.9, landmarks=None))]}
    """
    faces: dict[int, list[tuple[int, Face]]] = {}
    for row in record["rows"]:
        box = (row["box_x"], row["box_y"], row["box_w"], row["box_h"])
        faces.setdefault(row["frame"] or 0, []).append((row["face"], Face(box, row["score"])))
    return Boxes((record["coverage"]["width"], record["coverage"]["height"]), faces)


def cut_file(
    path: Path,
    kind: str,
    folder: Path,
    detector: Detector,
    spec: CropSpec,
    sampling: dict[str, Any],
    *,
    step: int = STEP,
    boxes: Boxes | None = None,
) -> Record:
    """Find the faces of a file and write their crops.

    With the boxes of its original, a swap is not searched: the same places of
    the same frames are cut, so that real and fake crops show the same and the
    detector cannot tell them apart; ids and scores are the original's too. Its
    frames must be of the original's size. Sampled frames in which the original
    shows no face give no crop: sample by `every`, since frames spread over
    clips of different lengths are not the same. Boxes decide the crops, so
    they belong to what tells whether old crops are kept.

    Args:
        path: the photo or video.
        kind: `image` or `video`.
        folder: an empty folder; it is left empty if the file is bad.
        detector: finds the faces.
        spec: how they are cut.
        sampling: `every` or `frames`, and `limit`, as `sample_frames` takes them.
        step: every so many-th sampled frame of a clip is searched, and the
            others where there is a doubt (`follow`).
        boxes: of the clip that this one was made from; default: search.

    Returns:
        What was seen; a bad file, or one of another size than `boxes`, gives
        the status `skipped` and the reason. A clip that ended early is used as
        far as it goes, and the reason says so.

    Raises:
        MemoryError: there is not enough; not the file's fault, or not for ever.
    """
    try:
        if kind == "image":
            photo = read_photo(path)
            return _cut_photo(photo, folder, detector, spec) if boxes is None else _cut_boxes([(None, photo)], folder, boxes, spec)
        frames = sample_frames(path, **sampling)
        record = _cut_clip(follow(frames, detector, step), folder, spec) if boxes is None else _cut_boxes(frames, folder, boxes, spec)
        return _with_remark(record, frames.remark)
    except BAD as error:
        for crop in folder.iterdir():
            crop.unlink()
        _check_memory(error)
        return skipped(path, error)


def verify_file(path: Path) -> Record:
    """Decode a file that is a face crop already: `crop_record`, or the record of a bad file; raises MemoryError as `cut_file`."""
    try:
        height, width = read_photo(path).shape[:2]
    except BAD as error:
        _check_memory(error)
        return skipped(path, error)
    return crop_record(width, height)


def crop_record(width: int, height: int) -> Record:
    """The record of a file that is a face crop already, with an empty name."""
    unknown = float("nan")
    row = {"name": "", "frame": None, "face": 0, "box_x": unknown, "box_y": unknown, "box_w": width, "box_h": height, "score": unknown}
    return _record([row], 1, 1, (height, width), "")


def _check_memory(error: Exception) -> None:
    """OpenCV has an error of its own for too little memory, and image files that it befell are called damaged."""
    told = isinstance(error, cv2.error) and (getattr(error, "code", 0) == cv2.Error.StsNoMem or "bad_alloc" in str(error))
    if told or isinstance(error.__context__, MemoryError):
        raise MemoryError from error


def read_photo(path: Path) -> np.ndarray:
    """`read_image`, refusing what is too small to show a face (`MIN_SIDE`) with ValueError."""
    image = read_image(path)
    check_side(path, image)
    return image


def check_side(path: Path, image: np.ndarray) -> None:
    """Raise ValueError if an image is too small to show a face (`MIN_SIDE`)."""
    if min(image.shape[:2]) < MIN_SIDE:
        raise ValueError(
            f"{path}: expected sides of at least {MIN_SIDE} px, came {image.shape[1]} x {image.shape[0]}. Replace or remove it."
        )


def skipped(path: Path, error: Exception) -> Record:
    """The record of a file that could not be used."""
    return _record([], 0, 0, (0, 0), reason(path, error))


def _with_remark(record: Record, remark: str) -> Record:
    coverage = record["coverage"]
    return {**record, "coverage": {**coverage, "reason": "; ".join(filter(None, (coverage["reason"], remark)))}}


def _cut_photo(image: np.ndarray, folder: Path, detector: Detector, spec: CropSpec) -> Record:
    found = detector(image)
    rows = [_row(None, who, face, _save(image, face, spec, folder / crop_name(None, who))) for who, face in enumerate(found)]
    record = _record(rows, 1, len(found), image.shape, "no face was found")
    return _with_remark(record, f"more than {MAX_FACES - 1} faces: the most certain were kept") if len(found) >= MAX_FACES else record


def _cut_boxes(frames: Iterable[tuple[int | None, np.ndarray]], folder: Path, boxes: Boxes, spec: CropSpec) -> Record:
    rows, read = [], 0
    for index, frame in frames:
        _check_size(frame, boxes.size)
        read += 1
        for who, face in boxes.faces.get(index or 0, ()):
            rows.append(_row(index, who, face, _save(frame, face, spec, folder / crop_name(index, who))))
    return _record(rows, read, len(rows), (boxes.size[1], boxes.size[0]), "its original shows no face in these frames")


def _check_size(frame: np.ndarray, size: tuple[int, int]) -> None:
    if frame.shape[1::-1] != size:
        expected, came = (f"{wide} x {high}" for wide, high in (size, frame.shape[1::-1]))
        raise ValueError(f"expected frames of {expected} as in its original, came {came}. Search this file for faces instead.")


def _cut_clip(frames: Following, folder: Path, spec: CropSpec) -> Record:
    """Every face goes to disk at once, so that memory does not grow with the clip; who is kept is known at its end."""
    seen: dict[int, list[Face]] = {}
    shape: Sequence[int] = (0, 0)
    for index, frame, faces in frames:
        shape, seen[index] = frame.shape, faces
        for place, face in enumerate(faces):
            _save(frame, face, spec, folder / f"{index}-{place}.png")
    rows = _keep_people(seen, frames.cuts, folder)
    found = sum(map(len, seen.values()))
    return _record(rows, len(seen), found, shape, PASSED_BY if found else "no face was found")


def _keep_people(seen: dict[int, list[Face]], cuts: Sequence[int], folder: Path) -> list[dict]:
    rows = []
    kept = main_people(link(list(seen.values()), cuts), cuts)
    for (index, faces), people in zip(seen.items(), kept, strict=True):
        for place, (face, who) in enumerate(zip(faces, people, strict=True)):
            crop = folder / f"{index}-{place}.png"
            if who is None:
                crop.unlink()
            else:
                rows.append(_row(index, who, face, crop.rename(folder / crop_name(index, who)).name))
    return rows


def crop_name(frame: int | None, who: int) -> str:
    """The file name of a crop: of a photo by the person, of a clip by frame and person."""
    return f"{who}.png" if frame is None else f"{frame:06d}_{who}.png"


def _save(frame: np.ndarray, face: Face, spec: CropSpec, path: Path) -> str:
    crop = cv2.cvtColor(cut(frame, face.box, spec, face.eyes), cv2.COLOR_RGB2BGR)
    path.write_bytes(cv2.imencode(".png", crop, _PNG)[1].tobytes())
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
    dropped = DROPPED if found > len(rows) else ""
    status = {"status": "ok", "reason": dropped} if rows else {"status": "skipped", "reason": why_none}
    counts = {"frames_read": read, "faces_found": found, "faces_kept": len(rows), "width": shape[1], "height": shape[0]}
    return {"coverage": {**status, **counts}, "rows": rows}
