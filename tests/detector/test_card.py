"""The model card says what its file holds, and what the detector must not be used for."""

from pathlib import Path

import pytest
import tiny_bundle
from tiny_bundle import MEASURED

from dfd_lib.detector.bundle import load_bundle
from dfd_lib.detector.card import NOT_FOR, card
from dfd_lib.detector.predict import built_in
from dfd_lib.formats import between, percent, share

AWAY = {**MEASURED, "auc": 0.52, "auc_low": 0.45, "auc_high": 0.6}


def card_of(tmp_path, **metrics):
    return card(load_bundle(tiny_bundle.write(tmp_path / "tiny.dfd", metrics=metrics)).spec)


def test_it_tells_of_damaged_and_of_other_data_with_intervals(tmp_path):
    change = {"auc_change": -0.1, "auc_change_low": -0.15, "auc_change_high": -0.05}
    said = card_of(
        tmp_path,
        cross=[{"dataset": "home", **MEASURED}, {"dataset": "away", **AWAY}],
        robustness=[{"condition": "jpeg-20", **MEASURED, **change}],
    )
    assert "| home | 400 | 0.750 (0.700 to 0.800) | 0.680 (0.600 to 0.700) |  |" in said
    assert "| away | 400 | 0.520 (0.450 to 0.600) | 0.680 (0.600 to 0.700) | no better than guessing |" in said
    assert "| jpeg-20 | 0.750 (0.700 to 0.800) | -0.100 (-0.150 to -0.050) | 0.680 (0.600 to 0.700) |" in said


def test_it_tells_of_its_own_test_part_a_metric_a_line(tmp_path):
    said = card_of(tmp_path, test=[{"level": "frame", **MEASURED}, {"level": "video", **AWAY, "n": 40}])
    assert "| metric | 400 single faces | 40 clips |" in said and "| auc | 0.750 (0.700 to 0.800) | 0.520 (0.450 to 0.600) |" in said
    assert "| f1 | unknown | unknown |" in said


def test_what_people_see_is_calibrated_and_measured_beside_the_raw_score(tmp_path):
    loss = {"log_loss": 0.5, "log_loss_low": 0.4, "log_loss_high": 0.6, "ece": 0.021}
    levels = [{"level": level, "method": method, **loss} for level, method in (("frame", "platt"), ("video", "isotonic"))]
    said = card_of(tmp_path, test=[{"level": "frame", "threshold": 0.5, **MEASURED}], calibration=levels)
    assert "That was the raw score, FAKE from 0.5 on. The p_fake beside a verdict is this score calibrated" in said
    assert "| single faces | platt | 0.500 (0.400 to 0.600) | 0.021 |" in said and "isotonic" not in said


def test_what_verdicts_promise_is_told_with_intervals_where_the_file_has_them(tmp_path):
    old = {"level": "frame", "promised": 0.05, "error_real": 0.05, "error_fake": 0.074, "unsure": None}
    said = card_of(tmp_path, verdicts=[old])
    assert "| single faces | 5% | 5.0% | 7.4% | unknown |" in said and "Measured on `test`:\n" in said
    ends = {
        "error_real_low": 0.036,
        "error_real_high": 0.0641,
        "error_fake_low": None,
        "unsure": 0.183,
        "unsure_low": 0.17,
        "unsure_high": 0.2,
    }
    said = card_of(tmp_path, verdicts=[{**old, **ends}])
    assert "| single faces | 5% | 5.0% (3.6% to 6.4%) | 7.4% | 18.3% (17.0% to 20.0%) |" in said
    assert "Measured on `test`; in brackets 95 % intervals from resampling groups:\n" in said


def test_it_says_which_numbers_are_of_the_networks_as_exported(tmp_path):
    said = card_of(tmp_path, test=[{"level": "frame", **MEASURED}], cross=[{"dataset": "home", **MEASURED}])
    assert "the same networks before they were exported (above: as exported, at half precision)" in said


def test_it_tells_of_licence_choice_and_who_else_has_read_test(tmp_path):
    data = {"dataset": "d", "licence": "For research.", "test_elsewhere": "The same crops are in the test part of b."}
    changes = {"metrics": {"test": [{"level": "frame", **MEASURED}]}, "data": data, "ensemble": {"chosen": "Robustness chose nothing."}}
    said = card(load_bundle(tiny_bundle.write(tmp_path / "tiny.dfd", **changes)).spec)
    assert "- data: For research." in said and "\nRobustness chose nothing.\n" in said
    assert "from resampling groups. The same crops are in the test part of b.\n" in said
    old = card_of(tmp_path, test=[{"level": "frame", **MEASURED}])
    assert "before is not recorded in this file" in old and "- data:" not in old


def test_what_was_not_measured_is_said(tmp_path):
    said = card_of(tmp_path)
    assert "Not measured: expect clearly worse" in said and NOT_FOR in said


def test_facts_of_another_kind_are_one_line(tmp_path):
    with pytest.raises(ValueError, match="card: expected facts of data and metrics by name"):
        card_of(tmp_path, test=[3])


def test_the_detector_of_the_package_has_a_card():
    said = card(load_bundle(built_in()).spec)
    assert NOT_FOR in said and "## What it was trained on" in said
    for name in ("larger", "stronger", "finest"):
        assert f"- {name} (mobilenet_v2): code Apache-2.0 (Keras); weights started from mobilenet_v2_imagenet_notop.weights.h5, BSD" in said


def test_the_readme_quotes_the_detector_of_the_package():
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    [told] = [part for part in readme.split("\n\n") if "test faces its AUC is" in part]
    spec = load_bundle(built_in()).spec
    measured = spec.facts["metrics"]
    [promised] = [row for row in measured["verdicts"] if row["level"] == "frame" and row["promised"] == spec.error_rate]
    [away] = [row for row in measured["cross"] if row["dataset"] == "ciplab-faces"]
    for row in (measured["test"][0], away):
        assert between(row["auc"], row["auc_low"], row["auc_high"]) in told
    for name in ("error_real", "error_fake"):
        assert percent(promised[name], 1) in told
    assert f"where {percent(spec.error_rate)} is promised" in told
    assert f" {percent(promised['unsure'])} are UNSURE" in told
    for row in measured["robustness"]:
        if row["condition"] in ("noise-16", "noise-32"):
            assert f" {share(row['auc'])} at " in told
