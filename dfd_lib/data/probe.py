"""Facts of a file that are not its face: container, codec, size, rate, compression.

A model that is shown faces can learn these instead, wherever real and fake come
from different cameras, codecs or sites. `dfd_lib.data.differences` says where
they differ. Headers are read and video packets counted; no pixel is decoded, so
a file may have facts and still be damaged further on: the coverage table tells.

============== ======= ==================================================
column         type    meaning (NaN or empty = unknown, or does not apply)
============== ======= ==================================================
file           text    as in the listing
label          integer 1 = FAKE, 0 = REAL
group          text    as in the listing
kind           text    image or video
reason         text    empty, or why nothing is known of the file
bytes          number  size of the file
format         text    container of a video (mp4, mov, avi, mkv, webm, ...), format of an image (JPEG, PNG, ...)
codec          text    codec of a video, as FFmpeg's four letters: h264, hevc, fmp4 (MPEG-4 part 2), mjpg, ...
mode           text    how pixels are stored: i420, nv12, ... of a video; RGB, L, P, CMYK, ... of an image
width, height  number  pixels, upright
fps            number  frames a second, as declared
frames         number  video packets, counted; 1 of an image
seconds        number  frames / fps
bits_per_pixel number  8 bytes / (width height frames): how strongly it is compressed
rotation       number  degrees clockwise by which a viewer turns the picture: 0, 90, 180 or 270
jpeg_quality   number  1 to 100, of a JPEG; see `jpeg_quality`
jpeg_tables    text    names a JPEG's quantisation tables: equal where the tables are
exif           number  1 = an image with EXIF, 0 = one without
============== ======= ==================================================
"""

import math
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from dfd_lib.data.clips import BAD
from dfd_lib.data.frames import count_frames, open_video
from dfd_lib.data.images import open_image, orientation
from dfd_lib.data.magic import sniff
from dfd_lib.data.media import check_file, reason
from dfd_lib.data.workers import Lost, run_jobs

WORDS = ("format", "codec", "mode", "jpeg_tables")
"""Facts that are words."""

NUMBERS = ("bytes", "width", "height", "fps", "frames", "seconds", "bits_per_pixel", "rotation", "jpeg_quality", "exif")
"""Facts that are numbers."""

COLUMNS = ("file", "label", "group", "kind", "reason", "bytes", *WORDS, *NUMBERS[1:])
"""Columns of the table of facts, one row a file."""

_LISTED = ["file", "label", "group", "kind"]

_FACTS = [name for name in COLUMNS if name not in _LISTED]

_LIMIT = 60  # seconds a file; milliseconds are usual

_MAX_FPS = 1000.0  # a broken header declares millions

_TURNED = {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}
"""EXIF orientation -> degrees clockwise; mirroring does not count."""

# Luminance table of ITU-T T.81, annex K.1, row by row; the IJG's library scales it by the quality
_LUMINANCE = np.array(
    [
        *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
        *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
        *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
    ]
)


def probe(listing: pd.DataFrame, root: str | Path, *, workers: int = 2, progress: bool = True) -> pd.DataFrame:
    """The facts of many files.

    Args:
        listing: one row a file with file, label, group and kind, as
            `dfd_lib.data.sources` makes it.
        root: the folder that `file` is relative to.
        workers: processes; 0: in this process, where a crash of a decoder is a
            crash of all.
        progress: show a progress bar.

    Returns:
        One row a file, sorted by file, with `COLUMNS`. A bad file has a
        `reason` and no facts.

    Raises:
        ValueError: the listing lacks a column or has no row.
    """
    missing = [name for name in _LISTED if name not in listing]
    if missing or listing.empty:
        came = f"without {', '.join(missing)}" if missing else "without a row"
        raise ValueError(f"listing: expected one row a file with {', '.join(_LISTED)}; came one {came}. Make it with dfd_lib.data.sources.")
    listing = listing[_LISTED].sort_values("file", ignore_index=True)
    known: dict[str, tuple] = {}  # the facts alone, in the order of `_FACTS`

    def take(file: str, fact: dict[str, Any] | Lost) -> None:
        fact = {"reason": fact.reason} if isinstance(fact, Lost) else fact
        known[file] = tuple(fact.get(name) for name in _FACTS)

    with tqdm(total=len(listing), unit="file", desc="probing", disable=not progress) as bar:
        jobs = ((file, (Path(root) / file, kind)) for file, kind in zip(listing["file"], listing["kind"], strict=True))
        run_jobs(probe_file, jobs, take, workers=workers, limit=_LIMIT, batch=16, bar=bar)
    facts = pd.DataFrame([known[file] for file in listing["file"]], columns=_FACTS)
    table = pd.concat([listing, facts], axis=1).reindex(columns=list(COLUMNS)).astype(dict.fromkeys(NUMBERS, float))
    return table.assign(**{name: table[name].astype(object).fillna("").astype(str) for name in WORDS})


