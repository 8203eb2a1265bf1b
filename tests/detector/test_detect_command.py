"""`dfd detect` as a shell and a program meet it: exit codes, lines, JSON, CSV, folders."""

import csv
import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
import tiny_bundle
from typer.testing import CliRunner

from dfd_lib.cli import app, main
from dfd_lib.detector.examples import example
from dfd_lib.detector.predict import ON_FACES_ALONE, DeepfakeDetector
from dfd_lib.detector.verdict import ELSEWHERE, OF_MANY, meaning, sentence

PHOTO, CLIP = str(example("drawn-real.png")), str(example("drawn-fake.mp4"))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A detector that was measured on single faces alone."""
    return str(tiny_bundle.write(tmp_path_factory.mktemp("detect") / "tiny.dfd", clip={**tiny_bundle.judgement(), "measured": False}))


def detect(*arguments):
    return CliRunner().invoke(app, ["detect", *arguments])


def test_a_line_a_file_and_what_holds_for_all_of_them_once(tiny):
    done = detect(PHOTO, CLIP, CLIP, "--detector", tiny)
    expected = DeepfakeDetector(tiny)(CLIP)
    photo, clip, again, counts, promised, _, caveat = done.stdout.splitlines()
    assert promised == "Promised: at most 10% of real files called FAKE, and of fakes REAL."
    assert done.exit_code == 0 and PHOTO in photo and clip.split(" s")[0].split("  ")[:-1] == again.split(" s")[0].split("  ")[:-1]
    assert clip.startswith(expected.verdict) and f"p_fake {expected.p_fake:.2f}" in clip
    assert f"frames {', '.join(str(one.frame) for one in expected.worst().deciding())}  {CLIP}" in clip
    assert counts.startswith("3 files: ") and sum(int(one.split()[0]) for one in counts.removeprefix("3 files: ").split(", ")) == 3
    assert caveat == sentence(ON_FACES_ALONE)


def test_one_answer_is_explained(tiny):
    done = detect(PHOTO, "--detector", tiny)
    assert done.exit_code == 0 and done.stdout.splitlines()[1:] == [meaning(DeepfakeDetector(tiny)(PHOTO))]


def test_a_folder_loses_nothing_that_should_be_a_medium(tiny, tmp_path):
    for name in ("clips/empty.mp4", "photo.heic", "notes.txt", ".hidden.mp4", "__MACOSX/list.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "a photo").write_bytes(example("drawn-real.png").read_bytes())
    done = detect(str(tmp_path), "--detector", tiny, "--csv", str(tmp_path / "out.csv"))
    with (tmp_path / "out.csv").open() as file:
        rows = {row["file"].removeprefix(f"{tmp_path}/"): row for row in csv.DictReader(file)}
    assert sorted(rows) == ["a photo", "clips/empty.mp4", "photo.heic"]
    assert [rows[name]["verdict"] for name in ("clips/empty.mp4", "photo.heic")] == ["ERROR", "ERROR"] and rows["a photo"]["p_fake"]
    assert done.exit_code == 1 and "2 ERROR" in done.stdout and rows["photo.heic"]["reason"].startswith("expected ")
    assert done.stderr == "passed over 1 file that is neither photo nor video\n"


def test_links_of_a_folder_are_followed_and_what_cannot_be_read_is_told(tiny, tmp_path):
    evidence, elsewhere = tmp_path / "evidence", tmp_path / "elsewhere"
    for folder in (evidence, elsewhere):
        folder.mkdir()
    (elsewhere / "photo.png").write_bytes(example("drawn-real.png").read_bytes())
    (evidence / "camera").symlink_to(elsewhere)
    (evidence / "lost.jpg").symlink_to(tmp_path / "nowhere")
    (evidence / os.fsdecode(b"M\xfcller.jpg")).write_bytes(example("drawn-real.png").read_bytes())
    done = detect(str(evidence), "--detector", tiny, "--json")
    found = {one["file"].removeprefix(f"{evidence}/"): one for one in json.loads(done.stdout)}
    assert done.exit_code == 1 and sorted(found) == ["M\\udcfcller.jpg", "camera/photo.png", "lost.jpg"]
    assert found["camera/photo.png"]["p_fake"] is not None and found["lost.jpg"]["reason"].startswith("is no file: a broken")
    assert "rename it" in found["M\\udcfcller.jpg"]["reason"]
    assert "2 ERROR" in detect(str(evidence), "--detector", tiny).stdout


def test_a_table_that_cannot_be_written_is_said_before_anything_is_judged(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(DeepfakeDetector, "__call__", None)
    done = detect(PHOTO, "--detector", tiny, "--csv", str(tmp_path))
    assert isinstance(done.exception, ValueError) and "expected a file, came the folder" in str(done.exception)
    (tmp_path / "file").write_bytes(b"")
    done = detect(PHOTO, "--detector", tiny, "--csv", str(tmp_path / "file" / "out.csv"))
    assert isinstance(done.exception, OSError)


def test_json_is_what_the_library_says(tiny):
    done = detect(CLIP, "--detector", tiny, "--json")
    (facts,), expected = json.loads(done.stdout), DeepfakeDetector(tiny)(CLIP).to_dict()
    changing = {"seconds": 0}
    assert {**facts, **changing} == {**json.loads(json.dumps(expected)), **changing}
    assert facts["caveat"] == ON_FACES_ALONE and facts["people"][0]["deciding"]


def test_everybody_gets_their_own_verdict_and_nobody_none(tiny, tmp_path):
    frame = cv2.imread(PHOTO)
    cv2.imwrite(str(tmp_path / "two.png"), np.hstack([frame, (frame * 0.4).astype(np.uint8)]))
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((200, 300, 3), 200, np.uint8))
    two, wall, *_ = detect(str(tmp_path / "two.png"), str(tmp_path / "wall.png"), "--detector", tiny).stdout.splitlines()
    people = DeepfakeDetector(tiny)(tmp_path / "two.png").people
    assert f"2 people: {', '.join(f'{one.verdict} {one.p_fake:.2f}' for one in people)}" in two
    assert wall.startswith("NO FACE ") and "p_fake" not in wall and "REAL" not in wall


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["."], "expected photos or videos, came folders without any"),
        ([PHOTO, "--detector", "none.dfd"], "expected a file, found none"),
        ([PHOTO, "--error-rate", "2"], "--error-rate"),
    ],
)
def test_a_mistake_in_the_command_is_exit_code_2(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["dfd", "detect", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2 and said in capsys.readouterr().err


def test_a_missing_file_stops_no_other(tiny):
    done = detect("none.mp4", PHOTO, "--detector", tiny)
    missing, photo, _, _, explained = done.stdout.splitlines()
    assert done.exit_code == 1 and missing.startswith("ERROR ") and "p_fake" in photo
    assert explained == f"{OF_MANY} {ELSEWHERE}", "what REAL means is said of many files, too"


def test_judging_loads_no_training_library(tiny):
    code = (
        "import sys\nfrom dfd_lib.cli import app\n"
        f"app(['detect', {PHOTO!r}, {CLIP!r}, '--detector', {tiny!r}], standalone_mode=False)\n"
        "print(*{'tensorflow', 'keras', 'sklearn', 'pandas', 'scipy', 'matplotlib', 'onnx'}.intersection(sys.modules), 'and no more')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "and no more"
