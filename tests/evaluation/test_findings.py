"""The sentences say what the tables say, and "not available" where these cannot tell."""

import dataclasses

import pytest
import synthetic_predictions as made

from dfd_lib.evaluation.findings import findings
from dfd_lib.evaluation.promises import hold
from dfd_lib.formats import share


@pytest.fixture(scope="module")
def held():
    return hold(made.predictions(models=("a",), groups=160, signal=0.8, seed=3), resamples=100)


def changed(held, table, where, **values):
    """The same promises, some numbers of one table replaced."""
    rows = getattr(held, table).copy()
    rows.loc[rows.eval(where), list(values)] = list(values.values())
    return dataclasses.replace(held, **{table: rows})


def test_the_sentences_have_the_numbers_of_the_tables_about_clips(held):
    calibration, alarms, verdicts = findings(held, "a", 0.1)
    rows = held.calibration[(held.calibration["level"] == "video") & held.calibration["chosen"]]
    assert all("by clip (mean of 3 frames)" in said for said in (calibration, alarms, verdicts))
    assert share(rows["ece"].iloc[0]) in calibration
    row = held.operating.query("level == 'video' and rule == 'false_alarms_5'").iloc[0]
    assert "5 % false alarms" in alarms, "1 % needs 100 reals in calib, there are 80"
    assert share(row["recall"]) in alarms and share(row["false_alarm_rate"]) in alarms
    row = held.conformal.query("level == 'video' and promised == .1").iloc[0]
    assert verdicts.startswith("Verdicts that promise at most 10 % errors") and share(row["error_fake"]) in verdicts


@pytest.mark.parametrize(
    ("change", "low", "high", "said"),
    [
        (-0.1, -0.2, -0.01, "cannot be taken at its word as it comes"),
        (-0.1, -0.2, 0.01, "could be chance"),
        (0.1, 0.01, 0.2, "is not mended by calibration"),
    ],
)
def test_a_change_is_judged_by_its_interval(held, change, low, high, said):
    where = "level == 'video' and method != 'none'"
    other = changed(held, "calibration", where, log_loss_change=change, log_loss_change_low=low, log_loss_change_high=high)
    other = changed(other, "calibration", "level == 'video'", chosen=False)
    other = changed(other, "calibration", "level == 'video' and method == 'platt'", chosen=True)
    assert said in findings(other, "a", 0.1)[0]


@pytest.mark.parametrize(
    ("error", "low", "said"),
    [
        (0.05, 0.0, ", as promised;"),
        (0.15, 0.05, "which could be chance;"),
        (0.2, 0.13, "which could be chance;"),  # test alone would say so, but 40 groups of calib may have been lucky: +- .093
        (0.3, 0.2, ", more than promised;"),
    ],
)
def test_a_promise_is_broken_where_the_whole_interval_says_so(held, error, low, said):
    other = changed(held, "conformal", "promised == .1", error_real=error, error_real_low=low, error_fake=0.01, error_fake_low=0.0)
    assert said in findings(other, "a", 0.1)[2]


def test_a_promise_that_needs_more_groups_is_not_available_and_the_next_one_is_told(held):
    verdicts = findings(held, "a", 0.01)[2]
    assert (
        "1 % errors in each class, by clip (mean of 3 frames), are not available: calib has 40 groups with reals and 40 with fakes, "
        "99 of each are needed." in verdicts
    )
    assert "Verdicts that promise at most 5 % errors in each class, by clip (mean of 3 frames), erred on" in verdicts


def test_where_no_false_alarm_rate_can_be_fixed_the_sentence_says_so(held):
    alarms = findings(changed(held, "operating", "rule != ''", available=False), "a", 0.1)[1]
    assert "is not available: 80 reals in calib and 80 in test" in alarms


def test_an_unknown_model_is_named(held):
    with pytest.raises(ValueError, match="expected one of a; came 'b'"):
        findings(held, "b", 0.1)
