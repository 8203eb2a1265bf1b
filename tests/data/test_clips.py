"""One file -> crops: where they are cut when the boxes come from the file's original."""

from pathlib import Path

import numpy as np
import pytest
from drawn_media import scene, write_clip, write_photo

from dfd_lib.data.clips import Boxes, Record, boxes_of, cut_file
from dfd_lib.data.crops import CropSpec, cut, read_image
from dfd_lib.data.faces import MAX_FACES, Detector, Face, open_detector
from dfd_lib.data.frames import sample_frames

SPEC = CropSpec(size=64)
NOBODY = Detector("nobody", "0", lambda image: [])


@pytest.fixture(scope="module")
def detector() -> Detector:
    return open_detector()


def original(path: Path, count: int = 6) -> Path:
    """Two people who move apart."""
    return write_clip(path, [scene([(1, 160, 150 - 5 * step, 100), (2, 200, 350 + 5 * step, 60)]) for step in range(count)])


def swap(path: Path, count: int = 6, size: tuple[int, int] = (640, 360)) -> Path:
    """The same frames, blurred into noise where no detector finds anybody."""
    rng = np.random.default_rng(0)
    return write_clip(path, [rng.integers(90, 160, (size[1], size[0], 3), dtype=np.uint8) for _ in range(count)])


def cut_into(folder: Path, path: Path, kind: str, detector: Detector, **boxes: Boxes) -> Record:
    folder.mkdir()
    return cut_file(path, kind, folder, detector, SPEC, {"every": 2} if kind == "video" else {}, **boxes)


def test_a_swap_is_cut_where_its_originals_faces_are(tmp_path: Path, detector: Detector) -> None:
    seen = cut_into(tmp_path / "a", original(tmp_path / "a.mp4"), "video", detector)
    assert [(row["frame"], row["face"]) for row in seen["rows"]] == [(frame, who) for frame in (0, 2, 4) for who in (0, 1)]
    record = cut_into(tmp_path / "b", swap(tmp_path / "b.mp4"), "video", NOBODY, boxes=boxes_of(seen))
    assert record["rows"] == seen["rows"], "places, ids, scores and names are the original's"
    assert record["coverage"] == seen["coverage"]
    frames = dict(sample_frames(tmp_path / "b.mp4", every=2))
    for row in record["rows"]:
        box = tuple(row[side] for side in ("box_x", "box_y", "box_w", "box_h"))
        assert np.array_equal(read_image(tmp_path / "b" / row["name"]), cut(frames[row["frame"]], box, SPEC))


def test_without_boxes_the_same_file_is_searched(tmp_path: Path, detector: Detector) -> None:
    record = cut_into(tmp_path / "b", swap(tmp_path / "b.mp4"), "video", detector)
    assert record["coverage"]["reason"] == "no face was found"


def test_a_swap_that_is_shorter_or_longer_is_cut_where_both_have_frames(tmp_path: Path, detector: Detector) -> None:
    seen = cut_into(tmp_path / "a", original(tmp_path / "a.mp4"), "video", detector)
    short = cut_into(tmp_path / "b", swap(tmp_path / "b.mp4", 3), "video", NOBODY, boxes=boxes_of(seen))
    assert short["rows"] == seen["rows"][:4]
    long = cut_into(tmp_path / "c", swap(tmp_path / "c.mp4", 9), "video", NOBODY, boxes=boxes_of(seen))
    assert long["rows"] == seen["rows"]
    assert [one["coverage"]["frames_read"] for one in (short, long)] == [2, 5]


def test_another_size_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    boxes = Boxes((640, 360), {0: [(0, Face((100, 100, 80, 80), 0.9))]})
    record = cut_into(tmp_path / "b", swap(tmp_path / "b.mp4", size=(320, 180)), "video", NOBODY, boxes=boxes)
    assert record["coverage"]["status"] == "skipped"
    assert record["coverage"]["reason"].startswith("expected frames of 640 x 360 as in its original, came 320 x 180.")
    assert record["rows"] == list((tmp_path / "b").iterdir()) == []


def test_an_original_without_faces_gives_a_reason(tmp_path: Path) -> None:
    nothing = cut_into(tmp_path / "a", original(tmp_path / "a.mp4"), "video", NOBODY)
    record = cut_into(tmp_path / "b", swap(tmp_path / "b.mp4"), "video", NOBODY, boxes=boxes_of(nothing))
    assert (record["coverage"]["status"], record["coverage"]["reason"]) == ("skipped", "its original shows no face in these frames")


def test_a_clip_that_ends_early_is_used_as_far_as_it_goes(tmp_path: Path, detector: Detector) -> None:
    path = write_clip(tmp_path / "a.avi", [scene([(1, 200, 150, 60)])] * 10, "MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for finder, status, reason in ((detector, "ok", ""), (NOBODY, "skipped", "no face was found; ")):
        record = cut_into(tmp_path / status, path, "video", finder)
        assert record["coverage"]["status"] == status
        assert record["coverage"]["reason"].startswith(f"{reason}ended early: 0.")


def test_a_photo_is_its_own_only_frame(tmp_path: Path, detector: Detector) -> None:
    write_photo(tmp_path / "a.png", scene([(1, 160, 20, 100), (2, 200, 350, 60)]))
    write_photo(tmp_path / "b.png", np.full((360, 640, 3), 90, np.uint8))
    seen = cut_into(tmp_path / "a", tmp_path / "a.png", "image", detector)
    record = cut_into(tmp_path / "b", tmp_path / "b.png", "image", NOBODY, boxes=boxes_of(seen))
    assert len(record["rows"]) == 2
    assert record["rows"] == seen["rows"]


def test_a_photo_full_of_false_faces_has_a_bounded_number_of_crops_and_says_so(tmp_path: Path) -> None:
    """A pattern of tiles that a detector takes for thousands of faces."""
    tiles = [((4.0 * (n % 150), 4.0 * (n // 150), 30.0, 30.0), 0.7 + 0.3 * n / 15_000, None) for n in range(15_000)]
    path = write_photo(tmp_path / "tiles.png", np.tile(np.indices((8, 8)).sum(0)[..., None] % 2 * 255, (60, 80, 3)).astype(np.uint8))
    record = cut_into(tmp_path / "a", path, "image", Detector("many", "0", lambda image: tiles))
    assert record["coverage"]["status"] == "ok"
    assert 50 < record["coverage"]["faces_kept"] == len(list((tmp_path / "a").iterdir())) <= MAX_FACES
    assert record["coverage"]["reason"] == "more than 99 faces: the most certain were kept"
