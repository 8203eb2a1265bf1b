"""What tells real from fake without a look at the face, against scikit-learn and data whose differences are known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from dfd_lib.data.differences import COLUMNS, FEW, FOUND, coverage_facts, differences


def table(seed: int = 0, pairs: int = 60, files: int = 1) -> pd.DataFrame:
    """Groups of a real and a fake side, `files` of each, whose facts are alike: the group decides them."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(pairs), 2 * files)
    return pd.DataFrame(
        {
            "label": np.tile(np.repeat([0, 1], files), pairs),
            "group": [f"g{number}" for number in group],
            "width": rng.choice([640.0, 1280.0, 1920.0], pairs)[group],
            "codec": rng.choice(["h264", "hevc", "mjpg"], pairs)[group],
            "fps": rng.normal(30, 5, pairs)[group] + rng.normal(0, 5, len(group)),
        }
    )


def judged(facts: pd.DataFrame, **options: int) -> pd.DataFrame:
    return differences(facts, **{"resamples": 200, **options}).set_index("fact")


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(-5, 5)), min_size=4, max_size=40).filter(
        lambda rows: len({row[0] for row in rows}) == 2
    )
)
def test_the_auc_of_a_number_is_scikit_learns_whichever_class_has_more(rows):
    label, value = (np.array(column) for column in zip(*rows, strict=True))
    row = judged(pd.DataFrame({"label": label, "fact": value.astype(float)})).loc["fact"]
    auc = roc_auc_score(label, value)
    assert row["auc"] == pytest.approx(max(auc, 1 - auc))
    assert row["higher"] == ("" if auc == 0.5 else "fake" if auc > 0.5 else "real")
    assert (row["n_real"], row["n_fake"]) == ((label == 0).sum(), (label == 1).sum())


def test_a_fact_that_tells_all_warns_and_stands_first():
    facts = table()
    fake = facts["label"] == 1
    found = judged(facts.assign(height=np.where(fake, 240.0, 720.0), codec=np.where(fake, "h264", "hevc")))
    assert list(found.index[:2]) == ["codec", "height"] or list(found.index[:2]) == ["height", "codec"]
    assert found.loc[["codec", "height"], "warn"].all()
    assert found.loc["height", ["real", "fake", "higher", "auc", "auc_low", "auc_high"]].tolist() == ["720", "240", "real", 1.0, 1.0, 1.0]
    assert found.loc["codec", ["real", "fake", "auc"]].tolist() == ["hevc (100 %)", "h264 (100 %)", 1.0]
    assert not found.loc[["width", "fps"], "warn"].any()
    assert tuple(found.reset_index().columns) == COLUMNS


def test_a_word_that_one_class_has_more_often_is_found():
    facts = table(pairs=200)
    swapped = np.random.default_rng(1).random(len(facts)) < 0.5
    found = judged(facts.assign(codec=np.where((facts["label"] == 1) & swapped, "re-encoded", facts["codec"])))
    assert found.loc["codec", "warn"]
    # half of the fakes are known by the word, the rest are ties at best: .5 + .5 / 2
    assert found.loc["codec", "auc"] == pytest.approx(0.75, abs=0.03)


def test_words_of_one_group_alone_cannot_flatter():
    """A camera's name that no other group has tells the group, not the class."""
    facts = table(pairs=80)
    found = judged(facts.assign(camera=facts["group"] + facts["label"].astype(str)))
    assert found.loc["camera", "auc"] == pytest.approx(0.5, abs=1e-9)
    assert not found.loc["camera", "warn"]


def test_one_word_for_all_tells_nothing_at_all():
    """Folds have different shares of fakes; what is left of them by rounding must not be ranked."""
    rng = np.random.default_rng(3)
    facts = pd.DataFrame({"label": rng.integers(0, 2, 97), "codec": "h264"})
    for seed in range(5):
        row = judged(facts, seed=seed).loc["codec"]
        assert row[["auc", "auc_low", "auc_high"]].tolist() == [0.5, 0.5, 0.5]


def test_without_a_difference_few_tables_warn():
    """Of twenty, one is expected at most (5 %); five or more come once in four hundred times if so."""
    warned = [judged(table(seed), seed=seed, resamples=100)["warn"].any() for seed in range(20)]
    assert sum(warned) < 5


def test_the_interval_is_that_of_groups_not_of_files():
    """Ten files of a group say no more than one; files that are taken for independent give a narrow interval."""
    facts = table(pairs=40, files=10)
    owner = facts["group"] + facts["label"].astype(str)
    facts["bytes"] = owner.map(dict(zip(owner.unique(), np.random.default_rng(5).normal(size=owner.nunique()), strict=True)))
    wide, narrow = (judged(one).loc["bytes"] for one in (facts, facts.drop(columns="group")))
    assert wide["auc"] == narrow["auc"]
    assert wide["auc_high"] - wide["auc_low"] > 2 * (narrow["auc_high"] - narrow["auc_low"])
    assert (wide["groups"], narrow["groups"]) == (40, 800)


def test_few_groups_give_no_interval_and_no_warning():
    facts = table(pairs=FEW - 1).assign(height=lambda rows: np.where(rows["label"] == 1, 240.0, 720.0))
    row = judged(facts).loc["height"]
    assert row["auc"] == 1
    assert np.isnan(row["auc_low"]) and np.isnan(row["auc_high"]) and not row["warn"]


