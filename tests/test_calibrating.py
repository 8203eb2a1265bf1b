"""The step writes its tables and facts whole, chooses its model on val, and records that it read test."""

import json

import pandas as pd
import pytest
import synthetic_promises as made

from dfd_lib.evaluation.calibration import Calibration
from dfd_lib.stages.calibrate import WRITES, calibrate_ensemble, calibrate_models
from dfd_lib.tables import read_table, write_table


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    return made.recipe()


def test_the_step_writes_what_it_names_and_records_the_read_of_test(recipe, tmp_path):
    promises = calibrate_models(recipe, made.predictions())
    out = tmp_path / "reports" / recipe.name
    assert {path.name for path in out.iterdir()} == {*WRITES, "test_reads.csv"}
    pd.testing.assert_frame_equal(read_table(out / "conformal.csv"), promises.conformal, rtol=1e-5, check_dtype=False)
    reads = read_table(out / "test_reads.csv")
    assert reads["command"].tolist() == ["50_compare"]
    assert reads["result"].iloc[0] == (out / "calibration.txt").read_text().splitlines()[0]
    facts = json.loads((out / "calibration.json").read_text())
    assert facts["error_rate"] == 0.1
    assert [(entry["model"], entry["level"]) for entry in facts["models"]] == [
        (model, level) for model in ("weak", "strong") for level in ("frame", "video")
    ]
    assert Calibration.from_dict(facts["models"][0]["calibration"])([0.5]).shape == (1,)


def test_the_words_are_about_the_model_that_is_best_on_val_not_on_test(recipe, tmp_path):
    table = made.predictions()
    wrong = (table["model"] == "strong") & (table["split"] == "test")
    calibrate_models(recipe, table.assign(p_fake=table["p_fake"].where(~wrong, 1 - table["p_fake"])))
    words = (tmp_path / "reports" / recipe.name / "calibration.txt").read_text().splitlines()
    assert len(words) == 3 and words[0].startswith("strong's p_fake by clip")


def test_the_ensemble_that_val_chose_has_files_of_its_own(recipe, tmp_path):
    out = tmp_path / "reports" / recipe.name
    write_table(made.predictions(), out / "ensemble_predictions.parquet")
    ensembles = pd.DataFrame({"name": ["strong", "weak"], "rule": ["single", "mean"], "aggregator": "median", "frames_per_clip": 2.0})
    said = calibrate_ensemble(recipe, ensembles)
    assert said == (out / "ensemble_calibration.txt").read_text().splitlines()
    assert said[0].startswith("weak's p_fake by clip (median of 2 frames)"), "its own rows by clip tell no more how they came about"
    assert read_table(out / "ensemble_conformal.csv").groupby("level")["aggregator"].unique().to_dict() == {
        "frame": "none",
        "video": "median",
    }
    assert {path.name for path in out.glob("ensemble_*.csv")} == {f"ensemble_{name}" for name in WRITES if name.endswith(".csv")}
    assert set(read_table(out / "ensemble_calibration.csv")["model"]) == {"weak"}


def test_one_model_has_no_ensemble_to_calibrate(recipe, tmp_path):
    assert calibrate_ensemble(recipe, pd.DataFrame({"name": ["strong"], "rule": ["single"]})) == []
    assert not (tmp_path / "reports" / recipe.name).exists()
