"""What lies in a data set's folder: images, videos, and the tables beside them."""

import os
import re
from collections.abc import Callable
from mimetypes import MimeTypes
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pandas as pd

IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv")
SUFFIX = r"(?i)\.(?:" + "|".join(suffix[1:] for suffix in (*IMAGES, *VIDEOS)) + r")$"
"""The suffix of a file that is read, as a pattern."""

Problems = list[tuple[str, str]]
"""Files that are set aside, and why: pairs (file, reason)."""


class Tree(NamedTuple):
    """The files below a folder, as paths relative to it."""

    root: Path
    media: pd.DataFrame  # file, kind ("image" or "video"), stem (the file without suffix); sorted by file
    others: list[str]  # the rest: tables, lists, licences

    def named(self, name: str) -> list[str]:
        """The other files of this name, the outermost first."""
        found = [file for file in self.others if PurePosixPath(file).name == name]
        return sorted(found, key=lambda file: (file.count("/"), file))


def read_tree(root: Path) -> tuple[Tree, Problems]:
    """List a folder, following links, without opening a file. Hidden files and folders do not count."""
    files, problems = walk(root)
    table = pd.DataFrame({"file": pd.Series(files, dtype=str)})
    suffix = table["file"].str.extract(r"(\.[^./]+)$")[0].str.lower()
    table["kind"] = suffix.map({**dict.fromkeys(IMAGES, "image"), **dict.fromkeys(VIDEOS, "video")})
    others = table.loc[table["kind"].isna(), "file"].to_list()
    known = MimeTypes()  # Python's own list: the system's would make the outcome depend on the machine
    for file in others:
        if (known.guess_type(file)[0] or "").startswith(("image/", "video/")):
            problems.append((file, f"unknown suffix: expected one of {' '.join((*IMAGES, *VIDEOS))}; convert it"))
    media = table.dropna(subset="kind").reset_index(drop=True)
    media["stem"] = media["file"].str.replace(SUFFIX, "", regex=True)
    return Tree(root, media, others), problems


def walk(root: Path) -> tuple[list[str], Problems]:
    """All files below a folder that can be told apart, sorted, and those that cannot. Links are followed, hidden files passed over."""
    files: list[str] = []
    problems: Problems = []
    seen: dict[tuple[int, int], str] = {}
    folders = [""]
    while folders:
        here = folders.pop()
        try:
            place = (root / here).stat()
            entries = sorted(os.scandir(root / here), key=lambda entry: entry.name)
        except OSError as error:
            problems.append((here, f"cannot be listed: {error.strerror}"))
            continue
        first = seen.setdefault((place.st_dev, place.st_ino), here)
        if first != here:
            problems.append((here, f"is the same folder as {first or '.'}, linked"))
            continue
        below: list[str] = []
        for entry in entries:
            _sort_in(entry, here, files, below, problems)
        folders += reversed(below)
    return sorted(files), problems


def _sort_in(entry: os.DirEntry, here: str, files: list[str], folders: list[str], problems: Problems) -> None:
    if entry.name.startswith(".") or entry.name == "__MACOSX":
        return
    path = f"{here}/{entry.name}" if here else entry.name
    if re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", entry.name):  # a lone surrogate stands for a byte that is no UTF-8
        problems.append((ascii(path)[1:-1], "has control characters, or no UTF-8, in its name; rename it"))
    elif _is(entry.is_dir):
        folders.append(path)
    elif _is(entry.is_file):
        files.append(path)
    else:
        problems.append((path, "is no file: a broken or circular link, or a device"))


def _is(question: Callable[[], bool]) -> bool:
    try:
        return question()
    except OSError:  # a circular link
        return False
