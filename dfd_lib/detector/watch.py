"""A photo or a video -> the people in it, each with their crops in the order of time.

The way a face takes is the one it took in training (`data.clips`): the same
search, the same people, the same crop.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from dfd_lib.data.crops import CropSpec, cut, read_image
from dfd_lib.data.faces import Face
from dfd_lib.data.frames import open_video, sample_frames
from dfd_lib.data.images import is_photo, moves
from dfd_lib.data.media import check_file
from dfd_lib.data.tracks import DROPPED, PASSED_BY, Searcher, follow, link, main_people

ANIMATED = "an animation, of which the first picture alone was judged"

SHOWN = 1280
"""Longest side in pixels of a frame that is kept to be shown."""


@dataclass(frozen=True)
class Seen:
    """One face of one frame.

    Args:
        frame: its number from 0; None of a photo.
        second: when it is shown, as far as the header's frame rate tells.
        face: where.
        crop: uint8 (size, size, 3), RGB.
    """

    frame: int | None
    second: float | None
    face: Face
    crop: np.ndarray


@dataclass(frozen=True)
class Watched:
    """What was seen of a file.

    Args:
        kind: `image` or `video`.
        people: of everybody who is judged, their faces in the order of time; of a photo each face is somebody.
        frames: that were looked at.
        remark: what the user should know of the file.
        shown: from a frame's number (None: the photo) to the frame as JPEG, at most `SHOWN` wide and high; empty unless asked for.
        scale: of the frames that are kept, 1 where nothing was shrunk.
    """

    kind: str
    people: Sequence[Sequence[Seen]]
    frames: int
    remark: str = ""
    shown: Mapping[int | None, bytes] = field(default_factory=dict)
    scale: float = 1.0

    def frame(self, number: int | None) -> np.ndarray:
        """A kept frame, uint8 (H, W, 3), RGB."""
        return cv2.cvtColor(cv2.imdecode(np.frombuffer(self.shown[number], np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def watch(path: Path, find: Searcher, crop: CropSpec, sampling: dict[str, int], *, limit: float, keep: bool = False) -> Watched:
    """Find the people of a file and cut their faces.

    Args:
        path: a photo or a video, told by its content.
        find: an opened face detector.
        crop: how faces are cut.
        sampling: frames of a clip, as `sample_frames` takes it.
        limit: seconds that reading a video may take.
        keep: keep the frames too, shrunk and packed, so that they can be shown without reading the file again.

    Raises:
        ValueError, FileNotFoundError: a bad file.
    """
    check_file(path)
    if is_photo(path):
        frame = read_image(path)
        seen = [[Seen(None, None, face, cut(frame, face.box, crop, face.eyes))] for face in find(frame)]
        shown = {None: _packed(frame)} if keep and seen else {}
        return Watched("image", seen, 1, ANIMATED if moves(path) else "", shown, _scale(frame))
    return _watch_clip(path, find, crop, sampling, limit, keep)


def _watch_clip(path: Path, find: Searcher, crop: CropSpec, sampling: dict[str, int], limit: float, keep: bool) -> Watched:
    frames = sample_frames(path, **sampling, limit=limit)
    following, rate, seen, shown, scale = follow(frames, find), _rate(path), [], {}, 1.0
    for number, frame, faces in following:
        second = round(number / rate, 2) if rate else None
        seen.append([Seen(number, second, face, cut(frame, face.box, crop, face.eyes)) for face in faces])
        if keep and faces:
            shown[number], scale = _packed(frame), _scale(frame)
    people = _people(seen, following.cuts)
    lost = sum(map(len, people)) < sum(map(len, seen))
    remarks = [frames.remark, (DROPPED if people else PASSED_BY) if lost else ""]
    return Watched("video", people, len(seen), "; ".join(filter(None, remarks)), shown, scale)


def _people(seen: Sequence[Sequence[Seen]], cuts: Sequence[int]) -> list[list[Seen]]:
    people: dict[int, list[Seen]] = {}
    who = main_people(link([[one.face for one in faces] for faces in seen], cuts), cuts)
    for faces, own in zip(seen, who, strict=True):
        for one, person in zip(faces, own, strict=True):
            if person is not None:
                people.setdefault(person, []).append(one)
    return [people[person] for person in sorted(people)]


def _scale(frame: np.ndarray) -> float:
    return min(1.0, SHOWN / max(frame.shape[:2]))


def _packed(frame: np.ndarray) -> bytes:
    scale = _scale(frame)
    small = frame if scale == 1 else cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def _rate(path: Path) -> float:
    """Frames a second as the header has them, 0 if it does not say."""
    with open_video(path) as capture:
        rate = capture.get(cv2.CAP_PROP_FPS)
    return rate if 0 < rate < 1000 else 0.0
