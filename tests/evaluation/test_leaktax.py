"""The leak tax on scores with a known leak, against plain means and textbook intervals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from dfd_lib.data.leaky import shuffled_split
from dfd_lib.evaluation.leaktax import RANDOM, TAX, WHOLE, leak_tax, torn, verdict

FACTS = pd.DataFrame({RANDOM: {"n_train": 300, "torn": 0.9}, WHOLE: {"n_train": 300, "torn": 0.0}}).T


def scored(right: dict[str, float], seeds=(1,), groups=60, each=5, seed=0) -> pd.DataFrame:
    """Test rows of both splits; a group is known or not, so that its rows are right together."""
    random = np.random.default_rng(seed)
    parts = []
    for name, share in right.items():
        group = np.repeat(np.arange(groups), each)
        label = np.tile([0, 1], groups * each // 2)
        for one in seeds:
            known = random.random(groups)[group] < share
            p_fake = np.where(known, label, 1 - label) * 0.6 + 0.2 + 0.2 * random.random(len(group))
            rows = {"model": name, "seed": one, "group": group.astype(str), "label": label, "p_fake": p_fake}
            parts.append(pd.DataFrame(rows))
    return pd.concat(parts, ignore_index=True)


def test_both_splits_and_their_difference_stand_side_by_side():
    rows = scored({RANDOM: 0.98, WHOLE: 0.8})
    table = leak_tax(rows, FACTS).set_index("split")
    right = rows.assign(right=(rows["p_fake"] >= 0.5) == rows["label"]).groupby("model")["right"].mean()
    assert list(table.index) == [RANDOM, WHOLE, TAX]
    assert table["accuracy"].tolist() == pytest.approx([right[RANDOM], right[WHOLE], right[RANDOM] - right[WHOLE]])
    assert table.loc[TAX, "accuracy_low"] > 0.05
    assert table.loc[[RANDOM, WHOLE], ["n_train", "n_test", "groups"]].values.tolist() == [[300, 300, 60]] * 2
    assert table.loc[[RANDOM, WHOLE], "torn"].tolist() == [0.9, 0.0]
    assert table.loc[[RANDOM, WHOLE], "majority"].tolist() == [0.5, 0.5]


def test_frames_taken_for_independent_look_surer_than_they_are():
    table = leak_tax(scored({RANDOM: 0.9, WHOLE: 0.7}), FACTS).set_index("split")
    for metric in ("accuracy", "auc"):
        for name in (RANDOM, WHOLE):
            honest, printed = (table.loc[name, f"{metric}{how}_high"] - table.loc[name, f"{metric}{how}_low"] for how in ("", "_rows"))
            assert honest > 1.5 * printed
    known = stats.binomtest(round(table.loc[WHOLE, "accuracy"] * 300), 300).proportion_ci(method="wilson")
    assert tuple(table.loc[WHOLE, ["accuracy_rows_low", "accuracy_rows_high"]]) == pytest.approx((known.low, known.high))


def test_the_interval_of_the_difference_is_that_of_two_independent_shares_of_groups():
    """On rows of different groups nothing is shared: the textbook's variance of a difference of two means."""
    rows = scored({RANDOM: 0.9, WHOLE: 0.7}, groups=200, seed=3)
    rows.loc[rows["model"] == WHOLE, "group"] += "'"
    table = leak_tax(rows, FACTS, resamples=3000).set_index("split")
    mean = rows.assign(right=(rows["p_fake"] >= 0.5) == rows["label"]).groupby(["model", "group"])["right"].mean()
    error = np.sqrt(sum(mean[name].var() / 200 for name in (RANDOM, WHOLE)))
    width = table.loc[TAX, "accuracy_high"] - table.loc[TAX, "accuracy_low"]
    assert width == pytest.approx(2 * stats.t.ppf(0.975, 199) * error, rel=0.06)


def test_seeds_are_averaged_and_a_model_without_an_error_is_not_certain():
    table = leak_tax(scored({RANDOM: 1.0, WHOLE: 0.8}, seeds=(1, 2, 3)), FACTS).set_index("split")
    assert table.loc[RANDOM, "seeds"] == 3 and table.loc[RANDOM, "n_test"] == 300
    assert table.loc[RANDOM, "accuracy"] == 1 == table.loc[RANDOM, "accuracy_high"]
    assert table.loc[RANDOM, "accuracy_low"] == pytest.approx(0.025 ** (1 / 60))


def test_the_verdict_says_whether_the_leak_pays():
    pays = verdict(leak_tax(scored({RANDOM: 0.98, WHOLE: 0.7}), FACTS), "lenet")
    assert pays.startswith("lenet is right on") and "a leak that pays" in pays and "90 % of the test crops" in pays
    alike = verdict(leak_tax(scored({RANDOM: 0.8, WHOLE: 0.8}, seeds=(1, 2)), FACTS), "lenet")
    assert "could be chance" in alike and "the mean of 2 seeds" in alike
    alone = verdict(leak_tax(scored({RANDOM: 0.8, WHOLE: 0.8}, each=1), FACTS.assign(torn=0.0)), "lenet")
    assert "both splits are of one kind" in alone


def test_one_split_alone_is_refused():
    with pytest.raises(ValueError, match="groups kept whole"):
        leak_tax(scored({RANDOM: 0.9}), FACTS)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(4, 60))
def test_a_shuffled_split_keeps_the_size_of_each_part_and_class(seed, rows):
    random = np.random.default_rng(seed)
    manifest = pd.DataFrame(
        {
            "path": [f"{number}.png" for number in range(rows)],
            "label": random.integers(2, size=rows),
            "split": random.choice(["train", "val", "test"], rows),
            "group": random.integers(5, size=rows).astype(str),
        }
    )
    shuffled = shuffled_split(manifest, seed)
    counts = [table.groupby(["split", "label"]).size() for table in (manifest, shuffled)]
    assert counts[0].equals(counts[1])
    assert shuffled.drop(columns="split").equals(manifest.drop(columns="split"))
    mixed = manifest.sample(frac=1, random_state=seed)
    assert shuffled_split(mixed, seed)["split"].reindex(manifest.index).equals(shuffled["split"])


def test_torn_counts_test_crops_with_relatives_in_train():
    manifest = pd.DataFrame({"split": ["train", "test", "test", "val"], "group": ["a", "a", "b", "b"]})
    assert torn(manifest) == 0.5
