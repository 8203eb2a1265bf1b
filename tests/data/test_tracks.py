"""People of a clip: what is followed against what is searched for in every frame; tracking against people whose names are known."""

import itertools
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from drawn_media import scene
from hypothesis import given
from hypothesis import strategies as st

from dfd_lib.data.faces import Detector, Face, iou, open_detector
from dfd_lib.data.frames import sample_frames
from dfd_lib.data.tracks import MAX_PEOPLE, Searcher, follow, link, main_people

Clip = list[tuple[int, np.ndarray]]
SMALL = (320, 180)  # searched as it is, in a quarter of the time


@pytest.fixture(scope="module")
def detector() -> Detector:
    return open_detector()


def clip_of(frames: list[np.ndarray]) -> Clip:
    """Every tenth frame of something."""
    return [(10 * number, frame) for number, frame in enumerate(frames)]


class Counting:
    """A detector that knows how often it was asked to search a whole frame."""

    def __init__(self, detector: Searcher) -> None:
        self.detector, self.asked = detector, 0

    def __call__(self, frame: np.ndarray) -> list[Face]:
        self.asked += 1
        return self.detector(frame)

    def near(self, frame: np.ndarray, faces: Sequence[Face]) -> list[Face]:
        return self.detector.near(frame, faces)


class Drawn:
    """Finds who is in a frame by its first pixel; around a place, who overlaps with it."""

    def __init__(self, truth: Callable[[int], list[Face]]) -> None:
        self.truth = truth

    def __call__(self, frame: np.ndarray) -> list[Face]:
        return self.truth(int(frame[0, 0, 0]))

    def near(self, frame: np.ndarray, faces: Sequence[Face]) -> list[Face]:
        return [one for one in self(frame) if any(iou(one.box, face.box) for face in faces)]


def same_as_searching_all(clip: Clip, detector: Searcher, step: int = 3) -> int:
    """Check that everybody is where a search of every frame finds him; returns how many frames were searched."""
    counting = Counting(detector)
    for (number, frame, faces), (index, pixels) in zip(follow(clip, counting, step), clip, strict=True):
        assert number == index
        assert frame is pixels
        found = detector(frame)
        assert len(faces) == len(found), f"frame {number}"
        assert all(max(iou(face.box, one.box) for one in found) > 0.7 for face in faces), f"frame {number}"
    return counting.asked


# -- following --


def talk(count: int, seed: int = 1) -> list[np.ndarray]:
    """Somebody who sways a little."""
    frame = scene([(seed, 120, 100, 30)], SMALL)
    return [np.roll(frame, round(6 * np.sin(step)), axis=1) for step in range(count)]


