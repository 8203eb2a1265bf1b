"""People of a clip: searched for where needed and followed in between, each person with a number."""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from dfd_lib.data.crops import Box
from dfd_lib.data.faces import Face, iou

STEP = 3
"""Every so many-th sampled frame is searched, and of the others those in which there is a doubt."""

CERTAIN = 0.6
"""A person whose boxes in two searched frames overlap (intersection over union) at least so much is followed between them."""

SAME_SCENE = 24.0
"""Frames whose pixels differ more than this on average (of 255) may show different scenes: nobody is followed between them."""

MIN_PRESENCE = 0.2
"""People of a clip seen in a smaller part of the frames that show any face are dropped, as false or passing."""

MAX_PEOPLE = 4
"""Of a clip's people so many are kept, by the total area of their faces."""


Search = Callable[[np.ndarray], list[Face]]
"""Finds the faces of a frame; an opened `Detector` is one."""

Followed = tuple[int, np.ndarray, list[Face]]
"""A frame's number, its pixels, its faces."""


@dataclass(frozen=True)
class _Seen:
    """A frame whose faces are known, and a few of its pixels."""

    index: int
    glance: np.ndarray
    faces: list[Face]


def follow(frames: Iterable[tuple[int, np.ndarray]], search: Search, step: int = STEP) -> Iterator[Followed]:
    """Find the faces of all frames of a clip without searching every frame.

    Every `step`-th frame is searched. Where two searched frames show the same
    scene and the same people, one to one, in nearly the same places, the boxes
    of the frames between lie on a straight line. Elsewhere the frame in the
    middle is searched too, and each half treated alike: down to every frame
    around a cut, or where somebody enters or leaves. So nobody is missed but
    who comes and goes between two searched frames that agree.

    Args:
        frames: (number, uint8 RGB array of shape (H, W, 3)), in order.
        search: finds the faces of a frame.
        step: 1 searches every frame. So many frames are held at once.

    Yields:
        (number, frame, faces): each frame as it came.

    Example:
        >>> def search(frame):
        ...     return [Face((float(frame[0, 0, 0]), 0.0, 50.0, 50.0), 0.9)]
        >>> clip = [(10 * n, np.full((9, 9, 3), n * n, np.uint8)) for n in range(4)]
        >>> [faces[0].box[0] for _, _, faces in follow(clip, search)]
        [0.0, 3.0, 6.0, 9.0]
    """
    before: _Seen | None = None
    waiting: list[tuple[int, np.ndarray]] = []
    for frame in frames:
        waiting.append(frame)
        if before is None or len(waiting) == step:
            before = yield from _settle(before, waiting, search)
            waiting.clear()
    if waiting:
        yield from _settle(before, waiting, search)


def _settle(before: _Seen | None, waiting: list[tuple[int, np.ndarray]], search: Search) -> Generator[Followed, None, _Seen]:
    """Give away the frames that wait; returns what the last of them shows, which is always searched."""
    last = _look(waiting[-1], search)
    between = _between(before, waiting[:-1], last, search) if before else []
    yield from ((*frame, faces) for frame, faces in zip(waiting, [*between, last.faces], strict=True))
    return last


def _look(frame: tuple[int, np.ndarray], search: Search) -> _Seen:
    return _Seen(frame[0], _glance(frame[1]), search(frame[1]))


def _glance(frame: np.ndarray) -> np.ndarray:
    """Some 64 pixels of the longer side, as numbers that can be subtracted."""
    stride = -(-max(frame.shape) // 64)
    return frame[::stride, ::stride].astype(np.int16)


def _between(before: _Seen, frames: list[tuple[int, np.ndarray]], after: _Seen, search: Search) -> list[list[Face]]:
    """The faces of frames between two whose faces are known."""
    if not frames:
        return []
    pairs = _pairs(before.faces, after.faces)
    if pairs and _same_scene([before.glance, *(_glance(frame) for _, frame in frames), after.glance]):
        shares = [(index - before.index) / (after.index - before.index) for index, _ in frames]
        return [[_blend(one, other, share) for one, other in pairs] for share in shares]
    middle = len(frames) // 2
    seen = _look(frames[middle], search)
    return [*_between(before, frames[:middle], seen, search), seen.faces, *_between(seen, frames[middle + 1 :], after, search)]


def _pairs(before: list[Face], after: list[Face]) -> list[tuple[Face, Face]]:
    """The same people, one to one; nothing where there is a doubt, or nobody."""
    best = [max(after, key=lambda other: iou(face.box, other.box), default=face) for face in before]
    certain = all(iou(face.box, other.box) >= CERTAIN for face, other in zip(before, best, strict=True))
    one_to_one = len(before) == len(after) == len(set(best))
    return list(zip(before, best, strict=True)) if certain and one_to_one else []


def _same_scene(glances: list[np.ndarray]) -> bool:
    first, *others = glances
    return all(glance.shape == first.shape and np.abs(glance - first).mean() <= SAME_SCENE for glance in others)


def _blend(before: Face, after: Face, share: float) -> Face:
    """On the straight line between the two, `share` of the way; as certain as the less certain one."""

    def mix(one: Sequence[float], other: Sequence[float]) -> tuple[float, ...]:
        return tuple((1 - share) * a + share * b for a, b in zip(one, other, strict=True))

    landmarks = None
    if before.landmarks and after.landmarks:
        landmarks = tuple(mix(one, other) for one, other in zip(before.landmarks, after.landmarks, strict=True))
    return Face(mix(before.box, after.box), min(before.score, after.score), landmarks)


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
