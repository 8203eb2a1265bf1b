"""`dfd score --detector`: a whole data set scored by a detector, against its networks' formula."""

import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
import tiny_bundle
import tiny_clips
from typer.testing import CliRunner

from dfd_lib.cli import app, main
from dfd_lib.data.crops import resize
from dfd_lib.data.demo import draw_portrait
from dfd_lib.data.extract import extract
from dfd_lib.data.sources import list_source
from dfd_lib.detector.examples import example
from dfd_lib.detector.predict import DeepfakeDetector
from dfd_lib.experiment import Faces
from dfd_lib.tables import check_predictions, read_table

RUN = CliRunner()


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    return {"faces": tiny_bundle.write(folder / "faces.dfd"), "clips": tiny_clips.write(folder / "clips.dfd")}


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """Two people a class, three crops each, and one file that is none."""
    root = tmp_path_factory.mktemp("crops")
    for number in range(12):
        folder = root / ("real", "fake")[number % 2]
        folder.mkdir(exist_ok=True)
        image = np.random.default_rng(number).integers(0, 256, (40, 40, 3), dtype=np.uint8) // (1 + number % 3)
        cv2.imwrite(str(folder / f"v{number // 6}_{number}.png"), image)
    (root / "real" / "v0_99.jpg").write_bytes(b"\xff\xd8 not a picture")
    return root


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    root = tmp_path_factory.mktemp("media")
    for kind in ("real", "fake"):
        (root / kind).mkdir()
        shutil.copy(example(f"drawn-{kind}.mp4"), root / kind / f"{kind}-clip.mp4")
    (root / "real" / "broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42 nothing more")
    cv2.imwrite(str(root / "fake" / "photo.png"), cv2.cvtColor(draw_portrait(5, 256), cv2.COLOR_RGB2BGR))
    cv2.imwrite(str(root / "fake" / "wall.png"), np.full((200, 300, 3), 200, np.uint8))
    return root


def score(data, bundle, out, *more):
    done = RUN.invoke(app, ["score", "--detector", str(bundle), "--data", str(data), "--out", str(out), *more])
    assert done.exit_code == 0, done.output
    return check_predictions(read_table(out)), done


def pixels(path):
    return resize(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB), 32)


def test_crops_are_scored_by_members_and_ensemble_and_the_broken_one_is_told(bundles, crops, tmp_path):
    table, done = score(crops, bundles["faces"], tmp_path / "p.parquet")
    assert "skipped real/v0_99.jpg: expected an image" in done.stderr and "1 skipped" in done.stdout
    frames = table[table["level"] == "frame"].pivot(index="path", columns="model", values="p_fake")
    assert sorted(frames.index) == sorted(str(path.relative_to(crops)) for path in crops.rglob("*.png"))
    seen = np.stack([pixels(crops / path) for path in frames.index])
    assert frames["bright"].to_numpy() == pytest.approx(tiny_bundle.expected(seen), abs=1e-5)
    assert frames["red"].to_numpy() == pytest.approx(tiny_bundle.expected(seen, tiny_bundle.RED), abs=1e-5)
    assert frames["tiny"].to_numpy() == pytest.approx(frames[["bright", "red"]].mean(axis=1))
    clips = table[table["level"] == "video"]
    assert set(clips["model"]) == {"tiny"} and len(clips) == 4  # a person of each of four clips
    one = frames[frames.index.str.startswith("real/v0")]
    assert clips.set_index("video").loc["real/v0", "p_fake"] == pytest.approx(one[["bright", "red"]].mean(axis=0).mean())
    assert set(table.loc[table["path"].str.startswith("fake"), "label"]) == {1}


def test_members_of_clips_score_persons_in_the_order_of_time(bundles, crops, tmp_path):
    table, _ = score(crops, bundles["clips"], tmp_path / "p.csv")
    assert {(model, level) for model, level in zip(table["model"], table["level"], strict=True)} == {
        ("bright", "frame"),
        ("clips", "video"),
        ("tiny", "video"),
    }
    files = sorted((crops / "fake").glob("v0_*"), key=lambda file: int(file.stem.split("_")[1]))
    own = table[(table["video"] == "fake/v0") & (table["level"] == "video")].set_index("model")["p_fake"]
    assert own["clips"] == pytest.approx(tiny_clips.expected([pixels(file) for file in files]), abs=1e-5)


