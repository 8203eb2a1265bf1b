"""Listings of small trees of every layout; files are empty, since nothing is decoded."""

import json
import mimetypes
import os
import unicodedata
from pathlib import Path

import pandas as pd
import pytest
from drawn_media import numbered, write_clip
from PIL import Image

from dfd_lib.data.sources import COLUMNS, LAYOUTS, list_source


def touch(root: Path, *files: str) -> Path:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def listed(root: Path, **options) -> tuple[pd.DataFrame, dict[str, str]]:
    """The listing by file, and the problems by file."""
    listing, problems = list_source(root, **options)
    return listing.set_index("file"), dict(zip(problems["file"], problems["reason"], strict=True))


def dfdc(root: Path) -> Path:
    for part, prefix in (("part_0", "a"), ("part_1", "b")):
        entries = {
            f"{prefix}1.mp4": {"label": "REAL", "split": "train"},
            f"{prefix}2.mp4": {"label": "FAKE", "split": "train", "original": f"{prefix}1.mp4"},
            f"{prefix}3.mp4": {"label": "FAKE", "split": "train", "original": f"{prefix}9.mp4"},
            f"{prefix}4.mp4": {"label": "FAKE", "split": "train", "original": f"{prefix}9.mp4"},
        }
        touch(root, *(f"{part}/{name}" for name in entries))
        (root / part / "metadata.json").write_text(json.dumps(entries))
    return root


def test_dfdc(tmp_path):
    touch(dfdc(tmp_path), "part_0/extra.mp4")
    (tmp_path / "part_1/b4.mp4").unlink()
    table, problems = listed(tmp_path)
    assert set(problems) == {"part_0/extra.mp4", "part_1/b4.mp4"}
    assert list(table["label"]) == [0, 1, 1, 1, 0, 1, 1]
    assert table.loc["part_0/a2.mp4", "source"] == "part_0/a1" == table.loc["part_0/a1.mp4", "video"]
    assert list(table["group"]) == ["part_0/a1", "part_0/a1", "part_0/a3", "part_0/a3", "part_1/b1", "part_1/b1", "part_1/b3"]
    assert set(table["split"]) == {"train"}
    assert list(table["method"].unique()) == ["real", "unknown"]
    assert set(table["kind"]) == {"video"}


def dfdc_faces(root: Path) -> Path:
    touch(root, *(f"faces_224/{name}.jpg" for name in ("a", "b", "c", "d")))
    lines = ["videoname,original_width,original_height,label,original", "a.mp4,9,9,FAKE,b.mp4", "b.mp4,9,9,REAL,", "c.mp4,9,9,REAL,"]
    (root / "metadata.csv").write_text("\n".join([*lines, "d.mp4,9,9,FAKE,x.mp4", "e.mp4,9,9,FAKE,b.mp4"]))
    (root / "scenes.csv").write_text("videoname,scene\na.mp4,1\nc.mp4,1\nd.mp4,2\nnobody.mp4,2\n")
    return root


def test_dfdc_faces_with_groups(tmp_path):
    table, problems = listed(dfdc_faces(tmp_path), groups="scenes.csv", dataset="mine")
    assert set(problems) == {"e.mp4", "nobody.mp4"}
    assert list(table["scene"]) == ["1", "", "1", "2"]
    # a and b by the source, a and c by the scene
    assert list(table["group"]) == ["faces_224/a", "faces_224/a", "faces_224/a", "faces_224/d"]
    assert set(table["dataset"]) == {"mine"}


def faceforensics(root: Path, ending: str = "videos/{}.mp4") -> Path:
    for clip in ("033", "097", "100", "101", "200"):
        touch(root, f"original_sequences/youtube/c23/{ending.format(clip)}")
    for method in ("Deepfakes", "FaceShifter"):
        for clip in ("033_097", "097_033", "100_101", "101_100"):
            touch(root, f"manipulated_sequences/{method}/c23/{ending.format(clip)}")
    return root


