"""Over ninety damaged and hostile files: each has one clear row, none stops the run, hangs it or leaves half a crop."""

import itertools
from pathlib import Path

import bad_jobs
import pandas as pd
import pytest
from drawn_media import numbered, repeated, scene, varying, write_clip, write_photo
from hostile_media import SKIPPED, write_hostile

from dfd_lib.data import cutting, processes
from dfd_lib.data.crops import read_image
from dfd_lib.data.extract import extract
from dfd_lib.data.faces import MAX_FACES
from dfd_lib.data.frames import sample_frames
from dfd_lib.data.names import folder_name
from dfd_lib.data.probe import NUMBERS, probe
from dfd_lib.data.sources import list_source
from dfd_lib.experiment import Faces
from dfd_lib.tables import read_table


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
    tables = extract(listing, tree[0], out, faces=Faces(every=1, size=32), workers=1, progress=False, problems=problems)
    return out, *tables.read()


def test_each_has_one_clear_row(tree: tuple[Path, dict[str, str]], extracted: tuple) -> None:
    (root, fates), (_, _, coverage) = tree, extracted
    assert len(fates) > 90
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
    assert (rows["status"] == "ok").equals(rows["faces_kept"] > 0)


def test_what_is_whole_is_used_whatever_lies_beside_it(tree: tuple[Path, dict[str, str]], extracted: tuple) -> None:
    (_, fates), (_, _, coverage) = tree, extracted
    used = set(coverage["file"][coverage["status"] == "ok"])
    assert {"fake/Case.png", "fake/case.png", "fake/caf\u00e9.png", "fake/cafe\u0301.png"} <= used, "different names, different files"
    assert {"fake/without suffix", "fake/strange suffix.xyz", "fake/turned face.mp4", "fake/uneven.mp4"} <= used
    whole = {file for file in fates if file.startswith("fake/whole")}
    assert len(whole) == 5 and whole <= used
    assert {"real/good.png", "fake/jpeg named.png", "fake/one frame.mp4", "fake/%03d.mp4"} <= used
    assert {"fake/ space .mp4", "fake/quote'\".mp4", "fake/日本 é ß 🎬.mp4", "fake/-rf.mp4", "fake/$(touch x);`x`.mp4"} <= used


def test_odd_times_and_turns_lose_no_frame(extracted: tuple) -> None:
    rows = extracted[2].set_index("file")
    columns = ["frames_read", "faces_kept", "width", "height", "reason"]
    assert rows.loc["fake/turned face.mp4", columns].tolist() == rows.loc["fake/uneven.mp4", columns].tolist() == [4, 4, 192, 144, ""]
    assert rows.loc["fake/wall.png", "faces_kept"] <= MAX_FACES


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


def test_a_film_without_an_end_costs_its_limit(tmp_path: Path) -> None:
    """A file of a megabyte whose index shows one frame a quarter of a million times."""
    repeated(write_clip(tmp_path / "media/fake/endless.mp4", [scene([(1, 60, 2, 2)], (64, 64))]), 250_000)
    write_photo(tmp_path / "media/real/good.png", scene([(3, 120, 20, 10)], (192, 144)))
    coverage = lost(tmp_path, Faces(every=1, size=32, time_limit=1), workers=0)
    assert coverage.loc["fake/endless.mp4", "reason"].startswith("expected to be done within 1 s, came to frame ")
    assert coverage.loc["real/good.png", "status"] == "ok"


def test_a_file_that_hangs_in_a_decoder_costs_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE", 0.5)
    monkeypatch.setattr(cutting, "_cut_one", bad_jobs.hang)
    write_clip(tmp_path / "media/fake/hangs.mp4", [scene([(1, 60, 2, 2)], (64, 64))])
    write_photo(tmp_path / "media/real/good.png", scene([(3, 120, 20, 10)], (192, 144)))
    coverage = lost(tmp_path, Faces(every=1, size=32, time_limit=1), workers=1)
    assert coverage.loc["fake/hangs.mp4", "reason"].startswith("expected to be done within 1 s, was stuck and had to be ended.")


def lost(folder: Path, faces: Faces, **options: int) -> pd.DataFrame:
    """Extract what must lose a class; nothing is left of that but its rows."""
    listing, problems = list_source(folder / "media", layout="folders")
    with pytest.raises(ValueError, match="came none of"):
        extract(listing, folder / "media", folder / "out", faces=faces, progress=False, problems=problems, **options)
    assert not list((folder / "out" / "crops").glob(".*"))
    assert not [path for path in folder.glob("out/crops/*/*.png") if "good" not in str(path)]
    return read_table(folder / "out/coverage.csv").fillna("").set_index("file")


def test_the_limit_counts_our_time_and_not_the_films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clip whose frames are shown for an hour each takes no longer than any other."""
    path = varying(write_clip(tmp_path / "slow.mp4", numbered(6)), [12_800 * 3600] * 6)
    clock = itertools.repeat(0.0)
    monkeypatch.setattr("dfd_lib.data.frames.time.monotonic", lambda: next(clock))
    assert [index for index, _ in sample_frames(path, every=1, limit=2.5)] == list(range(6))
    clock = itertools.count(0.0)
    with pytest.raises(ValueError, match=r"expected to be done within 2.5 s, came to frame 2 only"):
        list(sample_frames(path, every=1, limit=2.5))
