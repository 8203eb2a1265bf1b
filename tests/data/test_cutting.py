"""What is done again and what is not: by time, by content, after a crash, and where a swap is cut in its original's boxes."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from drawn_media import listing, scene, write_clip, write_photo

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
    return extract(table, media, media.parent / "out", faces=Faces(size=32, **faces), workers=0, progress=False)


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
    assert again(done, media, margin=0.5) == (every, every)


RECORD = {"coverage": {}, "source": {"sha256": ""}, "stat": [1, 2], "rows": []}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "1", "null", "{}", '"x"', *(json.dumps({**RECORD, "rows": rows}) for rows in ([1], [{}], [{"name": "gone.png"}], 3))],
)
def test_a_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert read_record(tmp_path, 10) is None
    (tmp_path / FILE).write_text(json.dumps(RECORD))
    assert read_record(tmp_path, 10) == RECORD


def test_a_record_of_too_little_time_holds_until_there_is_more(tmp_path: Path) -> None:
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

    def losing(work, jobs: dict[str, tuple], **_: object) -> dict:
        given.extend(jobs)
        return {file: lost if file == "real/b.png" else work(*job) for file, job in jobs.items()}

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
