"""A detector in one file, `*.dfd`: a zip of JSON, ONNX networks and a few drawn faces.

    detector.json            what `dfd_lib.detector.spec.Spec` holds, and facts for its card
    members/<name>.onnx      the networks
    golden/<name>.png        drawn faces whose scores are known

Nothing in it is code and nothing is unpickled. A file from a stranger is checked
before anything of it is used: its names, its sizes before they are unpacked, the
SHA-256 of its networks, and that no network asks for other files.
"""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dfd_lib.detector.spec import Spec, parse_spec
from dfd_lib.paths import whole

SUFFIX = ".dfd"

LARGEST = 2**30
"""Bytes that a bundle may hold when it is unpacked."""

_FACTS = "detector.json"
_LARGEST_FACTS, _LARGEST_FACE = 2**22, 2**22
_EXTERNAL = b"\x0a\x08location"  # how ONNX says that a tensor lies in another file; a bundle is one file
_DAY = (1980, 1, 1, 0, 0, 0)  # of every entry, so that equal detectors are equal files


@dataclass(frozen=True)
class Bundle:
    """What a file holds.

    Args:
        spec: everything but the networks.
        networks: from each member's name to its ONNX model.
        golden: from each golden face's name to its pixels, uint8 (size, size, 3), RGB.
    """

    spec: Spec
    networks: Mapping[str, bytes]
    golden: Mapping[str, np.ndarray]


def save_bundle(
    path: str | Path,
    facts: Mapping[str, Any],
    networks: Mapping[str, bytes],
    golden: Mapping[str, np.ndarray],
    *,
    megabytes: float | None = None,
) -> Path:
    """Write a bundle, whole or not at all.

    Args:
        path: its name ends in `.dfd`.
        facts: as `parse_spec` takes them, but the members' `sha256`, which are filled in.
        networks: from each member's name to its ONNX model.
        golden: from each golden face's name to uint8 (size, size, 3), RGB.
        megabytes: how large the file may be (1 MB = 10^6 bytes); None: as large as it becomes.

    Returns:
        The path.

    Raises:
        ValueError: facts that do not make a detector, other names than theirs, or too large a file; an older one then stays.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise ValueError(f"detector {path.name}: expected a name ending in {SUFFIX}. Rename it.")
    members = [{**one, "sha256": hashlib.sha256(networks[one["name"]]).hexdigest()} for one in facts["members"]]
    facts = {**facts, "members": members}
    spec = parse_spec(facts)
    _check_names(spec, set(networks), set(golden))
    with whole(path) as beside:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            _add(archive, _FACTS, json.dumps(facts, indent=1, allow_nan=False).encode())
            for member in spec.members:
                _add(archive, member.file, networks[member.name])
            for name, pixels in golden.items():
                _add(archive, _face_file(name), cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes())
        _check_size(path, beside.stat().st_size / 1e6, megabytes)
    return path


def _check_size(path: Path, came: float, most: float | None) -> None:
    if most is not None and came > most:
        raise ValueError(f"detector {path.name}: expected a file of at most {most:g} MB, came {came:.2f}. Allow more (--megabytes).")


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _DAY)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def load_bundle(path: str | Path) -> Bundle:
    """Read a bundle.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: the file is no bundle, is damaged, or holds what a bundle may not hold; one line.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"detector {path}: expected a file, found none. Give a {SUFFIX} file, or leave it out for the built-in one."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, OSError, NotImplementedError) as error:
        raise ValueError(
            f"detector {path.name}: expected a {SUFFIX} file, came something else, or half of one ({error}). Get it again."
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError, RecursionError, OverflowError) as error:
        raise ValueError(f"detector {path.name}: {' '.join(str(error).split())}") from None


def _read(archive: zipfile.ZipFile) -> Bundle:
    entries = {entry.filename: entry for entry in archive.infolist()}
    if len(entries) < len(archive.infolist()) or sum(entry.file_size for entry in entries.values()) > LARGEST:
        raise ValueError(f"expected entries that differ, of at most {LARGEST >> 20} MiB, came more. Do not trust this file.")
    if _FACTS not in entries:
        raise ValueError(f"expected {_FACTS} in it, found none. Get it again.")
    spec = parse_spec(json.loads(_content(archive, _FACTS, _LARGEST_FACTS)))
    faces = {name: _face_file(name) for name in spec.golden}
    expected = {_FACTS, *(member.file for member in spec.members), *faces.values()}
    if set(entries) != expected:
        strange = ", ".join(sorted(set(entries) ^ expected)[:3])
        raise ValueError(f"expected just the files that {_FACTS} names, differing: {strange}. Do not trust this file.")
    networks = {member.name: _network(_content(archive, member.file, LARGEST), member.sha256) for member in spec.members}
    return Bundle(spec, networks, {name: _face(_content(archive, file, _LARGEST_FACE), spec.crop.size) for name, file in faces.items()})


def _content(archive: zipfile.ZipFile, name: str, largest: int) -> bytes:
    """An entry's bytes; never more than were declared and allowed, whatever the archive says of itself."""
    declared = archive.getinfo(name).file_size
    if declared > largest:
        raise ValueError(f"{name}: expected at most {largest} bytes, came {declared}. Do not trust this file.")
    with archive.open(name) as file:
        content = file.read(declared + 1)
    if len(content) != declared:
        raise ValueError(f"{name}: expected {declared} bytes, came others. Get it again.")
    return content


def _network(content: bytes, sha256: str) -> bytes:
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError("members: expected a network of another SHA-256, it was changed. Get it again.")
    if _EXTERNAL in content:
        raise ValueError("members: expected a network that is whole, came one that asks for other files. Do not trust this file.")
    return content


def _face(content: bytes, size: int) -> np.ndarray:
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content.startswith(b"\x89PNG") else None
    if pixels is None or pixels.shape != (size, size, 3):
        raise ValueError(f"golden: expected PNG faces of {size} x {size} px, came something else. Build it again.")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def _face_file(name: str) -> str:
    return f"golden/{name}.png"


def _check_names(spec: Spec, networks: set[str], golden: set[str]) -> None:
    expected = {member.name for member in spec.members}, set(spec.golden)
    if (networks, golden) != expected:
        raise ValueError(f"bundle: expected networks {sorted(expected[0])} and faces {sorted(expected[1])}, came others. Give these.")