def test_media_are_scored_as_the_detector_judges_them(bundles, clips, tmp_path):
    table, done = score(clips, bundles["faces"], tmp_path / "p.parquet")
    assert "skipped real/broken.mp4: expected" in done.stderr and "skipped fake/wall.png: no face was found" in done.stderr
    judge, persons = DeepfakeDetector(bundles["faces"], threads=1), table[(table["model"] == "tiny") & (table["level"] == "video")]
    for kind in ("real", "fake"):
        verdict = judge(clips / kind / f"{kind}-clip.mp4")
        assert persons.set_index("video").loc[f"{kind}/{kind}-clip", "p_fake"] == pytest.approx(verdict.score, abs=1e-6)
        own = table[(table["video"] == f"{kind}/{kind}-clip") & (table["model"] == "tiny") & (table["level"] == "frame")]
        assert list(own["frame"]) == [moment.frame for moment in verdict.people[0].moments]
    assert "fake/photo" in set(persons["video"])


def test_what_extract_wrote_is_scored_as_it_lies_and_another_cut_is_told(bundles, clips, tmp_path):
    listing, _ = list_source(clips)
    listing = listing[listing["kind"] == "video"]
    extract(listing, clips, tmp_path / "faces", faces=Faces(frames=3, margin=0.5, size=64), workers=0, progress=False)
    table, done = score(tmp_path / "faces", bundles["faces"], tmp_path / "p.parquet")
    manifest = read_table(tmp_path / "faces" / "manifest.parquet")
    frames = table[(table["level"] == "frame") & (table["model"] == "bright")]
    assert sorted(frames["path"]) == sorted(manifest["path"]) and len(frames) == 6
    assert "cut with margin 0.5, square True, align False, the detector cuts with margin 0.3" in done.stderr
    path = frames["path"].iloc[0]
    assert frames["p_fake"].iloc[0] == pytest.approx(tiny_bundle.expected(pixels(tmp_path / "faces" / path)[None])[0], abs=1e-5)


def test_images_may_be_whole_photos(bundles, tmp_path):
    for kind, number in (("real", 3), ("fake", 4)):
        (tmp_path / "in" / kind).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "in" / kind / "a.png"), cv2.cvtColor(draw_portrait(number, 256), cv2.COLOR_RGB2BGR))
    table, _ = score(tmp_path / "in", bundles["faces"], tmp_path / "p.parquet", "--photos")
    verdict = DeepfakeDetector(bundles["faces"], threads=1)(tmp_path / "in" / "real" / "a.png")
    own = table[(table["video"] == "real/a") & (table["model"] == "tiny")].set_index("level")["p_fake"]
    assert own["frame"] == pytest.approx(verdict.score, abs=1e-6) == own["video"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "{crops}"], "expected --detector FILE.dfd, or --model and --weights"),
        (["--data", "{crops}", "--model", "lenet"], "came neither whole"),
        (["--data", "{crops}", "--detector", "{faces}", "--model", "lenet"], "came --model too"),
        (["--data", "{crops}", "--detector", "{faces}", "--resize", "area"], "came --resize too"),
        (["--data", "{crops}", "--detector", "none.dfd"], "expected a file, found none"),
        (["--data", "nowhere", "--detector", "{faces}"], "expected a folder, found none"),
        (["--data", "{crops}/real", "--detector", "{faces}"], "expected one layout"),
        (["--data", "{crops}", "--model", "lenet", "--weights", "x.h5", "--photos"], "came --photos"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments, said, bundles, crops, tmp_path, monkeypatch, capsys):
    given = [one.format(crops=crops, faces=bundles["faces"]) for one in arguments]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["dfd", "score", "--out", "x.parquet", *given])
    with pytest.raises(SystemExit) as stop:
        main()
    told = capsys.readouterr().err
    assert stop.value.code == 2 and said in told and told.count("\n") == 1, told
    assert not (tmp_path / "x.parquet").exists()


def test_it_loads_no_tensorflow(bundles, crops, tmp_path):
    code = (
        "import sys\nfrom dfd_lib.cli import app\n"
        f"app(['score', '--detector', {str(bundles['faces'])!r}, '--data', {str(crops)!r}, '--out', 'p.csv'], standalone_mode=False)\n"
        "print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.endswith("set()\n")
