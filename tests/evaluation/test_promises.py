"""What is fitted on calib stays on calib, is measured on test, and is what a detector gets."""

import json

import numpy as np
import pandas as pd
import pytest
import synthetic_predictions as made
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss, roc_auc_score

from dfd_lib.evaluation.aggregate import aggregate
from dfd_lib.evaluation.calibration import METHODS, Calibration
from dfd_lib.evaluation.conformal import Conformal
from dfd_lib.evaluation.promises import ERROR_RATES, hold
from dfd_lib.evaluation.thresholds import FALSE_ALARM_RATES

KEY = ["model", "seed", "dataset", "level"]


@pytest.fixture(scope="module")
def predictions():
    return made.predictions(models=("b", "a"), groups=160, seed=3)


@pytest.fixture(scope="module")
def held(predictions):
    return hold(predictions, resamples=200)


def clips(predictions, split, model="b"):
    rows = aggregate(predictions[(predictions["split"] == split) & (predictions["model"] == model)])
    return rows["label"].to_numpy(), rows["p_fake"].to_numpy(), rows["group"].to_numpy()


def one(table, **wanted):
    for column, value in wanted.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_every_model_has_every_row_once_in_the_order_of_the_predictions(held):
    assert list(held.calibration["model"].unique()) == ["b", "a"]
    assert not held.calibration.duplicated([*KEY, "method"]).any() and len(held.calibration) == 4 * len(METHODS)
    assert not held.operating.duplicated([*KEY, "rule"]).any() and len(held.operating) == 4 * (3 + len(FALSE_ALARM_RATES))
    assert not held.conformal.duplicated([*KEY, "promised"]).any() and len(held.conformal) == 4 * len(ERROR_RATES)
    assert (held.calibration.groupby(KEY)["chosen"].sum() == 1).all()


def test_what_is_fitted_and_chosen_has_never_seen_test(predictions, held):
    random = np.random.default_rng(1)
    test = predictions["split"] == "test"
    other = predictions.assign(p_fake=np.where(test, random.random(len(predictions)), predictions["p_fake"]))
    again = hold(other, resamples=200)
    assert again.fitted == held.fitted
    assert list(again.calibration["chosen"]) == list(held.calibration["chosen"])
    assert not np.allclose(again.calibration["log_loss"], held.calibration["log_loss"])


def test_neither_train_nor_val_nor_corrupted_rows_matter(predictions, held):
    others = predictions["split"].isin(["train", "val"])
    blurred = predictions.assign(condition="blur_2", p_fake=0.5)
    again = hold(pd.concat([predictions[~others], blurred]), resamples=200)
    pd.testing.assert_frame_equal(again.calibration, held.calibration)


def test_losses_on_test_are_scikit_learn_s_of_the_calibrated_scores(predictions, held):
    label, p_fake, _ = clips(predictions, "test")
    rows = held.calibration[(held.calibration["model"] == "b") & (held.calibration["level"] == "video")].set_index("method")
    assert rows.loc["none", "log_loss"] == pytest.approx(log_loss(label, p_fake))
    fitted = Calibration("platt", rows.loc["platt", "slope"], rows.loc["platt", "bias"])
    assert rows.loc["platt", "log_loss"] == pytest.approx(log_loss(label, fitted(p_fake)))
    assert rows["log_loss_change"].to_numpy() == pytest.approx((rows["log_loss"] - rows.loc["none", "log_loss"]).to_numpy())
    assert rows.loc["none", ["log_loss_change_low", "log_loss_change_high"]].tolist() == [0, 0]


def test_the_method_with_the_lowest_loss_out_of_fold_is_chosen(held):
    for _, rows in held.calibration.groupby(KEY):
        assert rows.loc[rows["calib_log_loss"].idxmin(), "chosen"]