def test_faceforensics(tmp_path):
    touch(
        faceforensics(tmp_path),
        "manipulated_sequences/Deepfakes/c23/videos/033_100.mp4",
        "manipulated_sequences/Deepfakes/c23/videos/033.mp4",
        "manipulated_sequences/Deepfakes/masks/videos/033_097.mp4",
    )
    for part, pairs in (("train", [["033", "097"]]), ("val", [["101", "100"]]), ("test", [["200", "201"]])):
        touch(tmp_path, f"splits/{part}.json").joinpath(f"splits/{part}.json").write_text(json.dumps(pairs))
    table, problems = listed(tmp_path)
    assert set(problems) == {f"manipulated_sequences/Deepfakes/c23/videos/{clip}.mp4" for clip in ("033_100", "033")} | {
        "manipulated_sequences/Deepfakes/masks/videos/033_097.mp4"
    }
    swap = table.loc["manipulated_sequences/FaceShifter/c23/videos/033_097.mp4"]
    assert (swap["person"], swap["donor"], swap["method"], swap["label"], swap["split"]) == ("033", "097", "FaceShifter", 1, "train")
    assert swap["source"] == "original_sequences/youtube/c23/videos/033"
    assert swap["source"] in set(table["video"])
    assert table.groupby("split").size().to_dict() == {"train": 6, "val": 6, "test": 1}
    assert table.groupby("split")["group"].nunique().to_dict() == {"train": 1, "val": 1, "test": 1}


def test_faceforensics_frames_and_actors(tmp_path):
    faceforensics(tmp_path, "frames/{}/0003.png")
    touch(tmp_path, "original_sequences/actors/c23/videos/01__hugging_happy.mp4")
    touch(tmp_path, "manipulated_sequences/DeepFakeDetection/c23/videos/01_02__hugging_happy__YVGY8LOK.mp4")
    table, problems = listed(tmp_path)
    assert not problems
    frame = table.loc["manipulated_sequences/Deepfakes/c23/frames/033_097/0003.png"]
    assert (frame["video"], frame["frame"]) == ("manipulated_sequences/Deepfakes/c23/frames/033_097", 3)
    actor = table.loc["manipulated_sequences/DeepFakeDetection/c23/videos/01_02__hugging_happy__YVGY8LOK.mp4"]
    assert (actor["person"], actor["donor"]) == ("01", "02")
    assert actor["source"] == "original_sequences/actors/c23/videos/01__hugging_happy"
    assert table["group"].nunique() == 4  # two pairs, 200 alone, the actors


def celeb_df(root: Path) -> Path:
    touch(root, "Celeb-real/id0_0000.mp4", "Celeb-real/id1_0000.mp4", "Celeb-real/id2_0000.mp4", "YouTube-real/00170.mp4")
    touch(root, "Celeb-synthesis/id0_id1_0000.mp4", "Celeb-synthesis/id1_id0_0000.mp4", "Celeb-synthesis/odd.mp4")
    lines = ["1 YouTube-real/00170.mp4", "0 Celeb-synthesis/id1_id0_0000.mp4", "1 Celeb-real/id9_0000.mp4", ""]
    (root / "List_of_testing_videos.txt").write_text("\r\n".join(lines))
    return root


def test_celeb_df_one_is_real_in_its_list(tmp_path):
    table, problems = listed(celeb_df(tmp_path))
    assert set(problems) == {"Celeb-real/id9_0000", "Celeb-synthesis/odd.mp4"}
    assert list(table.index[table["split"] == "test"]) == ["Celeb-synthesis/id1_id0_0000.mp4", "YouTube-real/00170.mp4"]
    assert table.loc["YouTube-real/00170.mp4", "label"] == 0
    swap = table.loc["Celeb-synthesis/id1_id0_0000.mp4"]
    assert (swap["label"], swap["person"], swap["donor"], swap["source"]) == (1, "id1", "id0", "Celeb-real/id1_0000")
    assert list(table["group"]) == ["Celeb-real/id0_0000"] * 2 + ["Celeb-real/id2_0000"] + ["Celeb-real/id0_0000"] * 2 + [
        "YouTube-real/00170"
    ]


def test_celeb_df_refuses_a_list_with_turned_labels(tmp_path):
    (celeb_df(tmp_path) / "List_of_testing_videos.txt").write_text("0 YouTube-real/00170.mp4\n")
    with pytest.raises(ValueError, match="expected 1 before real videos"):
        list_source(tmp_path)


def mesonet(root: Path) -> Path:
    return touch(root, *(f"{side}/{video}_{frame}.jpg" for side in ("df", "real") for video in ("07_12", "x") for frame in (3, 20)))


