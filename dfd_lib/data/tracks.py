"""People of a clip: searched for where needed and followed in between, each person with a number."""

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Protocol

import numpy as np

from dfd_lib.data.crops import Box
from dfd_lib.data.faces import Face, iou
from dfd_lib.data.scenes import glance, is_cut, same_scene

STEP = 6
"""Every so many-th sampled frame is searched, and of the others those in which there is a doubt."""

HELD = 2**26
"""Bytes of frames that wait for the next searched one; larger frames wait in smaller numbers."""

CERTAIN = 0.3
"""Boxes of two sampled frames, doubled, that overlap (intersection over union) at least so much are one person's beyond doubt."""

MIN_PRESENCE = 0.2
"""People seen in a smaller part of the frames of their scene that show any face are dropped, as false or passing."""

MAX_PEOPLE = 4
"""Of the people of a scene so many are kept, by the total area of their faces."""

DROPPED = f"some faces are dropped, of people who pass by or come after the {MAX_PEOPLE} largest"
"""Said of a clip with people whom `main_people` leaves out."""

PASSED_BY = "no face stayed long enough"
"""Said of a clip in which it leaves out everybody."""

Followed = tuple[int, np.ndarray, list[Face]]
"""A frame's number, its pixels, its faces."""


class Searcher(Protocol):
    """What finds faces; an opened `Detector` is one."""

    def __call__(self, frame: np.ndarray) -> list[Face]:
        """Search a whole frame."""

    def near(self, frame: np.ndarray, faces: Sequence[Face]) -> list[Face]:
        """Search around the places of some faces."""


@dataclass(frozen=True)
class _Seen:
    """A frame that was searched: its faces, and a glance at it."""

    faces: list[Face]
    glance: np.ndarray


def follow(frames: Iterable[tuple[int, np.ndarray]], detector: Searcher, step: int = STEP) -> "Following":
    """Find the faces of all frames of a clip without searching every frame whole.

    Whole frames are searched every `step`-th time and on both sides of every
    change of scene. From one such frame people are followed to the next: looked
    for around the place where they were, which costs a tenth. If nobody was
    there, if anybody is lost or somebody comes near, or if the next searched
    frame shows others than those who were followed, all frames between are
    searched whole. So nobody is missed but who comes and goes, away from the
    others, between two searched frames of one scene that show the same people.

    Args:
        frames: (number, uint8 RGB array of shape (H, W, 3)), in order.
        detector: finds the faces of a frame.
        step: 1 searches every frame. So many frames are held at once, within `HELD`.

    Returns:
        An iterable of (number, frame, faces): each frame as it came.
    """
    return Following(frames, detector, step)


