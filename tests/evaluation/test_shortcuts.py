"""A planted shortcut is found and named, clean facts are not accused, and groups stay whole."""

import numpy as np
import pandas as pd
import pytest

from dfd_lib.evaluation.shortcuts import COLUMNS, FEW, shortcuts, shuffle_labels, verdict


def facts(groups=60, shift=0.0, words=0.0, seed=0, pure=False) -> pd.DataFrame:
    """Two files a group; of a fake, `bytes` is `shift` larger, and its codec another with probability `words`."""
    random = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), 2)
    label = group % 2 if pure else np.tile([0, 1], groups)
    scene = random.normal(size=(groups, 2))[group]
    codec = np.where((label == 1) & (random.random(len(label)) < words), "hevc", "h264")
    numbers = {"bytes": scene[:, 0] + random.normal(size=len(label)) + shift * label, "brightness": scene[:, 1]}
    return pd.DataFrame({"label": label, "group": group.astype(str), "codec": codec, "width": 64, **numbers})


def test_a_planted_number_is_found_in_its_family():
    table = shortcuts(facts(shift=2.5), permutations=3).set_index("family")
    assert table["warn"].to_dict() == {"size and bit rate": True, "brightness": False, "everything": True}  # one codec, one width
    assert table.loc["size and bit rate", "auc_low"] > 0.6
    assert table.loc["everything", "facts"] == "bytes, brightness"
    assert (
        abs(table.loc["everything", "shuffled"] - 0.5) < 0.15 and table.loc["everything", "auc"] > table.loc["everything", "shuffled_high"]
    )
    said = verdict(table.reset_index())
    assert "most of it from size" not in said[0], "one family alone is all of it"
    assert "From what is known of the files, labels can be guessed" in said[0]
    assert "partly the face, labels could not be guessed well enough to warn" in said[1]


def test_planted_words_are_found_and_unknown_ones_are_no_word():
    planted = facts(words=0.8, pure=True).drop(columns=["bytes", "brightness"])
    table = shortcuts(planted.assign(mode=["", "yuv"] * 60), permutations=0)
    assert table["family"].tolist() == ["encoding", "everything"] and table["warn"].all()
    assert table["facts"].tolist() == ["codec, mode"] * 2
    assert table["shuffled"].isna().all()


def test_the_verdict_names_the_strongest_family():
    table = shortcuts(facts(shift=2.5, words=0.3), permutations=0)
    assert "most of it from size and bit rate" in verdict(table)[0]


def test_a_group_s_own_look_is_no_shortcut():
    """Each group has one class and its own number: a classifier that saw files of the group would know all, and it sees none."""
    own = facts(pure=True).drop(columns=["codec", "bytes"])
    table = shortcuts(own, permutations=0)
    assert not table["warn"].any() and (table["auc"] < 0.75).all()


def test_with_few_groups_nothing_is_told():
    table = shortcuts(facts(groups=2 * FEW - 2, shift=9, pure=True))
    assert list(table) == list(COLUMNS)
    assert table["auc"].isna().all() and not table["warn"].any()
    assert verdict(table) == ["Too few groups (18) to tell whether labels can be guessed without the face."]


def test_where_nothing_varies_nothing_can_be_guessed():
    table = shortcuts(facts()[["label", "group", "width"]])
    assert table.empty and list(table) == list(COLUMNS)
    assert "Nothing that is not the face varies" in verdict(table)[0]


def test_shuffled_labels_keep_what_groups_are_made_of():
    random = np.random.default_rng(1)
    group = np.array([0, 0, 0, 1, 1, 2, 2, 2, 3])
    label = np.array([0, 1, 1, 1, 1, 0, 0, 0, 1])
    drawn = [shuffle_labels(label, group, random) for _ in range(200)]
    assert all(one[:3].sum() == 2 for one in drawn)  # a group of both keeps its counts
    assert all(len({*one[3:5]}) == len({*one[5:8]}) == 1 for one in drawn)  # one class stays one class
    assert all(one[3] + one[5] + one[8] == 2 for one in drawn)
    assert len({tuple(one[:3]) for one in drawn}) == 3 and len({(one[3], one[5], one[8]) for one in drawn}) == 3


def test_what_is_no_table_of_facts_is_refused():
    with pytest.raises(ValueError, match="no group"):
        shortcuts(facts().drop(columns="group"))
    with pytest.raises(ValueError, match=r"labels \[1\]"):
        shortcuts(facts().assign(label=1))


@pytest.mark.slow
@pytest.mark.parametrize(("groups", "pure"), [(30, False), (60, True), (150, False)])
def test_clean_facts_are_rarely_accused(groups, pure):
    """100 clean data sets: a false alarm in no more than 5 % of them, whichever family it is."""
    alarms = sum(shortcuts(facts(groups, seed=seed, pure=pure), permutations=0, resamples=300)["warn"].any() for seed in range(100))
    assert alarms <= 5