def test_mesonet(tmp_path):
    table, problems = listed(mesonet(tmp_path))
    assert not problems
    assert (table.loc["df/07_12_20.jpg", "video"], table.loc["df/07_12_20.jpg", "frame"]) == ("df/07_12", 20)
    assert (table.loc["df/07_12_20.jpg", "label"], table.loc["df/07_12_20.jpg", "method"]) == (1, "Deepfakes")
    assert table["group"].nunique() == 4


@pytest.mark.parametrize(
    ("real", "fake", "method"),
    [
        ("real", "fake", "unknown"),
        ("Real", "DeepFake", "unknown"),
        ("training_real", "training_fake", "unknown"),
        ("0", "1", "unknown"),
        ("0_real", "1_fake", "unknown"),
        ("REAL faces", "f2f", "Face2Face"),
        ("a/original", "a/manipulated/FaceSwap", "FaceSwap"),
    ],
)
def test_folders(tmp_path, real, fake, method):
    table, problems = listed(touch(tmp_path, f"{real}/a.jpg", f"{real}/b.MP4", f"{fake}/a.png", f"{fake}/c.jpg"), layout="folders")
    assert not problems
    assert table["label"].to_dict() == {f"{real}/a.jpg": 0, f"{real}/b.MP4": 0, f"{fake}/a.png": 1, f"{fake}/c.jpg": 1}
    assert table["kind"].to_dict()[f"{real}/b.MP4"] == "video"
    assert set(table["method"]) == {"real", method}
    assert table["group"].nunique() == 4


@pytest.mark.parametrize("pattern", ["{part}/{side}/{name}", "{side}/{part}/{name}", "{part}_{side}/{name}"])
def test_folders_with_an_official_split(tmp_path, pattern):
    for part in ("train", "Validation", "test"):
        touch(tmp_path, *(pattern.format(part=part, side=side, name="0001.jpg") for side in ("real", "fake")))
    table, problems = listed(tmp_path)
    assert not problems
    assert table.groupby(["split", "label"]).size().to_dict() == {(part, label): 1 for part in ("train", "val", "test") for label in (0, 1)}
    assert table["group"].nunique() == 6


def test_numbered_images_in_a_folder_of_their_own_are_one_clip(tmp_path):
    table, _ = listed(
        touch(tmp_path, *(f"{side}/0/frame_{at:04}.png" for side in ("fake", "real") for at in (0, 7)), "fake/0/still.png", "fake/12.png")
    )
    assert list(table["video"]) == ["fake/0", "fake/0", "fake/0/still", "fake/12", "real/0", "real/0"]
    assert list(table["frame"]) == [0, 7, 0, 0, 0, 7]


def test_folders_do_not_guess(tmp_path):
    """A name that merely contains a class word is no class; a path that says both is set aside."""
    touch(tmp_path, "real/a.jpg", "fake/b.jpg", "real_madrid/c.jpg", "real_vs_fake/d.jpg", "fake/real/e.jpg", "f.jpg", "surreal/g.jpg")
    table, problems = listed(tmp_path)
    assert list(table.index) == ["fake/b.jpg", "real/a.jpg"]
    assert set(problems) == {"real_madrid/c.jpg", "real_vs_fake/d.jpg", "fake/real/e.jpg", "f.jpg", "surreal/g.jpg"}


def own(root: Path, *lines: str) -> Path:
    (root / "listing.csv").write_text("\n".join(lines), encoding="utf-8-sig")
    return root


