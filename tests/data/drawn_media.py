"""Small photos and clips, drawn here: what the tests of frames, faces and extraction look at."""

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from dfd_lib.data.demo import draw_portrait


def scene(people: Sequence[tuple[int, int, int, int]], size: tuple[int, int] = (640, 360), wall: int = 110) -> np.ndarray:
    """An RGB frame (height, width, 3) with portraits in it, each (seed, side, left, top)."""
    frame = np.full((size[1], size[0], 3), wall, np.uint8)
    for seed, side, left, top in people:
        frame[top : top + side, left : left + side] = draw_portrait(seed, side)
    return frame


def write_photo(path: Path, image: np.ndarray) -> Path:
    """By the path's suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes())
    return path


def write_clip(path: Path, frames: Iterable[np.ndarray], fourcc: str = "mp4v", fps: float = 25, odd: bool = False) -> Path:
    """A real video file; FFmpeg's writer makes odd sides even, OpenCV's own (MJPG in .avi) keeps them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = list(frames)
    writer = cv2.VideoWriter(
        str(path), cv2.CAP_OPENCV_MJPEG if odd else cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*fourcc), fps, frames[0].shape[1::-1]
    )
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def numbered(count: int, size: tuple[int, int] = (64, 48)) -> list[np.ndarray]:
    """Frames whose grey level tells their number (8 levels apart, so up to 32 of them)."""
    return [np.full((size[1], size[0], 3), 8 * number, np.uint8) for number in range(count)]


def turned(path: Path, degrees: int) -> Path:
    """Rewrite an mp4's display matrix in place, as a phone held upright does."""
    a, b, c, d = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[degrees]
    raw = bytearray(path.read_bytes())
    start = raw.index(b"tkhd") + 44  # box type, version, times, id, duration, layer, volume (ISO 14496-12, 8.3.2)
    one = 1 << 16
    raw[start : start + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(raw)
    return path


def varying(path: Path, ticks: Sequence[int]) -> Path:
    """Rewrite a mp4's table of durations: frame i is shown for `ticks[i]` units of time, as phones film."""
    durations = b"".join(struct.pack(">II", 1, tick) for tick in ticks)  # (count, duration) each (ISO 14496-12, 8.6.1.2)
    return _tabled(path, {b"stts": struct.pack(">I", len(ticks)) + durations})


def repeated(path: Path, times: int) -> Path:
    """Rewrite a mp4 of one frame so that its index shows this frame over and over: hours of video in little more than its index."""
    raw = path.read_bytes()
    length, place = raw[raw.index(b"stsz") + 16 :][:4], raw[raw.index(b"stco") + 12 :][:4]
    return _tabled(
        path,
        {
            b"stts": struct.pack(">III", 1, times, 512),
            b"stsc": struct.pack(">IIII", 1, 1, 1, 1),
            b"stsz": struct.pack(">4sI", length, times),
            b"stco": struct.pack(">I", times) + place * times,
        },
    )


def _tabled(path: Path, tables: dict[bytes, bytes]) -> Path:
    """Replace tables of a mp4's only track; its index follows the frames, so those stay where they are."""
    raw = bytearray(path.read_bytes())
    at = raw.index(b"edts")
    raw[at : at + 4] = b"free"  # it would end the clip where it ended before
    for name, table in tables.items():
        start = raw.index(name) - 4
        old, new = int.from_bytes(raw[start : start + 4]), 12 + len(table)
        raw[start : start + old] = struct.pack(">I4sI", new, name, 0) + table
        for box in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):  # all around it grow with it
            at = raw.index(box) - 4
            raw[at : at + 4] = struct.pack(">I", int.from_bytes(raw[at : at + 4]) + new - old)
    path.write_bytes(raw)
    return path


def sound_alone(path: Path) -> Path:
    """Make a mp4's only track one of sound: its frames become samples of 16 bits."""
    raw = bytearray(path.read_bytes())
    at = raw.index(b"hdlr") + 12
    raw[at : at + 4] = b"soun"
    at = raw.index(b"vmhd")
    raw[at : at + 4] = b"free"
    start = raw.index(b"stsd") + 12  # the one sample entry: size, format, reserved, reference; channels, bits, ..., rate
    size = int.from_bytes(raw[start : start + 4])
    entry = struct.pack(">I4s6xH8xHHII", 36, b"sowt", 1, 1, 16, 0, 8000 << 16)
    raw[start : start + size] = entry + struct.pack(">I4s", size - len(entry), b"free") + bytes(size - len(entry) - 8)
    path.write_bytes(raw)
    return path


def listing(files: dict[str, int], **columns: object) -> pd.DataFrame:
    """What `dfd_lib.data.sources` would list: file -> label."""
    rows = [
        {
            "file": file,
            "kind": "video" if Path(file).suffix.lower() in (".mp4", ".avi", ".mkv") else "image",
            "label": label,
            "split": "",
            "dataset": "drawn",
            "method": "drawn" if label else "real",
            "video": str(Path(file).with_suffix("")),
            "frame": 0,
            "person": "",
            "donor": "",
            "source": "",
            "scene": "",
            "group": file,
        }
        for file, label in files.items()
    ]
    return pd.DataFrame(rows).assign(**columns)