@pytest.mark.parametrize("step", [2, 3, 100])
def test_who_stays_is_followed(detector: Detector, step: int) -> None:
    asked = same_as_searching_all(clip_of(talk(8)), detector, step)
    assert asked == 1 + -(-7 // step), "the first, every step-th from there, the last"


def test_searching_every_frame_is_the_detector_itself(detector: Detector) -> None:
    clip = clip_of(talk(4))
    assert [faces for _, _, faces in follow(clip, detector, 1)] == [detector(frame) for _, frame in clip]


@pytest.mark.parametrize("cut", range(4, 7))
def test_a_cut_to_another_place_is_seen(detector: Detector, cut: int) -> None:
    there = [scene([(2, 90, 10, 10), (3, 75, 225, 90)], SMALL, wall=150)] * 8
    same_as_searching_all(clip_of(talk(8)[:cut] + there[cut:]), detector)


@pytest.mark.parametrize("away", range(4, 7))
def test_a_single_frame_of_another_scene_is_seen(detector: Detector, away: int) -> None:
    """Between two frames that agree: nobody may be put into it."""
    frames = talk(8)
    frames[away] = scene([], SMALL, wall=200)
    same_as_searching_all(clip_of(frames), detector)


@pytest.mark.parametrize("enters", range(4, 7))
def test_who_enters_or_leaves_is_seen_at_once(detector: Detector, enters: int) -> None:
    one, both = scene([(1, 100, 20, 30)], SMALL), scene([(1, 100, 20, 30), (2, 80, 210, 50)], SMALL)
    frames = [both if step >= enters else one for step in range(8)]
    same_as_searching_all(clip_of(frames), detector)
    same_as_searching_all(clip_of(frames[::-1]), detector)


def test_who_is_in_the_same_place_of_a_dark_scene_is_not_mistaken(detector: Detector) -> None:
    """Both scenes are so dark that their pixels hardly differ, and the same place shows a face in both."""
    here, there = (scene(people, SMALL, wall=40) // 4 for people in ([(1, 110, 20, 30)], [(2, 110, 20, 30), (3, 100, 200, 40)]))
    same_as_searching_all(clip_of([here] * 2 + [there] * 2 + [here] * 2), detector, 12)


def test_where_nobody_was_found_every_frame_is_searched() -> None:
    counting = Counting(Drawn(lambda number: []))
    assert all(faces == [] for _, _, faces in follow(clip_of([scene([], SMALL)] * 10), counting))
    assert counting.asked == 10


def numbered(count: int) -> Clip:
    """Frames of one scene that tell their number."""
    frames = [np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8) for _ in range(count)]
    for number, frame in enumerate(frames):
        frame[0, 0, 0] = number
    return clip_of(frames)


visit = st.tuples(st.integers(0, 30), st.integers(1, 30), st.floats(-4, 4), st.floats(-4, 4), st.floats(60, 90))


@given(st.lists(visit, min_size=1, max_size=4), st.integers(2, 30), st.integers(1, 8))
def test_only_who_is_there_for_less_than_a_step_may_be_missed(people: list[tuple], count: int, step: int) -> None:
    """People come, walk and go; each is known by his score."""

    def here(time: int) -> list[int]:
        return [who for who, (comes, stays, *_) in enumerate(people) if comes <= time < comes + stays]

    def truth(time: int) -> list[Face]:
        walks = [(who, *people[who][2:]) for who in here(time)]
        return [Face((400 * who + right * time, 150 + down * time, size, size), 0.9 - who / 100) for who, right, down, size in walks]

    seen = Counter(who for time in range(count) for who in here(time))
    for time, (_, _, faces) in enumerate(follow(numbered(count), Drawn(truth), step)):
        expected = truth(time)
        assert all(face in expected for face in faces)
        assert all(face in faces for who, face in zip(here(time), expected, strict=True) if seen[who] >= step)


def test_few_frames_are_held_however_long_the_clip() -> None:
    alive: list[weakref.ref] = []
    most = 0

    def frames() -> Iterator[tuple[int, np.ndarray]]:
        nonlocal most
        for number in range(200):
            frame = np.full((8, 8, 3), 255 * (number % 50 > 25), np.uint8)
            alive.append(weakref.ref(frame))
            most = max(most, sum(one() is not None for one in alive))
            yield number, frame
            del frame

    for _ in follow(frames(), Drawn(lambda number: [Face((1, 1, 5, 5), 0.9)]), 3):
        pass
    assert 3 <= most <= 3 + 2, "those that wait, the one that is being decoded, and the one in the caller's hands"


def test_large_frames_are_held_in_smaller_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    clip = numbered(13)
    monkeypatch.setattr("dfd_lib.data.tracks.HELD", 2 * clip[0][1].nbytes)
    counting = Counting(Drawn(lambda number: [Face((1, 1, 50, 50), 0.9)]))
    assert len(list(follow(clip, counting, 100))) == 13
    assert counting.asked == 1 + 6, "the first, and every second from there"


# -- cuts --


def people_by_frame(frames: list[np.ndarray], step: int) -> list[list[int]]:
    """Who is who, if in every frame a face is found in the same place."""
    followed = follow(clip_of(frames), Drawn(lambda number: [Face((110, 40, 100, 100), 0.9)]), step)
    faces = [own for _, _, own in followed]
    return link(faces, followed.cuts)


@pytest.mark.parametrize("step", [1, 3, 100])
@pytest.mark.parametrize("cut", [1, 4, 7])
def test_two_people_in_the_same_place_on_both_sides_of_a_cut_are_two(step: int, cut: int) -> None:
    here, there = scene([(1, 120, 100, 30)], SMALL), scene([(2, 120, 100, 30)], SMALL, wall=150)
    ids = people_by_frame([here] * cut + [there] * (8 - cut), step)
    first = 0 if cut >= 4 else 1  # who is seen longer
    assert ids == [[first]] * cut + [[1 - first]] * (8 - cut)


def test_who_moves_before_a_plain_wall_stays_the_same() -> None:
    """Nearly all pixels of the person change, but nothing else does."""
    frames = [scene([(1, 120, 30 + 30 * step, 30)], SMALL) for step in range(6)]
    assert people_by_frame(frames, 1) == [[0]] * 6


def test_cuts_are_where_the_scene_changes_however_frames_are_grouped() -> None:
    rng = np.random.default_rng(0)
    scenes = [rng.integers(low, low + 90, (90, 160, 3), dtype=np.uint8) for low in (0, 120, 60)]
    clip = clip_of([scenes[0]] * 3 + [scenes[1]] * 4 + [scenes[2]])
    for step in range(1, 10):
        followed = follow(clip, Drawn(lambda number: []), step)
        assert len(list(followed)) == 8
        assert followed.cuts == [3, 7]


def test_real_clips_without_a_cut_have_none(shared_data: Callable[[str], Path]) -> None:
    for path in sorted(shared_data("dfdc_videos").rglob("*.mp4"))[:2]:
        followed = follow(sample_frames(path, every=50), Drawn(lambda number: []))
        assert len(list(followed)) == 6
        assert followed.cuts == []


# -- names --

boxes = st.tuples(st.integers(0, 200), st.integers(0, 200), st.integers(1, 90), st.integers(1, 90))
some_faces = st.lists(st.builds(Face, boxes, st.integers(0, 100).map(lambda percent: percent / 100)), max_size=12)


@given(st.integers(1, 5), st.integers(2, 25), st.integers(0, 2**32 - 1))
def test_people_who_move_keep_their_id(people: int, length: int, seed: int) -> None:
    """Each walks within a column of his own, up to his own width a frame, and is missed in a third of the frames, never for long."""
    rng = np.random.default_rng(seed)
    sizes = rng.uniform(40, 90, people)
    at = np.array([300.0 * person + 150 for person in range(people)])
    unseen = np.zeros(people, int)
    frames, names = [], []
    for _ in range(length):
        at = np.clip(at + rng.uniform(-0.5, 0.5, people) * sizes, 300 * np.arange(people) + 60, 300 * np.arange(people) + 240)
        visible = [person for person in rng.permutation(people) if unseen[person] >= 1 or rng.random() > 0.33]
        unseen = np.array([0 if person in visible else unseen[person] + 1 for person in range(people)])
        frames.append([Face((at[person] - sizes[person] / 2, 100, sizes[person], 1.2 * sizes[person]), 0.9) for person in visible])
        names.append(visible)
    ids = link(frames)
    pairs = {(name, own) for row, own_row in zip(names, ids, strict=True) for name, own in zip(row, own_row, strict=True)}
    seen = {name for row in names for name in row}
    assert len(pairs) == len(seen) == len({own for _, own in pairs}), "one id a person, one person an id"
    total = dict.fromkeys(range(len(seen)), 0.0)
    for face, own in zip(itertools.chain.from_iterable(frames), itertools.chain.from_iterable(ids), strict=True):
        total[own] += face.area
    assert list(total.values()) == sorted(total.values(), reverse=True)


@given(st.lists(some_faces, max_size=8))
def test_nobody_is_twice_in_a_frame(frames: list[list[Face]]) -> None:
    ids = link(frames)
    assert [len(own) for own in ids] == [len(faces) for faces in frames]
    assert all(len(set(own)) == len(own) for own in ids)
    assert set(itertools.chain.from_iterable(ids)) == set(range(len(set(itertools.chain.from_iterable(ids)))))


def test_who_returns_late_is_somebody_new() -> None:
    face = [Face((100, 100, 50, 50), 0.9)]
    assert link([face, *[[]] * 5, face]) == [[0], *[[]] * 5, [0]]
    assert link([face, *[[]] * 6, face]) == [[0], *[[]] * 6, [1]]


def test_who_is_elsewhere_is_somebody_else() -> None:
    here, there = Face((100, 100, 50, 50), 0.9), Face((300, 100, 40, 40), 0.9)
    assert link([[here], [there]]) == [[0], [1]]


def test_passing_and_minor_people_are_dropped() -> None:
    assert main_people([[0, 1]] * 2 + [[0]] * 8) == [[0, 1]] * 2 + [[0]] * 8
    assert main_people([[0, 1]] * 1 + [[0]] * 8) == [[0, None]] + [[0]] * 8
    assert main_people([[0]] + [[]] * 50) == [[0]] + [[]] * 50, "frames without a face do not count against anybody"
    crowd = list(range(MAX_PEOPLE + 3))
    assert main_people([crowd]) == [[*range(MAX_PEOPLE), None, None, None]]
    assert main_people([]) == []


def test_after_a_cut_everybody_is_new() -> None:
    left, right = Face((0, 0, 50, 50), 0.9), Face((200, 0, 40, 40), 0.9)
    assert link([[left, right]] * 2 + [[left, right]] * 3, cuts=[2]) == [[1, 3]] * 2 + [[0, 2]] * 3
    assert link([[left]] * 3, cuts=[0]) == [[0]] * 3


def test_who_is_kept_is_judged_within_the_scene() -> None:
    """Ten scenes of one person each: nobody is in a fifth of the clip, and nobody is dropped."""
    ids = [[scene] for scene in range(10) for _ in range(3)]
    cuts = range(3, 30, 3)
    assert main_people(ids, cuts) == ids
    assert main_people(ids) == [[None]] * 30
    passing = [[0], [0], [0], [0], [0], [0, 1]] + [[2, 3]] + [[2]] * 7
    assert main_people(passing, [6]) == [[0]] * 5 + [[0, None]] + [[1, None]] + [[1]] * 7
    crowds = [list(range(6)), list(range(6, 12))]
    assert main_people(crowds, [1]) == [[0, 1, 2, 3, None, None], [4, 5, 6, 7, None, None]]


def test_passers_by_are_compared_with_who_was_there_lately_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand people who are seen once each, as in a street, cost a comparison with the last few each."""
    compared = 0

    def counted(a: tuple, b: tuple) -> float:
        nonlocal compared
        compared += 1
        return iou(a, b)

    monkeypatch.setattr("dfd_lib.data.tracks.iou", counted)
    ids = link([[Face((500.0 * time, 0, 50, 50), 0.9)] for time in range(1000)])
    assert len({who for own in ids for who in own}) == 1000
    assert compared <= 1000 * 6