def test_listing(tmp_path):
    touch(tmp_path, "clips/a.mp4", "clips/b.mp4", "clips/c.mp4", "d é 'x'.jpg", "clips/unnamed.mp4")
    own(
        tmp_path,
        "file,label,method,person,donor,source,dataset,split,group,frame",
        "clips/a.mp4,REAL,,ann,,,,Training,,",
        "./clips/b.mp4,fake,swap,,bob,a.mp4,other,val,,",
        "clips\\c.mp4,1,,,,,,,scene 1,",
        "d é 'x'.jpg,0,,,,,,,scene 1,12",
        "clips/gone.mp4,0,,,,,,,,",
    )
    table, problems = listed(tmp_path)
    assert set(problems) == {"clips/gone.mp4", "clips/unnamed.mp4"}
    assert list(table["label"]) == [0, 1, 1, 0]
    assert list(table["method"]) == ["real", "swap", "unknown", "real"]
    assert list(table["split"]) == ["train", "val", "", ""]
    assert list(table["frame"]) == [0, 0, 0, 12]
    assert list(table["dataset"]) == [tmp_path.name, "other", tmp_path.name, tmp_path.name]
    # the source's folder is completed, and its person is who the fake shows
    assert (table.loc["clips/b.mp4", "source"], table.loc["clips/b.mp4", "person"]) == ("clips/a", "ann")
    assert table.loc["clips/c.mp4", "group"] == table.loc["d é 'x'.jpg", "group"] == "clips/c"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["file,label", "a.jpg,maybe"], r"line 2: label: expected REAL, FAKE, 0 \(real\) or 1 \(fake\), came 'maybe'"),
        (["file,label", "a.jpg,0", "b.jpg,"], "line 3: label"),
        (["file,lable", "a.jpg,0"], "add 'label'"),
        (["file,label,persn", "a.jpg,0,ann"], "did you mean 'person'"),
        (["file,label,split", "a.jpg,0,holdout"], "line 2: split: expected train, val, calib, test"),
        (["file,label,frame", "a.jpg,0,-3"], "line 2: frame: expected a whole number from 0, came '-3'"),
        (["file,label", "a.jpg,0", "b.jpg,0"], "came 2 real and 0 fake"),
        (["file,label", "a.jpg,0", "a.jpg,1", "b.jpg,1"], "a.jpg: expected one label, came both"),
        ([], "listing.csv: expected a CSV table"),
        (['file,label\n"a.jpg,0'], "listing.csv: expected a CSV table"),
    ],
)
def test_listing_errors_are_one_line(tmp_path, lines, message):
    with pytest.raises(ValueError, match=message) as caught:
        list_source(own(touch(tmp_path, "a.jpg", "b.jpg"), *lines))
    assert "\n" not in str(caught.value)


def test_a_line_named_twice_counts_once(tmp_path):
    table, problems = listed(own(touch(tmp_path, "a.jpg", "b.jpg"), "file,label,person", "a.jpg,0,x", "b.jpg,1,", "a.jpg,0,y"))
    assert (table.loc["a.jpg", "person"], list(problems)) == ("x", ["a.jpg"])


BUILDERS = {"dfdc": dfdc, "dfdc-faces": dfdc_faces, "faceforensics": faceforensics, "celeb-df": celeb_df, "mesonet": mesonet}


@pytest.mark.parametrize("layout", BUILDERS)
def test_auto_recognises(tmp_path, layout):
    build = BUILDERS[layout]
    (tmp_path / "data").mkdir()
    table, problems = list_source(build(tmp_path / "data"))
    named, same = list_source(tmp_path / "data", layout=layout)
    pd.testing.assert_frame_equal(table, named)
    pd.testing.assert_frame_equal(problems, same)
    assert tuple(table) == COLUMNS
    assert list(table["file"]) == sorted(table["file"])
    assert tuple(problems) == ("file", "reason")


def originals(root: Path, **options) -> dict[str, str]:
    """From each file that has an original in the listing to that file."""
    column = listed(root, **options)[0]["original"]
    return column[column != ""].to_dict()


def test_originals_are_files_of_the_listing(tmp_path):
    """A swap's boxes can be taken from its original, so the column names a file that is there, or nothing."""
    assert originals(dfdc(tmp_path / "dfdc")) == {"part_0/a2.mp4": "part_0/a1.mp4", "part_1/b2.mp4": "part_1/b1.mp4"}
    assert originals(dfdc_faces(tmp_path / "faces")) == {"faces_224/a.jpg": "faces_224/b.jpg"}
    assert originals(celeb_df(tmp_path / "celeb")) == {
        "Celeb-synthesis/id0_id1_0000.mp4": "Celeb-real/id0_0000.mp4",
        "Celeb-synthesis/id1_id0_0000.mp4": "Celeb-real/id1_0000.mp4",
    }
    swaps = originals(faceforensics(tmp_path / "ff"))
    assert len(swaps) == 8
    assert swaps["manipulated_sequences/FaceShifter/c23/videos/101_100.mp4"] == "original_sequences/youtube/c23/videos/101.mp4"
    assert originals(mesonet(tmp_path / "mesonet")) == {}


