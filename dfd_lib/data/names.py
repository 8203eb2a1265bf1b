"""The names of what is written for a file."""

import hashlib
import re
from pathlib import Path


def name_hash(file: str) -> int:
    """64 bits of a hash of a path, the same on every machine.

    Example:
        >>> hex(name_hash("real/a.mp4"))
        '0xc8d99c514e577929'
    """
    return int.from_bytes(hashlib.sha256(file.encode("utf-8", "surrogateescape")).digest()[:8], "big")


def folder_name(file: str) -> str:
    """The name of a file's folder of crops: readable, and different for every path.

    Paths that differ only by case, by suffix or by folder stay apart on every
    file system, since the name is lower case and carries a hash of the path.

    Example:
        >>> folder_name("Real/Été 1.mp4")
        't-1-b5fb2d05d55f254a'
    """
    slug = re.sub(r"[^a-z0-9]+", "-", Path(file).stem.lower()).strip("-")[:40]
    return f"{slug or 'file'}-{name_hash(file):016x}"
