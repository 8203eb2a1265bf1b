"""Shards of an extraction, and the tables that are made of them."""

import random
import shutil
from pathlib import Path

import pandas as pd
import pytest
from drawn_media import listing, scene, write_photo
from hypothesis import given, settings
from hypothesis import strategies as st

from dfd_lib.data.extract import extract
from dfd_lib.data.shard import Shard
from dfd_lib.data.shards import merge_shards
from dfd_lib.experiment import Faces
from dfd_lib.tables import read_table

FACES = Faces(size=32)
FILES = {f"{kind}/{number}.png": label for label, kind in enumerate(("real", "fake")) for number in range(4)}
PROBLEMS = pd.DataFrame({"file": ["x/a.mp4", "x/a.mp4", "b.mp4"], "reason": ["no label", "double", "no label"]})


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos; one shows nobody."""
    root = tmp_path_factory.mktemp("media")
    for seed, name in enumerate(FILES):
        write_photo(root / name, scene([(seed, 100, 20, 20)] * (seed != 2), (160, 140)))
    return root


def run(media: Path, out: Path, *shards: str, faces: Faces = FACES, table: pd.DataFrame | None = None) -> None:
    for shard in shards or (None,):
        extract(
            listing(FILES) if table is None else table,
            media,
            out,
            faces=faces,
            workers=0,
            progress=False,
            shard=Shard.parse(shard) if shard else None,
            problems=PROBLEMS,
        )


def contents(out: Path) -> dict[str, bytes]:
    files = (path for path in out.rglob("*") if path.is_file() and "shards" not in path.parts)
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(files)}


@pytest.mark.parametrize("count", [3, 12])
def test_merged_shards_are_byte_for_byte_one_run(media: Path, tmp_path: Path, count: int) -> None:
    """Of 12 shards some have no file."""
    run(media, tmp_path / "one")
    shards = [f"{number}/{count}" for number in range(1, count + 1)]
    random.Random(0).shuffle(shards)
    run(media, tmp_path / "many", *shards)
    assert not (tmp_path / "many/manifest.parquet").exists(), "nobody takes a part for the whole"
    merge_shards(tmp_path / "many")
    assert contents(tmp_path / "many") == contents(tmp_path / "one")
    assert {"manifest.parquet", "coverage.csv", "faces.json"} <= set(contents(tmp_path / "one"))


def test_a_shard_of_a_finished_folder_leaves_the_manifest_unless_it_cuts_anew(media: Path, tmp_path: Path) -> None:
    run(media, tmp_path)
    finished = contents(tmp_path)
    run(media, tmp_path, "1/2", "2/2")
    assert contents(tmp_path) == finished
    merge_shards(tmp_path)
    assert contents(tmp_path) == finished
    run(media, tmp_path, "1/2", faces=Faces(size=48))
    assert not (tmp_path / "manifest.parquet").exists(), "it would name crops of another size"


def test_a_manifest_of_crops_that_are_gone_goes_with_them(media: Path, tmp_path: Path) -> None:
    copy = tmp_path / "media"
    shutil.copytree(media, copy)
    run(copy, tmp_path / "out")
    (copy / "real/3.png").unlink()
    rest = listing({name: label for name, label in FILES.items() if name != "real/3.png"})
    run(copy, tmp_path / "out", "1/1", table=rest)
    assert not (tmp_path / "out/manifest.parquet").exists()
    merge_shards(tmp_path / "out")
    assert "real/3.png" not in set(read_table(tmp_path / "out/coverage.csv")["file"])


def test_a_file_that_is_named_again_has_one_row(media: Path, tmp_path: Path) -> None:
    """Twice among the problems, and once among them and in the listing: there or not, its row is in one shard."""
    problems = pd.concat([PROBLEMS, pd.DataFrame({"file": ["fake/1.png", "real/2.png"], "reason": ["is named twice"] * 2})])
    table = listing(FILES).assign(original=["", "", "", "", "", "real/3.png", "", ""])
    for out, shards in (("one", [None]), ("many", ["1/3", "2/3", "3/3"])):
        for shard in shards:
            part = Shard.parse(shard) if shard else None
            faces = Faces(size=32, boxes="original")
            extract(table, media, tmp_path / out, faces=faces, workers=0, progress=False, shard=part, problems=problems)
    merge_shards(tmp_path / "many")
    assert contents(tmp_path / "many") == contents(tmp_path / "one")
    rows = read_table(tmp_path / "one/coverage.csv").set_index("file")
    assert rows.index.is_unique and rows.index.is_monotonic_increasing
    assert rows.loc["x/a.mp4", ["label", "status", "reason"]].tolist() == [-1, "skipped", "no label; double"]
    assert rows.loc["fake/1.png", ["label", "status", "reason"]].tolist() == [1, "ok", "is named twice"]
    assert rows.loc["real/2.png", ["label", "status", "reason"]].tolist() == [0, "skipped", "no face was found; is named twice"]


@given(st.lists(st.text(min_size=1), unique=True, max_size=12), st.integers(1, 9))
@settings(max_examples=30)
def test_every_file_is_in_one_shard_with_its_original(files: list[str], count: int) -> None:
    table = pd.DataFrame({"file": files, "original": [files[0] if place % 2 else "" for place in range(len(files))]})
    parts = [Shard(number, count).of(table) for number in range(1, count + 1)]
    assert sorted(pd.concat(parts)["file"]) == sorted(files)
    assert all(set(part["original"]) - {""} <= set(part["file"]) for part in parts)


def test_other_counts_and_whole_runs_leave_no_stale_parts(media: Path, tmp_path: Path) -> None:
    run(media, tmp_path, "1/2", "2/2", "1/3")
    with pytest.raises(ValueError, match=r"expected 3 shards, missing 2/3, 3/3\. Run `dfd extract --shard 2/3` again"):
        merge_shards(tmp_path)
    run(media, tmp_path)
    with pytest.raises(FileNotFoundError, match="found none"):
        merge_shards(tmp_path)


def test_shards_of_other_settings_or_files_are_not_joined(media: Path, tmp_path: Path) -> None:
    run(media, tmp_path, "1/2")
    run(media, tmp_path, "2/2", faces=Faces(size=48))
    with pytest.raises(ValueError, match="2-of-2 differs from 1-of-2"):
        merge_shards(tmp_path)
    run(media, tmp_path, "2/2", table=listing(FILES).assign(method="other"))
    with pytest.raises(ValueError, match="2-of-2 differs from 1-of-2"):
        merge_shards(tmp_path)
    run(media, tmp_path, "2/2", faces=Faces(size=32, time_limit=77))
    assert merge_shards(tmp_path).faces == 7, "how long a file may take makes no other crops"


def test_a_class_may_be_lost_in_a_shard_but_not_in_all(media: Path, tmp_path: Path) -> None:
    run(media, tmp_path, "1/1", table=listing({"real/0.png": 0, "real/2.png": 1}))
    with pytest.raises(ValueError, match="none of fake"):
        merge_shards(tmp_path)
    assert "no face was found" in (tmp_path / "coverage.csv").read_text()
    assert not (tmp_path / "manifest.parquet").exists()


@pytest.mark.parametrize("text", ["", "1", "1/0", "0/3", "4/3", "1/2/3", "-1/3", "a/b", "1/3 "])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="shard: expected"):
        Shard.parse(text)