class Following:
    """What `follow` returns; to be iterated over once.

    Attributes:
        cuts: after the iteration, the frames that begin another scene, as
            their places in the order of the frames (`CUT`).
    """

    def __init__(self, frames: Iterable[tuple[int, np.ndarray]], detector: Searcher, step: int) -> None:
        self.frames, self.detector, self.step = frames, detector, step
        self.cuts: list[int] = []
        self._done = 0

    def __iter__(self) -> Iterator[Followed]:
        before: _Seen | None = None
        waiting: list[tuple[int, np.ndarray]] = []
        for frame in self.frames:
            waiting.append(frame)
            if before is None or len(waiting) >= min(self.step, HELD // frame[1].nbytes):
                before = yield from self._settle(before, waiting)
                waiting.clear()
        if waiting:
            yield from self._settle(before, waiting)

    def _settle(self, before: _Seen | None, waiting: list[tuple[int, np.ndarray]]) -> Generator[Followed, None, _Seen]:
        """Give away the frames that wait; returns what the last of them shows, which is always searched."""
        glances = [glance(frame) for _, frame in waiting]
        pairs = list(pairwise([before.glance if before else glances[0], *glances]))
        self.cuts += [place for place, pair in enumerate(pairs, self._done) if is_cut(*pair)]
        self._done += len(waiting)
        changes = [before is None or not same_scene(*pairs[0])] + [not same_scene(*pair) for pair in pairs[1:]]
        faces, between = before.faces if before else [], []
        for frame, begins, ends in zip(waiting, changes, [*changes[1:], True], strict=True):
            if begins or ends:
                found = self.detector(frame[1])
                yield from _between(faces, between, found, self.detector)
                yield (*frame, found)
                faces, between = found, []
            else:
                between.append(frame)
        return _Seen(faces, glances[-1])


def _between(before: list[Face], frames: list[tuple[int, np.ndarray]], after: list[Face], detector: Searcher) -> Iterator[Followed]:
    """Follow people from one searched frame to the next; where there is a doubt, search all frames between."""
    followed: list[list[Face]] = [before]
    for _, frame in frames:
        faces = detector.near(frame, followed[-1])
        if not _same_people(followed[-1], faces):
            break
        followed.append(faces)
    certain = len(followed) == len(frames) + 1 and _same_people(followed[-1], after)
    for place, (number, frame) in enumerate(frames, 1):
        yield number, frame, followed[place] if certain else detector(frame)


def _same_people(one: list[Face], other: list[Face]) -> bool:
    """Somebody, the same number, and each in nearly the same place."""
    return bool(one) and len(one) == len(other) == len(_match(dict(enumerate(one)), other, CERTAIN))


def link(frames: Sequence[Sequence[Face]], cuts: Iterable[int] = (), *, same: float = 0.1, patience: int = 5) -> list[list[int]]:
    """Give the faces of a clip the number of the person they belong to.

    Greedy: of all pairs of a person's last face and a face of the next frame,
    the best overlapping is joined first. Boxes are compared at twice their
    size, since a head may move by its own width between two sampled frames.

    Args:
        frames: the faces of each sampled frame, in order.
        cuts: places of frames that begin another scene. Who is seen there is
            somebody new, even in the place where another was.
        same: smallest intersection over union (of the doubled boxes) of one person.
        patience: a person unseen in more frames than this is a new one afterwards.

    Returns:
        For each frame the ids of its faces; the person with the largest total
        area is 0, the next 1, and so on.

    Example:
        >>> left, right = Face((0, 0, 40, 40), 0.9), Face((200, 0, 50, 50), 0.9)
        >>> link([[right, left], [left], [left, right]])
        [[0, 1], [1], [1, 0]]
        >>> link([[left], [left], [left]], cuts=[2])
        [[0], [0], [1]]
    """
    known: dict[int, tuple[int, Face]] = {}  # who may still be seen again: when and where that was last
    ids: list[list[int]] = []
    cuts, count = set(cuts), 0
    for time, faces in enumerate(frames):
        known = {} if time in cuts else {who: seen for who, seen in known.items() if time - seen[0] <= patience + 1}
        own = _match({who: face for who, (_, face) in known.items()}, faces, same)
        for which, face in enumerate(faces):
            if which not in own:
                own[which], count = count, count + 1
            known[own[which]] = (time, face)
        ids.append([own[which] for which in range(len(faces))])
    return _by_area(frames, ids)


def _match(known: Mapping[int, Face], faces: Sequence[Face], same: float) -> dict[int, int]:
    """From a face's place to its person, best overlaps first."""
    places = {who: _doubled(face.box) for who, face in known.items()}
    pairs = [(iou(box, _doubled(face.box)), who, which) for which, face in enumerate(faces) for who, box in places.items()]
    matched: dict[int, int] = {}
    for overlap, who, which in sorted(pairs, key=lambda pair: (-pair[0], pair[1:])):
        if overlap >= same and which not in matched and who in places:
            matched[which] = who
            del places[who]
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


def main_people(ids: Sequence[Sequence[int]], cuts: Iterable[int] = ()) -> list[list[int | None]]:
    """Number the people of a clip who are kept from 0; the others become None.

    Kept are, of every scene, the `MAX_PEOPLE` largest of those seen in at least
    `MIN_PRESENCE` of its frames that show any face.

    Args:
        ids: what `link` returned.
        cuts: as `link` was given them.

    Example:
        >>> main_people([[0, 1]] + [[1]] * 9)
        [[None, 0], [0], [0], [0], [0], [0], [0], [0], [0], [0]]
    """
    ends = [0, *sorted(cuts), len(ids)]
    stayed = sorted(chain.from_iterable(_stayed(ids[start:end]) for start, end in pairwise(ends)))
    number = {who: place for place, who in enumerate(stayed)}
    return [[number.get(who) for who in own] for own in ids]


def _stayed(scene: Sequence[Sequence[int]]) -> list[int]:
    """Who is kept of a scene; smaller numbers are larger people."""
    frames = Counter(chain.from_iterable(scene))
    needed = MIN_PRESENCE * sum(bool(own) for own in scene)
    return [who for who in sorted(frames) if frames[who] >= needed][:MAX_PEOPLE]
