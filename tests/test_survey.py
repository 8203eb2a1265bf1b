"""What is surveyed before anything is learnt: facts meet the coverage by file, and only drawn faces reach a report."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from dfd_lib.cli import app
from dfd_lib.data.demo import draw_portrait
from dfd_lib.data.differences import FOUND
from dfd_lib.experiment import parse_experiment
from dfd_lib.paths import faces_dir, report_dir
from dfd_lib.report.blocks import Words
from dfd_lib.report.coverage import coverage as coverage_section
from dfd_lib.report.source import Report
from dfd_lib.stages import find_faces, survey
from dfd_lib.tables import read_table, write_table


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Photos that are crops already; the fakes are smaller, one of them is damaged, one is listed twice."""
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    monkeypatch.setenv("DFD_THREADS", "1")
    rng = np.random.default_rng(0)
    root, lines = tmp_path / "media", ["file,label,person"]
    for number in range(12):
        for label, side in (("real", 40), ("fake", 32)):
            file = f"{label}/{number}.png"
            (root / label).mkdir(parents=True, exist_ok=True)
            image(rng, side).save(root / file)
            lines.append(f"{file},{label},")
    (root / "fake/3.png").write_bytes(b"no picture")
    (root / "extra.png").write_bytes((root / "real/0.png").read_bytes())
    (root / "listing.csv").write_text("\n".join([*lines, "real/5.png,real,ann"]))
    return parse_experiment({"name": "lab", "title": "t", "data": {"source": str(root)}, "models": {"lenet": {}}})


def image(rng: np.random.Generator, side: int):
    from PIL import Image

    return Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8))


def test_facts_stand_beside_what_was_found_in_the_same_file(experiment):
    find_faces(experiment)
    coverage, table = survey.survey_media(experiment)
    assert set(coverage["file"]) >= {"extra.png", "fake/3.png"}
    pd.testing.assert_frame_equal(read_table(report_dir("lab") / "differences.csv"), table, check_dtype=False, rtol=1e-4)
    rows = table.set_index("fact")
    assert rows.loc["width", ["real", "fake", "higher", "auc", "warn"]].tolist() == ["40", "32", "real", 1.0, True]
    assert rows.loc[FOUND, ["n_real", "n_fake", "real", "fake"]].tolist() == [12, 12, "100.0 %", "91.7 %"]
    facts = read_table(faces_dir("lab") / "facts.parquet").set_index("file")
    assert len(facts) == 24
    assert facts["reason"].ne("").sum() == 1 and facts.loc["fake/3.png", "reason"]


@pytest.fixture
def made_to_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Clips of drawn people; the fakes are smaller, slower, of another codec, and in most of them nobody is found."""
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    monkeypatch.setenv("DFD_THREADS", "1")
    person, nobody = draw_portrait(1, 96), np.full((80, 80, 3), 90, np.uint8)
    for number in range(12):
        clip(tmp_path / f"media/real/{number}.avi", person, "MJPG", 30)
        clip(tmp_path / f"media/fake/{number}.mp4", nobody if number else person[8:88, 8:88], "mp4v", 24)
    recipe = {"name": "lab", "title": "t", "data": {"source": str(tmp_path / "media")}, "models": {"lenet": {}}}
    return parse_experiment({**recipe, "faces": {"frames": 1, "size": 32}})


def clip(path: Path, frame: np.ndarray, code: str, fps: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*code), fps, frame.shape[1::-1])
    for _ in range(3):
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()


def test_whatever_tells_the_classes_apart_warns_on_the_page(made_to_differ):
    find_faces(made_to_differ)
    _, table = survey.survey_media(made_to_differ)
    warned = table[table["warn"]].set_index("fact")
    assert {FOUND, "width", "height", "fps", "codec", "format"} <= set(warned.index)
    assert warned.loc[FOUND, ["real", "fake", "higher"]].tolist() == ["100.0 %", "8.3 %", "real"]
    assert warned.loc[["width", "fps", "codec"], ["real", "fake"]].values.tolist() == [
        *(["96", "80"], ["30", "24"], ["mjpg (100 %)", "fmp4 (100 %)"])
    ]
    assert set(warned["unit"]) == {"group"}
    write_table(read_table(faces_dir("lab") / "coverage.csv"), report_dir("lab") / "coverage.csv")
    section = coverage_section(Report(report_dir("lab"), made_to_differ))
    (warning,) = (block for block in section.blocks if isinstance(block, Words) and block.tone == "warning")
    told = " ".join(warning.paragraphs)
    assert "facts of the files could be learnt instead of the face" in told
    assert all(f"{fact.replace('_', ' ')}: real " in told for fact in warned.index)


def test_any_folder_can_be_surveyed(experiment, tmp_path):
    done = CliRunner().invoke(app, ["probe", experiment.data.source, "--out", str(tmp_path / "facts.csv"), "--json"])
    assert done.exit_code == 0, done.output
    rows = {row["fact"]: row for row in json.loads(done.stdout)}
    assert (rows["height"]["real"], rows["height"]["fake"], rows["height"]["warn"]) == ("40", "32", True)
    assert len(read_table(tmp_path / "facts.csv")) == 24
    assert [line.split(":")[0] for line in done.stderr.splitlines() if line.startswith("skipped")] == [
        *("skipped fake/3.png", "skipped extra.png", "skipped real/5.png")
    ]


def test_files_that_came_later_are_not_passed_over(experiment):
    find_faces(experiment)
    root = Path(experiment.data.source)
    (root / "fake/new.png").write_bytes((root / "fake/0.png").read_bytes())
    with (root / "listing.csv").open("a") as lines:
        lines.write("\nfake/new.png,fake,\n")
    with pytest.raises(ValueError, match=r"none came of 1 \(fake/new\.png\)"):
        survey.survey_media(experiment)


def test_faces_of_others_are_shown_and_never_written(experiment):
    sheet = survey.show_crops(experiment, count=3, seed=1)
    assert len(sheet.axes) == 6
    assert not list(report_dir("lab").rglob("*.png"))
    drawn = experiment.model_copy(update={"data": experiment.data.model_copy(update={"source": "demo"})})
    drawn_crops = [np.asarray(axis.images[0].get_array()) for axis in sheet.axes]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dfd_lib.stages.survey.sample_crops", lambda *_, **__: {"real": drawn_crops[:3], "fake": drawn_crops[3:]})
        survey.show_crops(drawn, count=3, seed=1)
    assert [path.name for path in report_dir("lab").rglob("*.png")] == ["contact_sheet.png"]


def test_a_face_is_enlarged_if_it_and_its_margin_are_smaller_than_the_crop(experiment, monkeypatch):
    find_faces(experiment)
    drawn = {}
    monkeypatch.setattr("dfd_lib.stages.survey.face_sizes", lambda manifest, enlarged: drawn.update(rows=len(manifest), at=enlarged))
    monkeypatch.setattr("dfd_lib.stages.survey.save", lambda figure, path: path)
    assert survey.show_face_sizes(experiment) == report_dir("lab") / "figures/face_sizes.png"
    assert drawn == {"rows": 23, "at": None}
    cut = parse_experiment({**experiment.model_dump(exclude_unset=True), "faces": {"size": 160, "margin": 0.3}})
    survey.show_face_sizes(cut)
    assert drawn["at"] == 100
