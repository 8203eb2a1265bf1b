"""Over eighty damaged and hostile files: each has one clear row, none stops the run, hangs it or leaves half a crop."""

from pathlib import Path

import pandas as pd
import pytest
from drawn_media import scene, write_photo
from hostile_media import SKIPPED, write_hostile

from dfd_lib.data.crops import read_image
from dfd_lib.data.extract import extract, folder_name
from dfd_lib.data.probe import NUMBERS, probe
from dfd_lib.data.sources import list_source
from dfd_lib.experiment import Faces


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """All of them are called fake; one good photo is real, and two names differ by case alone."""
    root = tmp_path_factory.mktemp("hostile")
    fates = {f"fake/{name}": fate for name, fate in write_hostile(root / "fake").items()}
    for name in ("real/good.png", "fake/Case.png", "fake/case.png"):
        write_photo(root / name, scene([(3, 120, 20, 10)], (192, 144)))
    return root, fates


@pytest.fixture(scope="module")
def extracted(tree: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame, pd.DataFrame]:
    out = tmp_path_factory.mktemp("out")
    listing, problems = list_source(tree[0], layout="folders")
    return out, *extract(listing, tree[0], out, faces=Faces(every=1, size=32), workers=1, progress=False, problems=problems)


def test_each_has_one_clear_row(tree: tuple[Path, dict[str, str]], extracted: tuple) -> None:
    (root, fates), (_, _, coverage) = tree, extracted
    assert len(fates) > 80
    assert coverage["file"].is_unique
    rows = coverage.set_index("file")
    fates = {file.encode("unicode_escape").decode() if "\n" in file else file: fate for file, fate in fates.items()}
    assert {*fates, "real/good.png", "fake/Case.png", "fake/case.png"} == set(rows.index)
    for file, row in rows.iterrows():
        assert row["status"] in ("ok", "skipped"), file
        assert row["status"] == "ok" or 5 < len(row["reason"]) < 300, file
        assert "\n" not in row["reason"], file
        assert str(root) not in row["reason"], "reports name no machine's folders"
    assert {file for file, fate in fates.items() if fate == SKIPPED and rows.loc[file, "status"] == "ok"} == set()
    assert set(rows.loc[["fake/Case.png", "fake/case.png"], "status"]) == {"ok", "skipped"}
    assert "but for suffix or case" in rows.loc["fake/case.png", "reason"]
    assert (rows["status"] == "ok").equals(rows["faces_kept"] > 0)


def test_what_is_whole_is_used_whatever_lies_beside_it(tree: tuple[Path, dict[str, str]], extracted: tuple) -> None:
    (_, fates), (_, _, coverage) = tree, extracted
    used = set(coverage["file"][coverage["status"] == "ok"])
    whole = {file for file in fates if file.startswith("fake/whole")}
    assert len(whole) == 5 and whole <= used
    assert {"real/good.png", "fake/jpeg named.png", "fake/one frame.mp4", "fake/%03d.mp4"} <= used
    assert {"fake/ space .mp4", "fake/quote'\".mp4", "fake/日本 é ß 🎬.mp4", "fake/-rf.mp4", "fake/$(touch x);`x`.mp4"} <= used


def test_no_crop_is_half_or_unnamed(extracted: tuple) -> None:
    out, manifest, coverage = extracted
    crops = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))
    assert crops == manifest["path"].tolist()
    assert coverage["faces_kept"].sum() == len(crops)
    assert all(read_image(out / crop).shape == (32, 32, 3) for crop in crops)
    assert not list(out.rglob(".*"))
    lost = coverage["file"][coverage["status"] == "skipped"]
    assert not [file for file in lost if list((out / "crops" / folder_name(file)).glob("*.png"))]


def test_their_facts_have_one_row_each_too(tree: tuple[Path, dict[str, str]]) -> None:
    listing, _ = list_source(tree[0], layout="folders")
    facts = probe(listing, tree[0], workers=1, progress=False).set_index("file")
    assert set(facts.index) == set(listing["file"])
    bad = facts["reason"] != ""
    assert facts.loc[bad, list(NUMBERS)].isna().all(axis=None)
    assert (facts.loc[~bad, ["bytes", "width", "height", "frames"]] > 0).all(axis=None)
    assert not facts["reason"].str.contains(str(tree[0]), regex=False).any()
    assert {"fake/others.mp4", "fake/giant photo.png", "fake/sound.mp4", "fake/cut 90 mp4.mp4"} <= set(facts.index[bad])