def probe_file(path: str | Path, kind: str) -> dict[str, Any]:
    """The facts of one file, or the `reason` why there are none; never raises for a bad file.

    Args:
        path: a photo or a video; its name's suffix does not matter.
        kind: `image` or `video`.
    """
    path = Path(path)
    try:
        check_file(path)
        facts = _image_facts(path) if kind == "image" else _video_facts(path)
        size = path.stat().st_size
    except (*BAD, OSError) as error:
        return {"reason": reason(path, error)}
    pixels = facts["width"] * facts["height"] * facts["frames"]
    return {"reason": "", "bytes": size, **facts, "bits_per_pixel": 8 * size / pixels if pixels else math.nan}


def _image_facts(path: Path) -> dict[str, Any]:
    with open_image(path) as image:
        turn, tables = orientation(image), getattr(image, "quantization", None)
        # of a TIFF Pillow gives the size upright
        sides = image.size[::-1] if turn > 4 and image.format != "TIFF" else image.size
        return {
            "format": image.format,
            "mode": image.mode,
            **dict(zip(("width", "height"), sides, strict=True)),
            "frames": 1,
            "rotation": _TURNED.get(turn, 0),
            "jpeg_quality": jpeg_quality(tables[min(tables)]) if tables else math.nan,
            "exif": int("exif" in image.info),
            "jpeg_tables": table_name(tables) if tables else "",
        }


def table_name(tables: Mapping[int, Sequence[int]]) -> str:
    """A short name for quantisation tables: a hash of all of them, as Pillow gives them.

    Example:
        >>> table_name({0: [1] * 64}) == table_name({0: [1] * 64}) != table_name({0: [2] * 64})
        True
    """
    return f"q{zlib.crc32(repr([(one, list(tables[one])) for one in sorted(tables)]).encode()):08x}"


def _video_facts(path: Path) -> dict[str, Any]:
    packets = count_frames(path)
    if not packets:
        raise ValueError(f"{path}: expected a video, came one without a frame. Copy it again, or remove it.")
    with open_video(path) as capture:
        fps = capture.get(cv2.CAP_PROP_FPS)
        rate = fps if 0 < fps <= _MAX_FPS else math.nan
        return {
            "format": sniff(path).format,
            "codec": _letters(capture.get(cv2.CAP_PROP_FOURCC)),
            "mode": _letters(capture.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT)),
            "width": capture.get(cv2.CAP_PROP_FRAME_WIDTH),
            "height": capture.get(cv2.CAP_PROP_FRAME_HEIGHT),
            "fps": rate,
            "frames": packets,
            "seconds": packets / rate,
            "rotation": capture.get(cv2.CAP_PROP_ORIENTATION_META) % 360,
        }


def _letters(code: float) -> str:
    """A FourCC as text, which OpenCV gives as a number whose lowest byte comes first."""
    raw = (int(code) & 0xFFFFFFFF).to_bytes(4, "little")
    return "".join(map(chr, raw)).lower().strip("\0 ") if raw.strip(b"\0 ").isalnum() else ""


def jpeg_quality(table: Sequence[int]) -> int:
    """Estimate the quality at which a JPEG was saved: the one whose table is nearest.

    The IJG's library, which most programs use, scales the standard's luminance
    table by 5000 / quality per cent below 50 and by 200 - 2 quality from there
    on; of its files the quality is exact. Other encoders, Photoshop's among
    them, have tables of their own, and get the quality that comes closest.

    Args:
        table: the 64 luminance quantisers, row by row, as Pillow gives them.

    Example:
        >>> jpeg_quality([1] * 64)
        100
    """
    quality = np.arange(1, 101)
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    tables = np.clip((_LUMINANCE * scale[:, None] + 50) // 100, 1, 255)
    distance = np.abs(tables - np.asarray(table)[:64]).sum(axis=1)
    return int(quality[::-1][np.argmin(distance[::-1])])  # of equal ones the highest
