"""Tables that are written row by row: the same as pandas writes whole, whatever the size of a chunk."""

import io
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from dfd_lib.data import chunks
from dfd_lib.data.chunks import read_rows, table_of, write_rows

TYPES = {"path": str, "frame": int, "score": float}


def rows(count: int) -> list[dict]:
    return [
        {"path": f'é {number:03d},"', "frame": number, "score": number / 7 if number % 3 else float("nan"), "no": "column"}
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, 4, 5, 8, 9])
def test_rows_are_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 4)
    whole = pd.DataFrame(rows(count), columns=list(TYPES)).astype(TYPES)
    for suffix in (".parquet", ".csv"):
        assert write_rows(iter(rows(count)), tmp_path / f"a{suffix}", TYPES) == count
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), whole)
    pd.testing.assert_frame_equal(table_of(iter(rows(count)), TYPES), whole)
    said = io.StringIO()
    whole.to_csv(said, index=False, float_format="%.6g", lineterminator="\n")
    assert (tmp_path / "a.csv").read_text() == said.getvalue()
    back = pd.DataFrame(read_rows(tmp_path / "a.parquet", 3), columns=list(TYPES)).astype(TYPES)
    pd.testing.assert_frame_equal(back, whole)
    assert pq.read_metadata(tmp_path / "a.parquet").num_row_groups == max(1, -(-count // 4))


def test_a_type_does_not_depend_on_the_rows(tmp_path: Path) -> None:
    """Whole numbers where others have fractions, and nothing at all."""
    schemas = []
    for some in ([], [{"path": "", "frame": 1, "score": 1}], rows(9)):
        write_rows(some, tmp_path / "a.parquet", TYPES)
        schemas.append(pq.read_schema(tmp_path / "a.parquet"))
    assert schemas[0].equals(schemas[1], check_metadata=True) and schemas[0].equals(schemas[2], check_metadata=True)


def test_rows_are_asked_for_chunk_by_chunk_and_an_error_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 4)
    asked: list[int] = []
    checked: list[int] = []

    def coming():
        for number, row in enumerate(rows(20)):
            asked.append(number)
            yield row

    def check(chunk: pd.DataFrame) -> pd.DataFrame:
        checked.append(len(asked))
        if len(checked) == 3:
            raise ValueError("bad row")
        return chunk

    with pytest.raises(ValueError, match="bad row"):
        write_rows(coming(), tmp_path / "a.parquet", TYPES, check)
    assert checked == [4, 8, 12]
    assert not list(tmp_path.iterdir())