def celeb_df(people: int = 14, takes: int = 4, strangers: int = 6) -> pd.DataFrame:
    """Everybody is swapped with everybody, so all are one group; of some real clips nobody knows who they show."""
    rows = [(0, "one", f"id{one}", "", f"real/id{one}_{take}") for one in range(people) for take in range(takes)]
    rows += [
        (1, "one", f"id{one}", f"real/id{one}_{take}", f"fake/id{one}_id{(one + take + 1) % people}_{take}")
        for one in range(people)
        for take in range(takes)
    ]
    rows += [(0, f"y{number}", "", "", f"youtube/{number}") for number in range(strangers)]
    return pd.DataFrame(rows, columns=["label", "group", "person", "source", "video"])


def test_where_all_are_one_group_persons_are_resampled():
    facts = celeb_df()
    taken = facts.assign(fps=np.where(facts["label"] == 1, 30.0, 25.0), width=facts["person"].str.len() * 1.0)
    found = judged(taken)
    assert set(found["unit"]) == {"person"}
    assert set(found["groups"]) == {14 + 6}
    assert found.loc["fps", ["auc", "auc_low", "auc_high", "warn"]].tolist() == [1.0, 1.0, 1.0, True]
    assert not judged(taken.drop(columns=["person", "source", "video"])).loc["fps", "warn"], "so without them it was passed over"


def test_persons_give_a_wider_interval_than_their_clips_would():
    """What a person's clips share counts once, however many they are."""
    facts = celeb_df(people=24, takes=10, strangers=0)
    rng = np.random.default_rng(2)
    own = facts["person"] + facts["label"].astype(str)
    facts["bytes"] = own.map(dict(zip(own.unique(), rng.normal(size=own.nunique()), strict=True)))
    by_person, by_clip = judged(facts).loc["bytes"], judged(facts.drop(columns=["group", "person", "source"])).loc["bytes"]
    assert (by_person["unit"], by_clip["unit"]) == ("person", "clip")
    assert by_person["auc"] == by_clip["auc"]
    assert by_person["auc_high"] - by_person["auc_low"] > 2 * (by_clip["auc_high"] - by_clip["auc_low"])


@pytest.mark.parametrize(
    ("change", "unit", "units"),
    [
        ({"person": ""}, "source video", 14 * 4 + 6),
        ({"person": "", "source": ""}, "clip", 2 * 14 * 4 + 6),
        ({"person": lambda rows: rows["person"].replace({f"id{one}": "id0" for one in range(10)})}, "source video", 14 * 4 + 6),
        ({"group": lambda rows: rows["person"] + rows["video"].where(rows["person"] == "", "")}, "group", 14 + 6),
    ],
    ids=["nobody knows who", "nor from what", "one person is nearly everybody", "groups that are good enough"],
)
def test_the_safest_unit_that_serves_is_taken(change: dict, unit: str, units: int):
    facts = celeb_df().assign(fps=lambda rows: np.where(rows["label"] == 1, 30.0, 25.0))
    assert judged(facts.assign(**change)).loc["fps", ["unit", "groups", "warn"]].tolist() == [unit, units, True]


def test_too_few_of_everything_stay_without_an_interval():
    facts = celeb_df(people=3, takes=3, strangers=0).assign(fps=lambda rows: np.where(rows["label"] == 1, 30.0, 25.0))
    row = judged(facts).loc["fps"]
    assert np.isnan(row["auc_low"]) and not row["warn"] and row["auc"] == 1
    assert row["unit"] == "clip"


def test_unknown_facts_are_left_out_and_those_of_one_class_alone_too():
    facts = table(pairs=20)
    real = facts["label"] == 0
    found = judged(facts.assign(exif=np.where(real, 1.0, np.nan), mode=np.where(real, "", "RGB"), fps=facts["fps"].where(facts.index > 9)))
    assert {"exif", "mode"}.isdisjoint(found.index)
    assert found.loc["fps", ["n_real", "n_fake"]].tolist() == [15, 15]
    assert found.loc["width", ["n_real", "n_fake"]].tolist() == [20, 20]


def test_faces_that_are_lost_more_often_in_one_class_warn_early():
    """Eight of a hundred fakes without a face are too few for the AUC's limit, and too many to be passed over."""
    coverage = pd.DataFrame({"label": [0, 1] * 100, "frames_read": 10, "faces_kept": [10, 10] * 92 + [10, 0] * 8})
    facts = pd.concat([coverage[["label"]], coverage_facts(coverage)], axis=1)
    found = judged(facts)
    assert found.loc[FOUND, ["real", "fake", "higher"]].tolist() == ["100.0 %", "92.0 %", "real"]
    assert found.loc[FOUND, "auc"] == pytest.approx(0.54)
    assert found.loc[FOUND, "warn"]
    assert not judged(facts.assign(**{FOUND: [1.0, 1.0] * 98 + [1.0, 0.0] * 2})).loc[FOUND, "warn"]


def test_faces_per_frame_are_known_of_clips_alone():
    coverage = pd.DataFrame({"label": 0, "frames_read": [10, 1, 0], "faces_kept": [5, 1, 0]})
    facts = coverage_facts(coverage)
    assert facts[FOUND].tolist() == [1, 1, 0]
    assert facts["faces per frame"].fillna(-1).tolist() == [0.5, -1, -1]


def test_the_same_seed_gives_the_same_table():
    facts = table(pairs=30)
    pd.testing.assert_frame_equal(differences(facts, seed=4, resamples=70), differences(facts, seed=4, resamples=70))


@pytest.mark.parametrize("facts", [pd.DataFrame({"fps": [1.0]}), pd.DataFrame({"label": [0, -1], "fps": [1.0, 2.0]})])
def test_a_table_without_labels_is_refused(facts):
    with pytest.raises(ValueError, match="expected a column label"):
        differences(facts)
