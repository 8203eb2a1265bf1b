"""Tables that are written and read row by row: of however many rows, no more than a chunk is held."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dfd_lib.paths import whole

CHUNK = 8192
"""So many rows are held at once, and are a row group of a parquet file: a file's bytes depend on its rows alone."""

Row = dict[str, Any]
Types = dict[str, type]
"""From a column's name to str, int or float, in the order of the columns."""


def table_of(rows: Iterable[Row], types: Types) -> pd.DataFrame:
    """Rows as one table, with the columns of `types`.

    Example:
        >>> table_of(({"a": number, "b": "not asked for"} for number in (1, 2)), {"a": float})["a"].tolist()
        [1.0, 2.0]
    """
    return pd.concat(_chunks(rows, types), ignore_index=True)


def write_rows(
    rows: Iterable[Row], path: str | Path, types: Types, check: Callable[[pd.DataFrame], pd.DataFrame] = lambda chunk: chunk
) -> int:
    """Write rows as they come to a parquet or CSV table, by its suffix, whole or not at all.

    Args:
        rows: with at least the columns of `types`.
        path: where to.
        types: of the columns; they and their order do not depend on the rows.
        check: of each chunk of rows; what it returns is written. Default: none.

    Returns:
        How many there were.
    """
    path = Path(path)
    write = _write_parquet if path.suffix == ".parquet" else _write_csv
    count = 0

    def counted() -> Iterator[pd.DataFrame]:
        nonlocal count
        for chunk in _chunks(rows, types):
            count += len(chunk)
            yield check(chunk) if check and len(chunk) else chunk

    with whole(path) as beside, beside.open("wb") as file:
        write(counted(), file)
    return count


def read_rows(path: Path, at_once: int = CHUNK) -> Iterator[Row]:
    """The rows of a parquet table, in its order.

    Its packed bytes are held, so that thousands of tables can be read side by
    side; of its rows `at_once`.
    """
    with pq.ParquetFile(pa.BufferReader(path.read_bytes())) as file:
        for batch in file.iter_batches(at_once):
            yield from batch.to_pylist()


def _chunks(rows: Iterable[Row], types: Types) -> Iterator[pd.DataFrame]:
    """Tables of `CHUNK` rows, the last one perhaps shorter; at least one, which may be empty."""
    rows = iter(rows)
    some = list(islice(rows, CHUNK))
    while True:
        yield pd.DataFrame(some, columns=list(types)).astype(types)
        if not (some := list(islice(rows, CHUNK))):
            return


def _write_parquet(chunks: Iterator[pd.DataFrame], file: IO[bytes]) -> None:
    first = next(chunks)
    schema = pa.Schema.from_pandas(first[:0], preserve_index=False)
    with pq.ParquetWriter(file, schema) as writer:
        for chunk in chain([first], chunks):
            writer.write_table(pa.Table.from_pandas(chunk, schema=schema, preserve_index=False))


def _write_csv(chunks: Iterator[pd.DataFrame], file: IO[bytes]) -> None:
    for place, chunk in enumerate(chunks):
        chunk.to_csv(file, header=not place, index=False, float_format="%.6g", lineterminator="\n")
