"""What somebody might send to a page that judges photos and videos, to break it or by accident."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import tiny_bundle

from dfd_lib.detector.examples import example

REFUSED, JUDGED = "refused", "judged"
"""Refused: an error, or that no face was found. Judged: a picture all the same, whatever else its bytes are."""


class Upload(NamedTuple):
    kind: str
    name: str
    content: bytes
    fate: str = REFUSED


KINDS = ("damaged", "mislabelled", "lying", "pixel bomb", "zip bomb", "polyglot", "path-like name", "playlist", "detector")


def uploads(folder: Path) -> Iterator[Upload]:
    """All of them; a folder to work in."""
    photo, clip = example("drawn-real.png").read_bytes(), example("drawn-real.mp4").read_bytes()
    yield from _damaged(photo, clip)
    yield from _mislabelled()
    yield from _lying(folder)
    yield from _bombs()
    yield from _polyglots(photo)
    yield from (Upload("path-like name", name, photo, JUDGED) for name in PATHS)
    yield from _playlists()
    yield from _detectors(folder)


PATHS = (
    "../../../../tmp/up.png",
    "..%2f..%2fetc%2fpasswd",
    "....//....//up.png",
    "..\\..\\up.png",
    "C:\\Windows\\up.png",
    "/etc/cron.d/up.png",
    "~/up.png",
    "%00.png",
    "a" * 200 + ".png",
    "name with 'quotes' $(touch x).png",
    "<img src=x onerror=alert(1)>.png",
    ".htaccess",
)


def _damaged(photo: bytes, clip: bytes) -> Iterator[Upload]:
    yield from (Upload("damaged", f"half{share}.png", photo[: len(photo) * share // 10]) for share in (1, 5, 9))
    yield from (Upload("damaged", f"half{share}.mp4", clip[: len(clip) * share // 10]) for share in (1, 3))
    yield Upload("damaged", "empty.png", b"")
    yield Upload("damaged", "noise.jpg", np.random.default_rng(1).bytes(5000))
    yield Upload("damaged", "tiff.tif", b"II*\0" + b"\xff" * 300)
    yield Upload("damaged", "webp.webp", b"RIFF\xff\xff\xff\xffWEBPVP8 " + b"\xff" * 64)
    yield Upload("damaged", "gif.gif", b"GIF89a" + b"\xff" * 100)


def _mislabelled() -> Iterator[Upload]:
    yield Upload("mislabelled", "text.mp4", b"hello")
    yield Upload("mislabelled", "page.html", b"<script>alert(1)</script>")
    yield Upload("mislabelled", "svg.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
    yield Upload("mislabelled", "shell.sh", b"#!/bin/sh\nrm -rf /")
    yield Upload("mislabelled", "pickle.png", b"\x80\x04cos\nsystem\n")


def _lying(folder: Path) -> Iterator[Upload]:
    """A video whose header promises frames of 30,000 x 30,000 px, boxes in boxes, and an index that is followed by itself."""
    writer = cv2.VideoWriter(str(folder / "small.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 64))
    for _ in range(3):
        writer.write(np.zeros((64, 64, 3), np.uint8))
    writer.release()
    raw = (folder / "small.avi").read_bytes()
    bitmap = raw.index(b"strf") + 12
    yield Upload("lying", "giant.avi", raw[:bitmap] + struct.pack("<ii", 30_000, 30_000) + raw[bitmap + 8 :])
    yield Upload("lying", "nested.mp4", b"".join(struct.pack(">I4s", 8 * (200 - depth), b"moov") for depth in range(200)))
    yield Upload("lying", "loop.tif", b"II*\0\x08\0\0\0\0\0\x08\0\0\0")


def bomb_png(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that asks for gigabytes."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 10_000)) + chunk(b"IEND", b"")


def zipped(**entries: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def _bombs() -> Iterator[Upload]:
    yield from (
        Upload("pixel bomb", f"bomb{width}.png", bomb_png(width, height)) for width, height in ((60_000, 60_000), (2**31 - 1, 1), (0, 0))
    )
    zeros = zipped(zeros=b"\0" * 10_000_000)
    yield Upload("zip bomb", "bomb.zip", zeros)
    yield Upload("zip bomb", "bomb.mp4", zeros)
    yield Upload("zip bomb", "nested.zip", zipped(**{f"{number}.zip": zeros for number in range(5)}))


def _polyglots(photo: bytes) -> Iterator[Upload]:
    """Two kinds of file in one: a picture that is an archive, a page or a script too is judged as a picture; half a picture is none."""
    jpeg = cv2.imencode(".jpg", cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR))[1].tobytes()
    script = b"<script>alert(document.domain)</script>"
    yield Upload("polyglot", "photo-and-zip.png", photo + zipped(payload=b"x"), JUDGED)
    yield Upload("polyglot", "photo-and-page.jpg", jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(script) + 2) + script + jpeg[2:], JUDGED)
    yield Upload("polyglot", "photo-as.html", jpeg + script, JUDGED)
    yield Upload("polyglot", "jpeg-html.jpg", b"\xff\xd8\xff" + script)
    yield Upload("polyglot", "gif-script.gif", b"GIF89a/*" + b"\0" * 20 + b"*/=1;alert(1)")
    yield Upload("polyglot", "pdf-zip.mp4", b"%PDF-1.7\n" + zipped(payload=b"x"))


def _playlists() -> Iterator[Upload]:
    yield Upload("playlist", "list.mp4", b"ffconcat version 1.0\nfile '/etc/passwd'\n")
    yield Upload("playlist", "hls.mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")
    yield Upload("playlist", "address.mp4", b"http://127.0.0.1/x.mp4")


def _detectors(folder: Path) -> Iterator[Upload]:
    """Bundles, whole, with a path out of their folder, and of a bomb: an upload is never opened as one."""
    whole = tiny_bundle.write(folder / "whole.dfd").read_bytes()
    yield Upload("detector", "whole.dfd", whole)
    yield Upload("detector", "photo.png", whole)
    yield Upload("detector", "outside.dfd", zipped(**{"detector.json": b"{}", "../../evil.sh": b"x"}))
    yield Upload("detector", "bomb.dfd", zipped(**{"detector.json": b"0" * 2**23}))
