"""What is done again and what is not: by time, by content, after a crash, and where a swap is cut in its original's boxes."""

import io
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from drawn_media import listing, scene, write_clip, write_photo
from tqdm import tqdm

from dfd_lib.data import clips, cutting, records
from dfd_lib.data.extract import extract
from dfd_lib.data.names import folder_name
from dfd_lib.data.records import FILE, read_record
from dfd_lib.data.workers import Lost
from dfd_lib.experiment import Faces

NAMES = {"real/a.png": 0, "real/b.png": 0, "fake/a.png": 1}


@pytest.fixture
def media(tmp_path: Path) -> Path:
    for seed, name in enumerate(NAMES):
        write_photo(tmp_path / "media" / name, scene([(seed, 160, 30, 30)], (320, 240)))
    return tmp_path / "media"


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The names of the files that are read, and of those that are cut, from here on."""
    done: dict[str, list[str]] = {"read": [], "cut": []}

    def noting(kind: str, original):
        def noted(path: Path, *others: object, **more: object):
            done[kind].append(f"{path.parent.name}/{path.name}")
            return original(path, *others, **more)

        return noted

    monkeypatch.setattr(cutting, "identify", noting("read", records.identify))
    monkeypatch.setattr(cutting, "cut_file", noting("cut", clips.cut_file))
    return done


def run(media: Path, table: pd.DataFrame | None = None, **faces: object) -> tuple[pd.DataFrame, pd.DataFrame]:
    table = listing(NAMES) if table is None else table
    return extract(table, media, media.parent / "out", faces=Faces(size=32, **faces), workers=0, progress=False).read()


def again(done: dict[str, list[str]], *arguments: object, **more: object) -> tuple[list[str], list[str]]:
    for names in done.values():
        names.clear()
    run(*arguments, **more)
    return sorted(done["read"]), sorted(done["cut"])


def test_what_has_its_size_and_time_is_not_even_read(media: Path, done: dict) -> None:
    every = sorted(NAMES)
    assert again(done, media) == (every, every)
    assert again(done, media) == ([], [])
    os.utime(media / "real/a.png", (1, 1))
    assert again(done, media) == (["real/a.png"], []), "the same content under another time"
    assert again(done, media) == ([], []), "and the new time is known from then on"
    (media / "real/b.png").write_bytes((media / "real/a.png").read_bytes())
    assert again(done, media) == (["real/b.png"], ["real/b.png"])
    before = (media / "real/b.png").stat()
    write_photo(media / "real/c.png", scene([(8, 160, 30, 30)], (320, 240)))
    (media / "real/c.png").write_bytes((media / "real/c.png").read_bytes()[: before.st_size].ljust(before.st_size, b"x"))
    (media / "real/c.png").replace(media / "real/b.png")
    os.utime(media / "real/b.png", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert again(done, media)[0] == ["real/b.png"], "a copy of its size that says to be as old as it"
    assert again(done, media, margin=0.5) == (every, every)


SEEN = {"status": "ok", "reason": "", "frames_read": 1, "faces_found": 1, "faces_kept": 1, "width": 8, "height": 8}
ROW = {"name": "0.png", "frame": None, "face": 0, "box_x": 1, "box_y": 1, "box_w": 4, "box_h": 4, "score": 0.9}
RECORD = {"file": "a.png", "coverage": SEEN, "source": {"sha256": ""}, "stat": [1, 2], "sizes": {"0.png": 3}, "rows": [ROW]}
ROWS = ([1], [{}], [{**ROW, "name": "other.png"}], 3, None)
OLD = {name: RECORD[name] for name in ("coverage", "source", "stat", "rows")}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "1", "null", "{}", '"x"', json.dumps(OLD), json.dumps({**RECORD, "sizes": [1]}), json.dumps({**RECORD, "coverage": {}})]
    + [json.dumps({**RECORD, "rows": rows}) for rows in ROWS],
)
def test_a_damaged_or_older_record_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "0.png").write_bytes(b"png")
    (tmp_path / FILE).write_text(text)
    assert read_record(tmp_path, 10) is None
    (tmp_path / FILE).write_text(json.dumps(RECORD))
    assert read_record(tmp_path, 10) == RECORD


@pytest.mark.parametrize("crop", [None, b"", b"pn", b"pngs"])
def test_a_record_whose_crops_are_gone_or_of_another_size_is_none(tmp_path: Path, crop: bytes | None) -> None:
    (tmp_path / FILE).write_text(json.dumps(RECORD))
    if crop is not None:
        (tmp_path / "0.png").write_bytes(crop)
    assert read_record(tmp_path, 10) is None
    assert read_record(tmp_path / "none", 10) is None


def test_a_record_of_too_little_time_holds_until_there_is_more(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(b"png")
    (tmp_path / FILE).write_text(json.dumps({**RECORD, "limit": 10}))
    assert [read_record(tmp_path, limit) is None for limit in (5, 10, 11)] == [False, False, True]


@pytest.mark.parametrize(
    ("lost", "tried_again", "with_more_time"),
    [(Lost(True, False, "slow"), False, True), (Lost(False, False, "crash"), False, False), (Lost(False, True, "memory"), True, True)],
    ids=["slow", "crash", "killed"],
)
def test_a_file_that_ends_its_process_is_told_and_left_alone(
    media: Path, done: dict, monkeypatch: pytest.MonkeyPatch, lost: Lost, tried_again: bool, with_more_time: bool
) -> None:
    given: list[str] = []

    def losing(work, jobs: Iterable[tuple[str, tuple]], take: Callable, **_: object) -> None:
        for file, job in jobs:
            given.append(file)
            take(file, lost if file == "real/b.png" else work(*job))

    monkeypatch.setattr(cutting, "run_jobs", losing)
    for more, expected in (({}, True), ({}, tried_again), ({"time_limit": 900}, with_more_time)):
        given.clear()
        manifest, coverage = run(media, **more)
        assert ("real/b.png" in given) == expected
        assert coverage.set_index("file").loc["real/b.png", ["status", "reason"]].tolist() == ["skipped", lost.reason]
        assert set(manifest["video"]) == {"real/a", "fake/a"}
    write_photo(media / "real/b.png", scene([(7, 150, 30, 30)], (320, 240)))
    run(media)
    assert "real/b.png" in given, "a changed file is another one"


def test_a_clip_that_takes_too_long_is_skipped_until_it_may_take_longer(tmp_path: Path) -> None:
    write_clip(tmp_path / "media/a.mp4", [scene([(1, 160, 30, 30)], (320, 240))] * 3)
    table = listing({"a.mp4": 0})
    with pytest.raises(ValueError, match="expected to be done within 1e-06 s, came to frame 0 only"):
        run(tmp_path / "media", table, time_limit=1e-6)
    folder = tmp_path / "out/crops" / folder_name("a.mp4")
    assert [path.name for path in folder.iterdir()] == [FILE]
    assert json.loads((folder / FILE).read_text())["limit"] == 1e-6
    assert len(run(tmp_path / "media", table)[0]) == 1


@pytest.mark.parametrize("error", [MemoryError(), cv2.error("Insufficient memory"), cv2.error("std::bad_alloc")])
def test_a_file_without_enough_memory_is_told_and_tried_again(media: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    if "Insufficient" in str(error):
        error.code = cv2.Error.StsNoMem

    def hungry(path: Path) -> np.ndarray:
        if path.name == "b.png":
            raise error
        return clips.read_image(path)

    with monkeypatch.context() as patch:
        patch.setattr(clips, "read_photo", hungry)
        manifest, coverage = run(media)
    row = coverage.set_index("file").loc["real/b.png"]
    assert row["status"] == "skipped" and row["reason"].startswith("not enough memory")
    assert set(manifest["video"]) == {"real/a", "fake/a"}
    assert not list((media.parent / "out/crops").glob(".*"))
    assert set(run(media)[0]["video"]) == {"real/a", "real/b", "fake/a"}


def test_memory_that_a_damaged_photo_asks_for_is_not_its_damage(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hungry(image: object) -> None:
        raise MemoryError

    monkeypatch.setattr("dfd_lib.data.images._rgb", hungry)
    with pytest.raises(MemoryError):
        clips.verify_file(media / "real/a.png")


def test_the_bar_tells_how_fast_this_run_is(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(media)
    write_photo(media / "real/b.png", scene([(7, 150, 30, 30)], (320, 240)))
    bars: list[tqdm] = []

    class Bar(tqdm):
        def __init__(self, *arguments: object, **more: object) -> None:
            super().__init__(*arguments, **{**more, "file": io.StringIO()})
            bars.append(self)

    monkeypatch.setattr(cutting, "tqdm", Bar)
    extract(listing(NAMES), media, media.parent / "out", faces=Faces(size=32), workers=0)
    (bar,) = bars
    assert (bar.total, bar.n, bar.initial) == (3, 3, 2)


# -- leftovers --


def test_what_killed_runs_left_is_removed_and_nothing_else(media: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(media)
    out = media.parent / "out"
    ours = [".part-manifest.parquet-ab12_xyz", f"crops/.part-{folder_name('real/a.png')}-00000000", "crops/.part-x-record"]
    theirs = [".part-", ".part-mine", "notes/.part-x-00000000", "crops/notes", "crops/x-0123456789abcdef", "crops/.part-x"]
    for name in (*ours, *theirs):
        (out / name).mkdir(parents=True)
        (out / name / "x.png").write_text("x")
    extract(listing(NAMES), media, out, faces=Faces(size=32), workers=0)
    assert [name for name in (*ours, *theirs) if (out / name / "x.png").exists()] == theirs
    assert "removed: 3 unfinished by a run that was killed\n" in capfd.readouterr().err


def test_crops_go_with_their_file(media: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(media)
    crops = media.parent / "out/crops"
    fewer = {name: label for name, label in NAMES.items() if name != "real/b.png"}
    run(media, listing(fewer))
    assert (crops / folder_name("real/b.png")).is_dir(), "it is there, only not asked for"
    (media / "real/b.png").unlink()
    with pytest.raises(ValueError, match="none of fake"):
        run(media, listing({"real/a.png": 0, "fake/none.png": 1}))
    assert (crops / folder_name("real/b.png")).is_dir(), "a run that failed removes nothing"
    extract(listing(fewer), media, media.parent / "out", faces=Faces(size=32), workers=0)
    assert {path.name for path in crops.iterdir()} == {folder_name(name) for name in fewer}
    named = pd.read_parquet(media.parent / "out/manifest.parquet")["path"]
    assert {path.split("/")[1] for path in named} == {folder_name(name) for name in fewer}, "the manifest stands, and names what is left"
    assert "removed: crops of 1 files that are in the source no more" in capfd.readouterr().err


# -- boxes of the original --


@pytest.fixture
def swapped(media: Path) -> pd.DataFrame:
    """A swap in which no detector finds anybody, of real/a."""
    write_photo(media / "fake/a.png", np.full((240, 320, 3), 90, np.uint8))
    return listing(NAMES).assign(original=["", "", "real/a.png"])


def test_a_swap_is_cut_where_its_original_is(media: Path, swapped: pd.DataFrame, done: dict) -> None:
    with pytest.raises(ValueError, match="none of fake"):
        run(media, swapped)
    manifest, _ = run(media, swapped, boxes="original")
    boxes = manifest.set_index("video")[["face", "box_x", "box_y", "box_w", "box_h", "score"]]
    assert boxes.loc["fake/a"].tolist() == boxes.loc["real/a"].tolist()
    assert again(done, media, swapped, boxes="original") == ([], [])
    assert "fake/a.png" not in done["cut"]
    write_photo(media / "real/a.png", scene([(0, 160, 50, 40)], (320, 240)))
    assert again(done, media, swapped, boxes="original")[1] == ["fake/a.png", "real/a.png"], "its original's boxes are other ones now"
    with pytest.raises(ValueError, match="none of fake"):
        run(media, swapped)
    assert done["cut"] == ["real/a.png", "fake/a.png", "fake/a.png"], "of the original nothing has changed"


def test_a_swap_whose_original_was_skipped_says_so(media: Path, swapped: pd.DataFrame) -> None:
    write_photo(media / "fake/c.png", scene([(4, 160, 30, 30)], (320, 240)))
    table = pd.concat([swapped, listing({"fake/c.png": 1}).assign(original="real/b.png")], ignore_index=True)
    assert len(run(media, table, boxes="original")[0]) == 4
    (media / "real/a.png").write_bytes(b"")
    write_photo(media / "real/b.png", scene([(9, 160, 30, 30)], (320, 240)))
    (media / "real/b.png").write_bytes((media / "real/b.png").read_bytes()[:500])
    write_photo(media / "real/d.png", scene([(4, 160, 30, 30)], (320, 240)))
    write_photo(media / "fake/d.png", scene([(4, 160, 30, 30)], (320, 240)))
    more = listing({"real/d.png": 0, "fake/d.png": 1}).assign(original=["", "real/d.png"])
    manifest, coverage = run(media, pd.concat([table, more], ignore_index=True), boxes="original")
    rows = coverage.set_index("file")
    assert set(manifest["video"]) == {"real/d", "fake/d"}
    assert rows.loc["fake/a.png", "reason"].startswith(
        "its original real/a.png was skipped: expected an image or a video, came an empty file"
    )
    assert rows.loc["fake/c.png", "reason"].startswith("its original real/b.png was skipped: expected a whole image, came a damaged one")
    assert rows.loc[["fake/a.png", "fake/c.png"], "status"].eq("skipped").all()


@pytest.mark.parametrize("original", ["", "real/none.png", "fake/a.png"])
def test_a_swap_without_a_listed_original_is_searched(media: Path, original: str) -> None:
    table = listing(NAMES).assign(original=["", "", original])
    pd.testing.assert_frame_equal(run(media, table, boxes="original")[0], run(media, table)[0])


def test_a_swap_of_a_swap_is_searched(media: Path, swapped: pd.DataFrame) -> None:
    write_photo(media / "real/b.png", scene([(5, 140, 40, 30)], (320, 240)))
    table = swapped.assign(original=["", "fake/a.png", "real/a.png"])
    manifest, _ = run(media, table, boxes="original")
    own, _ = run(media, swapped, boxes="original")
    pd.testing.assert_frame_equal(manifest, own)
