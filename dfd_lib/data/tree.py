"""What lies in a data set's folder: images, videos, and the tables beside them."""

from collections import Counter
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pandas as pd

from dfd_lib.data.images import FORMATS, moves
from dfd_lib.data.magic import sniff
from dfd_lib.data.media import reason
from dfd_lib.data.suffixes import AMBIGUOUS, IMAGES, TABLES, UNREAD, VIDEOS
from dfd_lib.data.walk import Problems, walk

SUFFIX = r"(?i)\.(?:" + "|".join(suffix[1:] for suffix in (*IMAGES, *VIDEOS)) + r")$"
"""The suffix of a file that is read, as a pattern."""


class Tree(NamedTuple):
    """The files below a folder, as paths relative to it."""

    root: Path
    media: pd.DataFrame  # file, kind ("image" or "video"), stem (the file without suffix); sorted by file
    others: list[str]  # the rest: tables, lists, licences

    def named(self, name: str) -> list[str]:
        """The other files of this name, the outermost first."""
        found = [file for file in self.others if PurePosixPath(file).name == name]
        return sorted(found, key=lambda file: (file.count("/"), file))

    def passed_over(self) -> str:
        """The other files in a line, by suffix, the most frequent first; empty if there are none.

        Example:
            >>> Tree(Path("."), pd.DataFrame(), ["a.csv", "b/c.txt", "LICENSE", "d.TXT"]).passed_over()
            '4 files are neither images nor videos: 2 .txt, 1 .csv, 1 without suffix'
        """
        suffixes = Counter(PurePosixPath(file).suffix.lower() or "without suffix" for file in self.others)
        counts = ", ".join(f"{count} {suffix}" for suffix, count in sorted(suffixes.items(), key=lambda pair: (-pair[1], pair[0])))
        many = "1 file is neither image nor video" if len(self.others) == 1 else f"{len(self.others)} files are neither images nor videos"
        return f"{many}: {counts}" if self.others else ""


def as_on_disk(names: pd.Series, there: pd.Series) -> pd.Series:
    """Names as the disk has them, where they differ only in how accented letters are composed.

    A Mac gives a file the name `e` + accent (Unicode's NFD) where a list that was typed has one letter (NFC).

    Args:
        names: from a list.
        there: of files. A name that is there itself stays; so does one that two files would fit.

    Example:
        >>> as_on_disk(pd.Series(["caf\\u00e9"]), pd.Series(["cafe\\u0301"])).tolist() == ["cafe\\u0301"]
        True
    """
    composed = pd.Series(there.to_numpy(), there.str.normalize("NFC"))
    found = names.str.normalize("NFC").map(composed[~composed.index.duplicated(keep=False)])
    return names.where(names.isin(there) | found.isna(), found)


def read_tree(root: Path) -> tuple[Tree, Problems]:
    """List a folder, following links. Hidden files and folders do not count.

    Files are known by their suffix; one with a suffix that nobody knows, or
    without one, by its first bytes.
    """
    files, problems = walk(root)
    table = pd.DataFrame({"file": pd.Series(files, dtype=str)})
    suffix = table["file"].str.extract(r"(\.[^./]+)$")[0].str.lower().fillna("")
    known = {**dict.fromkeys(IMAGES, "image"), **dict.fromkeys(VIDEOS, "video"), **dict.fromkeys(TABLES, "other")}
    table["kind"] = suffix.mask(suffix.isin(AMBIGUOUS)).map(known)
    for row in table.index[table["kind"].isna()]:
        table.loc[row, "kind"] = _look(root, table["file"][row], suffix[row], problems)
    media = table[table["kind"].isin(["image", "video"])].reset_index(drop=True)
    media["stem"] = media["file"].str.replace(SUFFIX, "", regex=True)
    return Tree(root, media, table.loc[table["kind"] == "other", "file"].to_list()), problems


def _look(root: Path, file: str, suffix: str, problems: Problems) -> str:
    """The kind of a file by its content; `problem` if it has become one."""
    try:
        kind, name = sniff(root / file)
        moving = name == "GIF" and moves(root / file)
        plain = suffix not in AMBIGUOUS or _is_text(root / file)
    except OSError as error:
        problems.append((file, f"expected a readable file; {reason(root / file, error)}"))
        return "problem"
    if suffix in UNREAD or (kind == "image" and name not in FORMATS):
        problems.append((file, f"expected an image ({', '.join(FORMATS)}), came {suffix or name}. Convert it."))
        return "problem"
    if kind in ("list", "other"):  # what should be a medium by its name and is damaged has a row that says so
        return "other" if plain else "image" if suffix == ".gif" else "video"
    return "video" if moving else kind


def _is_text(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(1024)
    return bool(head) and b"\0" not in head
