"""Conformal verdicts: against the textbook's quantile, and by drawing many new groups."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfd_lib.evaluation.conformal import Conformal, fit_conformal, groups_needed

RATE = 0.1


@given(st.integers(1, 40), st.sampled_from([0.05, 0.1, 0.2, 1 / 3]), st.integers(0, 1000))
def test_one_row_a_group_is_split_conformal_prediction_by_the_book(rows, rate, seed):
    """Angelopoulos and Bates 2023, section 1.1: the ceil((n + 1) (1 - alpha))-th smallest score of each class."""
    random = np.random.default_rng(seed)
    label, p_fake = np.repeat([0, 1], rows), random.random(2 * rows).round(2)
    place = int(np.ceil((rows + 1) * (1 - rate) - 1e-9))
    fitted = fit_conformal(label, p_fake, np.arange(2 * rows), rate)
    if place > rows:
        assert fitted is None
    else:
        assert fitted.real_limit == np.sort(p_fake[:rows])[place - 1]
        assert fitted.fake_limit == np.sort(p_fake[rows:])[::-1][place - 1]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 12)), min_size=1, max_size=40), st.sampled_from([0.1, 0.2, 0.5]))
def test_a_group_weighs_one_however_many_rows_it_has(rows, rate):
    """By hand: the smallest limit that holds 1 - rate of the weight, one part of it lying beyond every row for the new group."""
    groups, p_fake = np.array([row[0] for row in rows]), np.array([row[1] for row in rows]) / 12
    names = np.unique(groups)

    def held(limit):
        return sum((p_fake[groups == name] <= limit).mean() for name in names) / (len(names) + 1)

    enough = [limit for limit in np.unique(p_fake) if held(limit) >= 1 - rate - 1e-9]
    label = np.concatenate([np.zeros(len(rows), int), np.ones(50, int)])
    fitted = fit_conformal(label, np.concatenate([p_fake, np.ones(50)]), np.concatenate([groups, np.arange(100, 150)]), rate)
    assert (fitted is None) == (not enough)
    assert fitted is None or fitted.real_limit == min(enough)


def test_too_few_groups_promise_nothing_however_many_rows():
    p_fake = np.random.default_rng(0).random(2000)
    label = np.arange(2000) % 2
    few, enough = np.arange(2000) // 2 % 8, np.arange(2000) // 2 % 9
    assert fit_conformal(label, p_fake, few, RATE) is None
    assert fit_conformal(label, p_fake, enough, RATE) is not None
    assert fit_conformal(label[label == 1], p_fake[label == 1], enough[label == 1], RATE) is None, "no real at all"


def test_real_and_fake_are_treated_alike():
    random = np.random.default_rng(1)
    label, p_fake, groups = random.integers(0, 2, 400), random.integers(0, 65, 400) / 64, random.integers(0, 50, 400)
    one, other = fit_conformal(label, p_fake, groups, RATE), fit_conformal(1 - label, 1 - p_fake, groups, RATE)
    assert (one.real_limit, one.fake_limit) == (1 - other.fake_limit, 1 - other.real_limit)


@pytest.mark.parametrize(
    ("real_limit", "fake_limit", "wanted"),
    [(0.7, 0.4, ["REAL", "UNSURE", "UNSURE", "FAKE"]), (0.4, 0.7, ["REAL", "REAL", "UNSURE", "FAKE"])],
    ids=["both are possible between the limits", "neither is"],
)
def test_verdicts_are_sure_only_of_one_answer(real_limit, fake_limit, wanted):
    assert Conformal(RATE, real_limit, fake_limit).verdicts([0.1, 0.4, 0.69, 0.9]).tolist() == wanted


def test_what_json_holds_gives_the_same_verdicts():
    fitted = fit_conformal([0] * 9 + [1] * 9, np.linspace(0, 1, 18), range(18), RATE)
    assert Conformal.from_dict(json.loads(json.dumps(fitted.to_dict()))) == fitted
    with pytest.raises(ValueError, match=r"conformal: expected error_rate, real_limit, fake_limit; came limit"):
        Conformal.from_dict({"limit": 1})


@pytest.mark.parametrize("rate", [0, 1, -0.1, 5])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(ValueError, match="expected a number between 0 and 1"):
        groups_needed(rate)


def draw(random, groups):
    """Clustered rows: some groups have 1 real and 1 fake, some 40 of each, and those are easier; a group's rows err together."""
    many = random.random(groups) < 0.3
    shift = random.normal(0, 0.8, (groups, 2)) + np.where(many, 0.8, -0.4)[:, None]
    group = np.repeat(np.arange(groups), np.where(many, 80, 2))
    label = np.arange(len(group)) % 2
    right = 1.2 + shift[group, label] + 0.5 * random.normal(size=len(group))
    return label, 1 / (1 + np.exp(-np.where(label == 1, right, -right))), group


def errors(by_row, trials=500, groups=40, fresh=60):
    """How often the truth is missing: for reals, for fakes, and for a row of either class, of new groups, each with one row of both."""
    random = np.random.default_rng(7)
    missed = np.zeros((trials, 2))
    for trial in range(trials):
        label, p_fake, group = draw(random, groups)
        fitted = fit_conformal(label, p_fake, np.arange(len(label)) if by_row else group, RATE)
        label, p_fake, group = draw(random, fresh)
        gone = ~fitted.sets(p_fake)[np.arange(len(label)), label]
        for one in (0, 1):
            sizes = np.bincount(group[label == one])
            missed[trial, one] = np.mean(np.bincount(group[label == one], gone[label == one]) / sizes)
    return missed.mean(axis=0), missed.mean(), missed.mean(axis=1).std() / np.sqrt(trials)


def test_a_new_group_is_promised_what_it_gets():
    """Reals, fakes and both together; not far below the promise either, or the verdicts would be needlessly unsure."""
    by_class, together, noise = errors(by_row=False)
    assert (by_class < RATE + 4 * noise).all() and together < RATE + 3 * noise
    assert (by_class > RATE - 0.03).all()


def test_rows_taken_as_independent_have_no_such_promise():
    """The same data: large groups crowd out the small ones, and the limits fit the large ones alone."""
    by_class, together, noise = errors(by_row=True)
    assert (by_class > 1.4 * RATE).all() and together > RATE + 8 * noise
