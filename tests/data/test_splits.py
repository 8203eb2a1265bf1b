"""Groups, splits and audits, against brute force and published counts."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dfd_lib.data.audit import CHECKS
from dfd_lib.data.sources import list_source
from dfd_lib.data.splits import audit, connected_groups, leaks, random_split, split, summary
from dfd_lib.tables import SPLITS

SHARES = {"train": 0.6, "val": 0.15, "calib": 0.1, "test": 0.15}


def manifest(videos: pd.DataFrame, frames: int = 1) -> pd.DataFrame:
    """A manifest of clips: the columns label and whatever else is known of each."""
    table = videos.loc[videos.index.repeat(frames)].reset_index(drop=True)
    defaults = {"split": "", "dataset": "d", "person": "", "donor": "", "source": ""}
    table = table.assign(**{column: value for column, value in defaults.items() if column not in table})
    table["path"] = table["video"] + "/" + (table.index % frames).astype(str) + ".jpg"
    table["group"] = table["group"] if "group" in table else connected_groups(table)
    return table


def circles(count: int, size: int = 3, frames: int = 4) -> pd.DataFrame:
    """Closed circles of people who swap with the next: each has a real clip and a swap."""
    rows = []
    for circle, one in itertools.product(range(count), range(size)):
        person, donor = f"p{circle}_{one}", f"p{circle}_{(one + 1) % size}"
        rows += [(f"real/{person}", 0, person, ""), (f"fake/{person}", 1, person, donor)]
    return manifest(pd.DataFrame(rows, columns=["video", "label", "person", "donor"]), frames)


def everyone_with_everyone(people: int, frames: int = 2) -> pd.DataFrame:
    """People who all swap with each other, as in Celeb-DF: one component."""
    rows = [(f"real/{a}_{take}", 0, f"id{a}", "") for a in range(people) for take in range(3)]
    rows += [(f"fake/{a}_{b}", 1, f"id{a}", f"id{b}") for a, b in itertools.permutations(range(people), 2)]
    return manifest(pd.DataFrame(rows, columns=["video", "label", "person", "donor"]), frames)


def parts_of(table: pd.DataFrame) -> dict[str, str]:
    return table.set_index("path")["split"].to_dict()


# ---------------------------------------------------------------- groups


def brute_components(table: pd.DataFrame) -> list[set[int]]:
    """Merge rows that share a value until nothing changes."""
    spaces = {"person": "identity", "donor": "identity", "source": "video", "video": "video", "scene": "scene"}
    held = [{(row["dataset"], space, row[column]) for column, space in spaces.items() if row[column]} for row in table.to_dict("records")]
    components = [({at}, own) for at, own in enumerate(held)]
    changed = True
    while changed:
        changed = False
        for one, other in itertools.combinations(components, 2):
            if one[1] & other[1]:
                one[0].update(other[0])
                one[1].update(other[1])
                components.remove(other)
                changed = True
                break
    return sorted((rows for rows, _ in components), key=min)


names = st.sampled_from(["", "", "a", "b", "c", "d"])
links = st.fixed_dictionaries(
    {
        "dataset": st.sampled_from(["d", "e"]),
        "video": st.sampled_from([f"v{at}" for at in range(9)] + ["a", "b"]),
        **dict.fromkeys(("person", "donor", "source", "scene"), names),
    }
)


@settings(max_examples=60)
@given(st.lists(links, min_size=1, max_size=16))
def test_groups_are_the_connected_components(rows):
    table = pd.DataFrame(rows, index=range(5, 5 + len(rows)))
    group = connected_groups(table)
    assert group.index.equals(table.index)
    found = pd.Series(range(len(table))).groupby([table["dataset"].to_numpy(), group.to_numpy()]).agg(set)
    assert sorted(found, key=min) == brute_components(table)
    first = table["video"].groupby([table["dataset"], group]).min()
    assert list(first) == list(first.index.get_level_values("group"))  # named after the first video


@settings(max_examples=20)
@given(st.lists(links, min_size=2, max_size=12), st.data())
def test_one_more_link_only_joins_groups(rows, data):
    table = pd.DataFrame(rows).assign(dataset="d")
    before = connected_groups(table)
    one, other = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=2, max_size=2))
    table.loc[[one, other], "extra"] = "same"
    after = connected_groups(table, ("person", "donor", "source", "video", "scene", "extra"))
    assert after[one] == after[other]
    assert after.groupby(before).nunique().eq(1).all()
    assert after.nunique() >= before.nunique() - 1


def test_groups_of_an_empty_table():
    assert connected_groups(pd.DataFrame({"video": pd.Series(dtype=str)})).empty


# ---------------------------------------------------------------- splits


@pytest.mark.parametrize("seed", range(5))
def test_split_is_leak_free_and_keeps_its_shares(seed):
    table, _ = split(circles(48), SHARES, seed)
    assert len(table) == 48 * 3 * 2 * 4
    assert audit(table)["ok"].all()
    counts = table.groupby(["split", "label"]).size().unstack()
    for part, share in SHARES.items():
        assert (abs(counts.loc[part] / (len(table) / 2) - share) < 1 / 48).all()


compositions = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(any), min_size=30, max_size=80)


@settings(max_examples=20)
@given(compositions, st.integers(0, 2**40), st.randoms(use_true_random=False))
def test_split_of_any_groups(groups, seed, random):
    """No group in two parts, every row once, shares met as far as groups allow, and the order of rows does not matter."""
    groups += [(3, 3)] * 8
    rows = [(f"g{at}", label) for at, counts in enumerate(groups) for label in (0, 1) for _ in range(counts[label])]
    table = pd.DataFrame(rows, columns=["group", "label"])
    table = manifest(table.assign(video="v" + table.index.astype(str)))
    found, _ = split(table, SHARES, seed)
    assert list(found["path"]) == list(table["path"])
    assert found.groupby("group")["split"].nunique().eq(1).all()
    largest = found.groupby(["group", "label"]).size().groupby("label").max()
    for label, part in itertools.product((0, 1), SHARES):
        own = found[found["label"] == label]
        assert (own["split"] == part).sum() > 0
        assert abs((own["split"] == part).sum() - SHARES[part] * len(own)) <= 2 * largest[label] + 1
    order = list(range(len(table)))
    random.shuffle(order)
    again, _ = split(table.iloc[order], SHARES, seed)
    assert parts_of(again) == parts_of(found)


def test_split_is_decided_by_the_seed():
    table = circles(40)
    assert parts_of(split(table, SHARES, 3)[0]) == parts_of(split(table, SHARES, 3)[0])
    assert len({tuple(split(table, SHARES, seed)[0]["split"]) for seed in range(8)}) == 8
    uneven = manifest(
        pd.DataFrame(
            [(f"g{at}", label, f"g{at}_{label}_{k}") for at in range(1, 31) for label in (0, 1) for k in range(at)],
            columns=["group", "label", "video"],
        )
    )
    assert len({tuple(split(uneven, SHARES, seed)[0]["split"]) for seed in range(8)}) == 8


def test_split_does_not_change_between_versions():
    """A split that moved would void every comparison with an older report."""
    table, _ = split(circles(12, size=2, frames=1), SHARES, 1)
    found = table.drop_duplicates("group").sort_values("group")["split"]
    assert " ".join(found) == "val test train val train train train calib train test train train"


@pytest.mark.parametrize("count", [4, 5, 6, 9])
def test_few_groups_still_give_each_part_both_classes(count):
    for seed in range(10):
        table, _ = split(circles(count, frames=1), SHARES, seed)
        assert table.groupby("split")["label"].nunique().to_dict() == dict.fromkeys(SPLITS, 2)
        assert audit(table)["ok"].all()
    pure = pd.DataFrame([(f"{label}/{at}", label) for label in (0, 1) for at in range(count)], columns=["video", "label"])
    table, _ = split(manifest(pure), SHARES, 1)
    assert table.groupby("split")["label"].nunique().to_dict() == dict.fromkeys(SPLITS, 2)


def test_too_few_groups():
    with pytest.raises(ValueError, match=r"expected real faces in each of .*in 3 groups, at least 4 are needed") as caught:
        split(circles(3), SHARES, 1)
    assert "\n" not in str(caught.value)


def test_a_group_too_large_to_split():
    table = circles(30)
    table.loc[table.index[24:], "group"] = "everybody"
    table[["person", "donor"]] = ""
    with pytest.raises(ValueError, match=r"too large to split \(the largest has 696 of 720 crops\)"):
        split(table, SHARES, 1)


def test_large_groups_go_to_train():
    rows = [("big" if at < 60 else "huge" if at < 200 else f"g{at // 2}", at % 2, f"v{at}") for at in range(3000)]
    table = manifest(pd.DataFrame(rows, columns=["group", "label", "video"]))
    for seed in range(8):
        found, notes = split(table, SHARES, seed)
        assert set(found.loc[found["group"].isin(["big", "huge"]), "split"]) == {"train"}
        assert (found["split"] == "train").mean() == pytest.approx(0.6, abs=0.005)
        assert any(note.startswith("2 groups over 1%") for note in notes)


def test_one_group_of_most_rows_goes_to_train_not_to_test():
    rows = [("most" if at < 1400 else f"g{at // 2}", at % 2, f"v{at}") for at in range(2000)]
    table = manifest(pd.DataFrame(rows, columns=["group", "label", "video"]))
    for seed in range(8):
        found, _ = split(table, SHARES, seed)
        assert set(found.loc[found["group"] == "most", "split"]) == {"train"}
        rest = found[found["split"] != "train"]["split"].value_counts(normalize=True)
        assert rest.to_dict() == pytest.approx({"val": 0.375, "calib": 0.25, "test": 0.375}, abs=0.01)


def test_a_giant_component_is_split_by_its_people():
    table = pd.concat([everyone_with_everyone(40), circles(4)], ignore_index=True)
    found, notes = split(table, SHARES, 2)
    assert audit(found)["ok"].all()
    assert set(found["path"]) < set(table["path"])
    assert found.groupby("split")["label"].nunique().to_dict() == dict.fromkeys(SPLITS, 2)
    part_of = found[found["donor"] == ""].groupby("person")["split"].agg(set)
    assert part_of.map(len).eq(1).all()
    assert len(part_of) == 40 + 12  # nobody is lost
    kept = set(found["path"])
    for row in table.itertuples():  # what is left out is just what crosses
        assert (row.path in kept) == (not row.donor or part_of[row.person] == part_of[row.donor])
    assert any(f"{len(table) - len(found):,} crops of swaps between people of two parts were left out" in note for note in notes)


def test_a_giant_component_with_donors_who_have_no_clip():
    swaps = everyone_with_everyone(30)
    strangers = swaps[swaps["label"] == 1].assign(
        donor="stranger", video=lambda rows: "s/" + rows["video"], path=lambda rows: "s/" + rows["path"]
    )
    table = pd.concat([swaps, strangers], ignore_index=True)
    table["group"] = connected_groups(table)
    found, _ = split(table, SHARES, 1)
    assert audit(found)["ok"].all()
    assert (found["donor"] == "stranger").any()


def test_a_small_circle_is_no_giant():
    """Four circles of three hold a quarter of the rows each; to split their people would leave no swap at all."""
    found, notes = split(circles(4), SHARES, 1)
    assert len(found) == len(circles(4))
    assert not any("left out" in note for note in notes)


# ---------------------------------------------------------------- official splits


def test_an_official_split_wins_and_the_audit_tells():
    table = circles(30)
    person = table["person"].str.extract(r"p(\d+)_")[0].astype(int)
    table["split"] = np.select([person < 18, person < 22, person < 25], ["train", "val", "calib"], "test")
    table.loc[table["video"] == "real/p0_0", "split"] = "test"  # an official split that leaks
    found, notes = split(table, SHARES, 1)
    assert parts_of(found) == parts_of(table)
    bad = audit(found).query("not ok")
    assert set(zip(bad["check"], bad["left"], bad["right"], strict=True)) == {
        ("group", "train", "test"),
        ("person or donor", "train", "test"),
    }
    anew, _ = split(table, SHARES, 1, official=False)
    assert audit(anew)["ok"].all()
    assert any("official" in note for note in notes) is False


def test_calib_is_taken_from_val_by_group():
    table = circles(60)
    person = table["person"].str.extract(r"p(\d+)_")[0].astype(int)
    table["split"] = np.select([person < 30, person < 50], ["train", "val"], "test")
    found, notes = split(table, SHARES, 1)
    assert audit(found)["ok"].all()
    moved = found["split"].to_numpy() != table["split"].to_numpy()
    assert set(table.loc[moved, "split"]) == {"val"}
    assert set(found.loc[moved, "split"]) == {"calib"}
    assert found.loc[moved, "group"].nunique() == 8  # of the 20 in val, .10 / .25
    assert "The official split has no calib: it was taken from val, by group." in notes


def test_where_only_test_is_official_the_rest_is_dealt_out():
    table = circles(60)
    person = table["person"].str.extract(r"p(\d+)_")[0].astype(int)
    table["split"] = np.where(person < 12, "test", "")
    found, _ = split(table, SHARES, 1)
    assert audit(found)["ok"].all()
    assert parts_of(found[found["split"] == "test"]) == parts_of(table[table["split"] == "test"])
    assert found.drop_duplicates("group")["split"].value_counts().to_dict() == pytest.approx(
        {"train": 34, "test": 12, "val": 8, "calib": 6}, abs=1
    )


def test_rows_without_a_part_follow_their_group():
    table = circles(40)
    person = table["person"].str.extract(r"p(\d+)_")[0].astype(int)
    table["split"] = np.select([person < 24, person < 30, person < 34], ["train", "val", "calib"], "test")
    expected = parts_of(table)
    table.loc[table["label"] == 1, "split"] = ""
    assert parts_of(split(table, SHARES, 1)[0]) == expected


def test_a_single_official_part_decides_nothing():
    """DFDC marks every clip of its training data `train`."""
    found, notes = split(circles(40).assign(split="train"), SHARES, 1)
    assert parts_of(found) == parts_of(split(circles(40), SHARES, 1)[0])
    assert any("officially train" in note for note in notes)


def test_an_official_split_without_train():
    table = circles(40)
    table["split"] = np.where(np.arange(len(table)) < len(table) / 2, "val", "test")
    with pytest.raises(ValueError, match="official=False"):
        split(table, SHARES, 1)
    split(table, SHARES, 1, official=False)


def test_celeb_df_with_its_test_list():
    """All people swap with each other, some clips are officially test: these stay, the people of the rest are dealt out."""
    table = everyone_with_everyone(50)
    table["split"] = np.where(table["video"].str.endswith(("_1", "_2")), "test", "")
    found, _ = split(table, SHARES, 1)
    assert parts_of(found[found["split"] == "test"]) == parts_of(table[table["split"] == "test"])
    checks = audit(found).set_index(["check", "left", "right"])["ok"]
    assert checks.loc[[key for key in checks.index if "test" not in key]].all()
    assert not checks["person or donor", "train", "test"]


@pytest.mark.parametrize(
    "shares", [{"train": 0.6, "test": 0.3}, {"train": 0.5, "hold": 0.5}, {"val": 0.5, "test": 0.5}, {"train": 1.0, "test": 0.0}]
)
def test_wrong_shares(shares):
    with pytest.raises(ValueError, match="shares: expected train"):
        split(circles(9), shares, 1)


def test_missing_column():
    with pytest.raises(ValueError, match="'donor' is missing"):
        split(circles(9).drop(columns="donor"), SHARES, 1)


def test_two_data_sets_with_equal_names():
    one = circles(20)
    found, _ = split(pd.concat([one, one.assign(dataset="e", path="e/" + one["path"])]), SHARES, 1)
    assert audit(found)["ok"].all()
    assert summary(found)["groups"].sum() == 40
    assert found.groupby("group")["split"].nunique().max() == 2  # equal names, different people


# ---------------------------------------------------------------- random split, audit, summary


def test_random_split_leaks_as_it_says():
    table = circles(20, frames=20)  # 1,200 real and 1,200 fake crops
    found = random_split(table, SHARES, 1)
    assert not audit(found)["ok"].any()
    expected = {(part, label): share * 1200 for part, share in SHARES.items() for label in (0, 1)}
    assert found.groupby(["split", "label"]).size().to_dict() == expected
    assert parts_of(random_split(table.sample(frac=1, random_state=0), SHARES, 1)) == parts_of(found)
    assert parts_of(random_split(table, SHARES, 2)) != parts_of(found)


def brute_audit(table: pd.DataFrame, columns: list[str], left: str, right: str) -> tuple[int, int, str]:
    held = {part: set() for part in SPLITS}
    rows = [(row["split"], {(row["dataset"], row[column]) for column in columns if row[column]}) for row in table.to_dict("records")]
    for part, own in rows:
        held.get(part, set()).update(own)
    shared = held[left] & held[right]
    touched = sum(part in (left, right) and bool(own & shared) for part, own in rows)
    return len(shared), touched, min((value for _, value in shared), default="")


crops = st.fixed_dictionaries(
    {
        "split": st.sampled_from(["", "train", "val", "test"]),
        "dataset": st.sampled_from(["d", "e"]),
        "group": st.sampled_from("gh"),
        "video": st.sampled_from("uvw"),
        "person": names,
        "donor": names,
    }
)


@settings(max_examples=20)
@given(st.lists(crops, min_size=4, max_size=24))
def test_audit_and_leaks_agree_with_brute_force(rows):
    table = pd.DataFrame(rows).assign(path=[f"{at:02}.jpg" for at in range(len(rows))])
    found = audit(table)
    pairs = leaks(table)
    present = [part for part in SPLITS if part in set(table["split"])]
    known = [check for check, columns in CHECKS.items() if (table.loc[table["split"] != "", columns] != "").any(axis=None)]
    expected = list(itertools.product(known, itertools.combinations(present, 2)))
    assert list(zip(found["check"], zip(found["left"], found["right"], strict=True), strict=True)) == expected
    for row in found.itertuples():
        columns = CHECKS[row.check]
        assert (row.shared, row.rows, row.example) == brute_audit(table, columns, row.left, row.right)
        assert row.ok == (row.shared == 0)
        own = pairs[(pairs["check"] == row.check) & (pairs["left"] == row.left) & (pairs["right"] == row.right)]
        assert len(own) == row.shared
    crop = table.set_index("path")
    for row in pairs.itertuples():
        for side, path in ((row.left, row.left_path), (row.right, row.right_path)):
            assert crop.loc[path, "split"] == side
            assert row.value in set(crop.loc[path, CHECKS[row.check]])


def test_leaks_are_limited():
    found = leaks(random_split(circles(20, frames=20), SHARES, 1), limit=7)
    assert found["check"].value_counts().to_dict() == dict.fromkeys(CHECKS, 7)


def test_summary_counts():
    table = circles(30)
    found, _ = split(table, SHARES, 1)
    counts = summary(found).set_index("split")
    assert list(counts.index) == list(SPLITS)
    assert counts[["groups", "videos", "crops", "real", "fake"]].sum().to_dict() == {
        "groups": 30,
        "videos": 180,
        "crops": 720,
        "real": 360,
        "fake": 360,
    }
    for part, row in counts.iterrows():
        own = found[found["split"] == part]
        assert (row["groups"], row["videos"]) == (own["group"].nunique(), own["video"].nunique())
        assert row["fake_share"] == own["label"].mean()


def test_real_dfdc_faces_split(shared_data):
    root = shared_data("dfdc_faces")
    listing, _ = list_source(root, groups="scenes.csv")
    found, _ = split(listing, SHARES, 1)
    assert audit(found)["ok"].all()
    assert summary(found).set_index("split")["crops"].to_dict() == {"train": 7200, "val": 1800, "calib": 1200, "test": 1800}
    assert summary(found)["fake_share"].to_list() == [0.5] * 4
    scenes = pd.read_csv(root / "scenes.csv", dtype=str)
    scenes["video"] = "faces_224/" + scenes["videoname"].str.removesuffix(".mp4")
    assert scenes.merge(found, on="video").groupby("scene_x")["split"].nunique().eq(1).all()
