"""What a recipe can say about time, and where the answer goes."""

import pandas as pd
import synthetic_report as made

from dfd_lib import figures, stages
from dfd_lib.evaluation.aggregate import aggregate
from dfd_lib.evaluation.time import FRAMES, ORDER, Question
from dfd_lib.experiment import parse_experiment
from dfd_lib.paths import report_dir
from dfd_lib.report import write_page
from dfd_lib.tables import read_table


def recipe(**models):
    return parse_experiment({"name": "time-test", "title": "T", "data": {"source": "demo"}, "models": models})


SMALL = {"model": "resnext_lstm_small"}


def test_a_clip_model_is_held_against_its_own_trunk_and_its_shuffled_twin():
    asked = stages.time_questions(recipe(frames={"model": "resnext_small"}, clips=SMALL, mixed={**SMALL, "order": "shuffled"}))
    assert asked == [Question(FRAMES, "clips", "frames"), Question(ORDER, "clips", "mixed")]
    on_lenet = {**SMALL, "image_size": 32, "hyper": {"backbone": "lenet"}}
    assert stages.time_questions(recipe(resnext_small={}, lenet={"image_size": 32}, clips=on_lenet)) == [Question(FRAMES, "clips", "lenet")]


def test_a_twin_differs_in_nothing_but_the_order():
    relative = {**SMALL, "hyper": {"relative": True}}
    asked = stages.time_questions(recipe(clips=SMALL, relative=relative, mixed={**relative, "order": "shuffled"}))
    assert asked == [Question(ORDER, "relative", "mixed")]
    explicit = {**SMALL, "image_size": 64, "hyper": {"relative": False}, "order": "shuffled"}
    assert stages.time_questions(recipe(clips=SMALL, mixed=explicit)) == [Question(ORDER, "clips", "mixed")]


def test_another_trunk_another_size_or_no_clips_ask_nothing():
    assert stages.time_questions(recipe(lenet={}, clips=SMALL)) == []
    assert stages.time_questions(recipe(resnext_small={"image_size": 96}, clips=SMALL)) == []
    assert stages.time_questions(recipe(resnext_small={}, lenet={})) == []


def test_the_step_writes_tables_words_and_the_pages_section(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_PROJECT", str(tmp_path))
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    made.write_report(tmp_path / "reports" / "time-test", names=made.NAMES[:3])
    frames = made.predictions(["trunk", "lstm"], rows=120)
    both = pd.concat([frames[frames["model"] == "trunk"], aggregate(frames[frames["model"] == "lstm"])], ignore_index=True)
    asked = recipe(trunk={"model": "resnext_small"}, lstm=SMALL)
    table = stages.compare_time(asked, both)
    report = report_dir("time-test")
    assert read_table(report / "time.csv")["model"].tolist() == table["model"].tolist() == ["lstm"]
    assert "lstm against the mean of the frames of its trunk" in (report / "time.txt").read_text()
    assert "65_time" in (report / "test_reads.csv").read_text()
    figures.save(figures.time_gain(table), report / "figures" / "time.png")
    page = write_page("time-test").read_text()
    assert "Does looking at time help" in page
    assert 'alt="Dot plot: the gain in AUC of each model of clips' in page
    (report / "time.csv").unlink()
    (report / "figures" / "time.png").unlink()
    assert "Does looking at time help" not in write_page("time-test").read_text()