def test_the_original_of_a_frame_is_the_frame_of_the_same_number(tmp_path):
    faceforensics(tmp_path, "frames/{}/0003.png")
    touch(tmp_path, "manipulated_sequences/Deepfakes/c23/frames/033_097/0004.png")
    swaps = originals(tmp_path)
    swap = "manipulated_sequences/Deepfakes/c23/frames/033_097"
    assert swaps[f"{swap}/0003.png"] == "original_sequences/youtube/c23/frames/033/0003.png"
    assert f"{swap}/0004.png" not in swaps


def test_the_original_of_your_own_listing_keeps_its_suffix(tmp_path):
    touch(tmp_path, "real/a.avi", "fake/a.mp4", "fake/b.mp4", "real/b.jpg")
    own(tmp_path, "file,label,source", "real/a.avi,0,", "fake/a.mp4,1,real/a", "real/b.jpg,0,", "fake/b.mp4,1,real/b.jpg")
    assert originals(tmp_path) == {"fake/a.mp4": "real/a.avi"}, "a photo is no clip's original"


def test_few_clips_with_one_frame_each_are_no_mesonet(tmp_path):
    """`real_00001.jpg` has the form <video>_<frame>, but a class of one clip is rather a class of photos."""
    touch(tmp_path, *(f"real/real_{at:05}.jpg" for at in range(9)), *(f"fake/easy_{at}_1111.jpg" for at in range(9)))
    table, _ = list_source(tmp_path)
    assert table["group"].nunique() == 18


def test_auto_refuses_two_layouts_and_none(tmp_path):
    with pytest.raises(ValueError, match="signs of dfdc and celeb-df; name the layout"):
        list_source(celeb_df(dfdc(tmp_path / "both")))
    with pytest.raises(ValueError, match="no sign of one") as caught:
        list_source(touch(tmp_path / "none", "a.jpg"))
    assert all(name in str(caught.value) for name in LAYOUTS)
    table, _ = list_source(own(celeb_df(tmp_path / "word"), "file,label", "Celeb-real/id0_0000.mp4,0", "Celeb-synthesis/odd.mp4,1"))
    assert len(table) == 2  # your own listing wins


def test_wrong_layouts(tmp_path):
    touch(tmp_path, "real/a.jpg", "fake/b.jpg")
    with pytest.raises(ValueError, match="did you mean 'folders'"):
        list_source(tmp_path, layout="folder")
    with pytest.raises(ValueError, match=r"expected the layout 'dfdc'.*found no sign of it"):
        list_source(tmp_path, layout="dfdc")


def test_missing_and_empty_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a folder, found none"):
        list_source(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="expected images or videos, found none"):
        list_source(touch(tmp_path, "notes.txt"))
    with pytest.raises(ValueError, match="expected a folder, came a file"):
        list_source(tmp_path / "notes.txt")


