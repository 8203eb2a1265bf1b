"""A shard: which of the files of an extraction are one machine's."""

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dfd_lib.data.names import name_hash


@dataclass(frozen=True)
class Shard:
    """One of `count` parts, numbered from 1."""

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise ValueError(f"shard: expected a number from 1 to {self.count}, came {self.number}")

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read `i/n`.

        Raises:
            ValueError: it is no such thing.

        Example:
            >>> Shard.parse("2/8")
            Shard(number=2, count=8)
        """
        found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
        if not found:
            raise ValueError(f"shard: expected i/n, such as 2/8 for the second of eight, came {text!r}")
        return cls(*map(int, found.groups()))

    def has(self, file: str) -> bool:
        """Whether this is the file's shard: by a hash of its name alone, so what else is there makes no difference.

        Example:
            >>> [number for number in (1, 2, 3) if Shard(number, 3).has("real/a.mp4")]
            [1]
        """
        return name_hash(file) % self.count == self.number - 1

    def of(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of a table with a `file` that are this shard's; a swap goes where its `original` goes."""
        key = table["original"].where(table["original"] != "", table["file"]) if "original" in table else table["file"]
        return table.loc[[self.has(file) for file in key]]  # .loc: an empty list is no rows, not no columns

    def problems_of(self, problems: pd.DataFrame, listing: pd.DataFrame) -> pd.DataFrame:
        """The rows of a table of problems that are this shard's; one of a file that is listed goes where that goes."""
        own = set(self.of(listing)["file"])
        others = set(listing["file"]) - own
        return problems.loc[[file in own or (file not in others and self.has(file)) for file in problems["file"]]]

    def folder(self, out: Path) -> Path:
        """Where its part of the tables lies."""
        return out / "shards" / f"{self.number}-of-{self.count}"