def test_a_detector_that_reads_json_answers_as_the_tables_say(predictions, held):
    """From calibration.json alone: the calibrated score, the false alarms at a threshold, the verdicts."""
    entry = next(entry for entry in json.loads(json.dumps(held.fitted)) if entry["model"] == "b" and entry["level"] == "video")
    label, p_fake, group = clips(predictions, "test")
    calibrated = Calibration.from_dict(entry["calibration"])(p_fake)
    assert roc_auc_score(label, calibrated) == pytest.approx(roc_auc_score(label, p_fake), abs=0.02)
    assert log_loss(label, calibrated) == pytest.approx(one(held.calibration, model="b", level="video", chosen=True)["log_loss"])
    row = one(held.operating, model="b", level="video", rule="false_alarms_5")
    assert ((p_fake >= entry["thresholds"]["false_alarms_5"]) & (label == 0)).sum() == row["false_alarms"]
    limits = {facts["error_rate"]: Conformal.from_dict(facts) for facts in entry["conformal"]}
    row = one(held.conformal, model="b", level="video", promised=0.2)
    wrong = pd.Series(~limits[0.2].sets(p_fake)[np.arange(len(label)), label])
    for name, value in (("error_real", 0), ("error_fake", 1)):
        assert row[name] == pytest.approx(wrong[label == value].groupby(group[label == value]).mean().mean())
    assert row["unsure"] == pytest.approx(pd.Series(limits[0.2].verdicts(p_fake) == "UNSURE").groupby(group).mean().mean())


def test_a_bin_says_what_was_said_and_what_came_of_it(predictions, held):
    label, p_fake, _ = clips(predictions, "test")
    rows = held.reliability[(held.reliability["model"] == "b") & (held.reliability["level"] == "video")]
    raw = rows[rows["method"] == "none"]
    fake, said = calibration_curve(label, p_fake, n_bins=10, strategy="quantile")
    assert raw["fake"].to_numpy() == pytest.approx(fake) and raw["p_fake"].to_numpy() == pytest.approx(said)
    chosen = one(held.calibration, model="b", level="video", chosen=True)["method"]
    assert set(rows["method"]) == {"none", chosen}
    assert (rows.groupby("method")["n"].sum() == len(label)).all()
    edge = rows["fake"].isin([0, 1])
    assert ((rows["fake_low"] <= rows["fake"]) & (rows["fake"] <= rows["fake_high"]) | rows["fake_low"].isna() & ~edge).all()


def test_what_cannot_be_said_is_not_available(held):
    """40 groups of calib, two reals each: 1 % of errors needs 99 groups, 1 % of false alarms 100 reals."""
    rows = held.conformal[held.conformal["model"] == "b"].drop_duplicates("promised").set_index("promised")
    assert rows["available"].to_dict() == {0.01: False, 0.05: True, 0.1: True, 0.2: True}
    assert rows.loc[0.01, ["groups_real", "groups_fake", "groups_needed"]].tolist() == [40, 40, 99]
    assert rows.loc[0.01, ["real_limit", "error_real", "unsure"]].isna().all()
    row = one(held.operating, model="b", level="video", rule="false_alarms_1")
    assert (row["reals_calib"], row["allowed_calib"], row["available"]) == (80, 0, False)
    assert np.isnan(row["threshold"]) and np.isnan(row["recall"]) and np.isnan(row["recall_on_curve"])
    entry = next(entry for entry in held.fitted if entry["model"] == "b" and entry["level"] == "video")
    assert entry["thresholds"]["false_alarms_1"] is None
    assert [facts["error_rate"] for facts in entry["conformal"]] == [0.05, 0.1, 0.2]


def test_one_class_in_calib_promises_nothing_and_calibrates_nothing(predictions):
    alone = predictions[(predictions["split"] != "calib") | (predictions["label"] == 1)]
    held = hold(alone, resamples=100)
    assert set(held.calibration.loc[held.calibration["chosen"], "method"]) == {"none"}
    assert not held.conformal["available"].any()
    assert held.conformal[["error_real", "error_fake_low", "wrong_high", "unsure"]].isna().all(axis=None)
    assert set(held.operating.loc[held.operating["available"], "rule"]) == {"recipe"}


@pytest.mark.parametrize("split", ["calib", "test"])
def test_a_part_that_is_missing_is_named(predictions, split):
    with pytest.raises(ValueError, match=f"b has none of {split} at level frame"):
        hold(predictions[predictions["split"] != split])
