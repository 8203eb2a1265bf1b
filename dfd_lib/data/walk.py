"""All files below a folder, links followed, and what cannot be told apart there."""

import os
import re
from collections.abc import Callable
from pathlib import Path

Problems = list[tuple[str, str]]
"""Files that are set aside, and why: pairs (file, reason)."""


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