@pytest.mark.parametrize("text", ["", "[]", '{"a1.mp4": {}}', '{"a1.mp4": {"label": "FAKE"', "\udcff"])
def test_unreadable_json_is_one_line(tmp_path, text):
    (dfdc(tmp_path) / "part_0/metadata.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=r"^part_0/metadata.json: expected") as caught:
        list_source(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("videoname\na.mp4\n", "scenes.csv: expected two columns"),
        ("videoname,scene\na.mp4,1\na.mp4,2\n", "expected one group for 'a.mp4', came several"),
        ("", "scenes.csv: expected a CSV table"),
    ],
)
def test_wrong_groups(tmp_path, text, message):
    (dfdc_faces(tmp_path) / "scenes.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        list_source(tmp_path, groups="scenes.csv")
    with pytest.raises(FileNotFoundError, match="expected a CSV file"):
        list_source(tmp_path, groups="scene.csv")


@pytest.mark.parametrize("name", ["real/one.jpg", "real/one", "one.jpg", "one", "ONE"])
def test_groups_name_files_in_any_way(tmp_path, name):
    touch(tmp_path, "real/one.jpg", "fake/two.jpg", "fake/three.jpg")
    (tmp_path / "g.csv").write_text(f"video,session\n{name},7\nfake/two,7\n")
    table, problems = listed(tmp_path, groups=str(tmp_path / "g.csv"))
    assert (table.loc["real/one.jpg", "group"] == table.loc["fake/two.jpg", "group"]) == (name != "ONE")
    assert table.loc["fake/three.jpg", "group"] == "fake/three"
    assert list(problems) == ["ONE"] * (name == "ONE")


def test_doubles_are_set_aside(tmp_path):
    """Two files that differ only in suffix would have one name in every table."""
    touch(tmp_path, "real/a.jpg", "real/a.png", "fake/b.jpg", "fake/b.mp4")
    table, problems = listed(tmp_path)
    assert list(table.index) == ["fake/b.mp4", "real/a.jpg"]
    assert set(problems) == {"real/a.png", "fake/b.jpg"}
    assert "same name as real/a.jpg but for the suffix" in problems["real/a.png"]


def test_names_that_differ_in_case_or_composition_are_different(tmp_path):
    names = ["real/a.jpg", "real/A.jpg", "fake/\u00e9.jpg", "fake/e\u0301.jpg", "fake/\ufb01.jpg", "fake/fi.jpg"]
    table, problems = listed(touch(tmp_path, *names))
    assert set(table.index) == set(names)
    assert table["video"].is_unique and table["group"].is_unique
    assert problems == {}


def test_a_list_may_compose_accents_otherwise_than_the_disk(tmp_path):
    """NFC in the tables, NFD on the disk, as a Mac writes it."""
    disk, typed = (unicodedata.normalize(form, "clip\u00e9") for form in ("NFD", "NFC"))
    touch(tmp_path, f"{disk}.mp4", f"{disk}_fake.mp4", "plain.mp4")
    own(tmp_path, "file,label,source", f"{typed}.mp4,REAL,", f"{typed}_fake.mp4,FAKE,{typed}.mp4", "plain.mp4,REAL,")
    (tmp_path / "scenes.csv").write_text(f"video,scene\n{typed},one\nplain,one\n")
    table, problems = listed(tmp_path, groups="scenes.csv")
    assert problems == {}
    assert set(table.index) == {f"{disk}.mp4", f"{disk}_fake.mp4", "plain.mp4"}
    assert table.loc[f"{disk}_fake.mp4", "source"] == disk
    assert table["group"].nunique() == 1


def test_odd_files_are_problems_and_never_fatal(tmp_path):
    touch(
        tmp_path,
        "real/a.jpg",
        "fake/b.jpg",
        "fake/c.gif",
        "real/d.heic",
        "real/.hidden.jpg",
        "__MACOSX/real/a.jpg",
        ".git/x.jpg",
        "real/Thumbs.db",
    )
    (tmp_path / "real/loop").symlink_to(tmp_path)
    (tmp_path / "real/itself.jpg").symlink_to("itself.jpg")
    (tmp_path / "real/broken.jpg").symlink_to("nothing")
    os.mkfifo(tmp_path / "fake/pipe.jpg")
    touch(tmp_path, "real/new\nline.jpg")
    with open(os.fsencode(tmp_path) + b"/fake/latin\xe9.jpg", "w"):  # noqa: PTH123
        pass
    table, problems = listed(tmp_path)
    assert list(table.index) == ["fake/b.jpg", "fake/c.gif", "real/a.jpg"]
    assert set(problems) == {
        *("real/d.heic", "real/loop", "real/itself.jpg", "real/broken.jpg", "fake/pipe.jpg"),
        *("real/new\\nline.jpg", "fake/latin\\udce9.jpg"),
    }
    assert all("\n" not in reason for reason in problems.values())


def test_every_suffix_that_people_have_is_known(tmp_path):
    """Whatever Python or the machine takes for media has a row, in the listing or among the problems."""
    media = [suffix for suffix, kind in mimetypes.types_map.items() if kind.startswith(("image/", "video/"))]
    own = [
        ".jfif",
        ".mts",
        ".m2ts",
        ".ts",
        ".ogv",
        ".3gp",
        ".gif",
        ".webm",
        ".mkv",
        ".MP4",
        ".Jpeg",
        ".flv",
        ".wmv",
        ".vob",
        ".mxf",
        ".heic",
    ]
    names = {f"fake/{number}{suffix}" for number, suffix in enumerate([*media, *own])}
    for name in names:
        touch(tmp_path, name).joinpath(name).write_bytes(b"\x89PNG\r\n\x1a\n")  # so that a suffix that nobody knows is not needed
    table, problems = listed(touch(tmp_path, "real/a.jpg"))
    assert set(table.index) | set(problems) == names | {"real/a.jpg"}
    kinds = {Path(name).suffix: kind for name, kind in table["kind"].items()}
    assert {kinds[suffix] for suffix in (".ogv", ".3gp", ".webm", ".mkv", ".m2ts", ".MP4")} == {"video"}
    assert {kinds[suffix] for suffix in (".jfif", ".Jpeg", ".gif")} == {"image"}
    assert "Convert it" in next(reason for name, reason in problems.items() if name.endswith(".heic"))


def test_where_the_suffix_says_nothing_the_content_does(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", numbered(3)).read_bytes()
    Image.fromarray(numbered(1)[0]).save(tmp_path / "still.gif")
    Image.fromarray(numbered(1)[0]).save(tmp_path / "still.avif")
    frames = [Image.fromarray(frame) for frame in numbered(3)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    contents = {
        "real/bare": clip, "real/clip.dat": clip, "real/moving.gif": (tmp_path / "moving.gif").read_bytes(), "fake/code.ts": b"let a = 1\n",
        "fake/still.gif": (tmp_path / "still.gif").read_bytes(), "fake/photo.png_": b"\x89PNG\r\n\x1a\n", "fake/cut.ts": b"\x47\0",
        "fake/new": (tmp_path / "still.avif").read_bytes(), "LICENSE": b"words", "fake/list.dat": b"#EXTM3U\n", "fake/empty.mts": b"",
    }  # fmt: skip
    root = touch(tmp_path / "set", *contents)
    for name, content in contents.items():
        (root / name).write_bytes(content)
    told = []
    table, problems = listed(touch(root, "notes.txt", "real/facts.csv"), tell=told.append)
    kinds = {"real/bare": "video", "real/clip.dat": "video", "real/moving.gif": "video", "fake/cut.ts": "video", "fake/empty.mts": "video"}
    assert table["kind"].to_dict() == {**kinds, "fake/still.gif": "image", "fake/photo.png_": "image"}
    assert list(problems) == ["fake/new"] and "AVIF" in problems["fake/new"]
    assert told == ["5 files are neither images nor videos: 1 .csv, 1 .dat, 1 .ts, 1 .txt, 1 without suffix"]


def test_an_unreadable_file_of_an_unknown_kind_is_a_problem(tmp_path, as_nobody):
    touch(tmp_path, "real/a.jpg", "fake/b.jpg", "fake/c").joinpath("fake/c").chmod(0)
    for folder in (tmp_path, tmp_path / "real", tmp_path / "fake"):
        folder.chmod(0o755)
    as_nobody(tmp_path)
    assert "Permission denied" in listed(tmp_path)[1]["fake/c"]


def test_linked_folders_are_followed(tmp_path):
    touch(tmp_path, "disk/real/a.jpg", "disk/fake/b.jpg")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/real").symlink_to(tmp_path / "disk/real")
    (tmp_path / "set/fake").symlink_to(tmp_path / "disk/fake")
    table, problems = listed(tmp_path / "set")
    assert (list(table.index), problems) == (["fake/b.jpg", "real/a.jpg"], {})


def test_real_dfdc_faces(shared_data):
    listing, problems = list_source(shared_data("dfdc_faces"), groups="scenes.csv")
    assert listing["label"].value_counts().to_dict() == {0: 6000, 1: 6000}
    assert problems.empty
    groups = listing.groupby("group")["label"]
    assert groups.nunique().eq(2).all()  # each swap is with its original
    assert (listing["group"].nunique(), groups.size().nlargest(3).to_list()) == (4946, [232, 122, 116])


def test_real_folders(shared_data):
    photos, problems = list_source(shared_data("ciplab_faces"))
    assert photos["label"].value_counts().to_dict() == {0: 1081, 1: 960}
    assert photos["group"].is_unique
    assert problems.empty


def test_real_dfdc_videos(shared_data):
    videos, _ = list_source(shared_data("dfdc_videos"))
    assert list(videos["label"]) == [1, 0, 1, 0, 0, 1, 1]
