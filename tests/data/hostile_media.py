"""Files that no camera made: damaged, mislabelled, or written to do harm. What they must not do is in test_hostile.py."""

import io
import os
import struct
import wave
import zlib
from pathlib import Path

import numpy as np
from drawn_media import numbered, scene, sound_alone, turned, varying, write_clip, write_photo
from PIL import Image

SKIPPED = "skipped"
"""Its row must say that it was left out."""

ANY = "any"
"""As far as it goes it may be used: what is left of it, or what its bytes really are."""


def write_hostile(root: Path) -> dict[str, str]:
    """Write them all; from each file to what must become of it, `SKIPPED` or `ANY`."""
    root.mkdir(parents=True)
    frames = [scene([(1, 120, 20 + 4 * step, 10)], (192, 144)) for step in range(4)]
    clips = {
        suffix: write_clip(root / f"whole {suffix}.{suffix}", frames, code)
        for suffix, code in (("mp4", "mp4v"), ("avi", "MJPG"), ("mkv", "mp4v"))
    }
    raw = {suffix: path.read_bytes() for suffix, path in clips.items()}
    photo = write_photo(root / "whole png.png", frames[0]).read_bytes()
    jpeg = write_photo(root / "whole jpg.jpg", frames[0]).read_bytes()
    written = _truncated(raw, photo, jpeg) | _mislabelled(raw["mp4"], photo, jpeg) | _lying(raw, photo) | _noise(raw["mp4"])
    for name, (data, _) in written.items():
        (root / name).write_bytes(data)
    fates = {name: fate for name, (_, fate) in written.items()} | dict.fromkeys((path.name for path in root.glob("whole *")), ANY)
    return fates | _odd_sizes(root, frames) | _odd_times(root, frames) | _no_files(root) | _names(root, raw["mp4"], photo)


def _truncated(raw: dict[str, bytes], photo: bytes, jpeg: bytes) -> dict[str, tuple[bytes, str]]:
    """Empty, and cut at many places; of an mp4 nothing is left without its end, where the index lies."""
    cuts: dict[str, tuple[bytes, str]] = {f"empty {suffix}.{suffix}": (b"", SKIPPED) for suffix in ("mp4", "avi", "png", "jpg")}
    for share in (1, 10, 50, 90, 99):
        cuts[f"cut {share} mp4.mp4"] = raw["mp4"][: len(raw["mp4"]) * share // 100], ANY if share == 99 else SKIPPED
        cuts[f"cut {share} avi.avi"] = raw["avi"][: len(raw["avi"]) * share // 100], SKIPPED if share == 1 else ANY
        cuts[f"cut {share} mkv.mkv"] = raw["mkv"][: len(raw["mkv"]) * share // 100], SKIPPED if share == 1 else ANY
        cuts[f"cut {share} png.png"] = photo[: len(photo) * share // 100], SKIPPED
        cuts[f"cut {share} jpg.jpg"] = jpeg[: len(jpeg) * share // 100], SKIPPED
    return cuts


def _mislabelled(clip: bytes, photo: bytes, jpeg: bytes) -> dict[str, tuple[bytes, str]]:
    sound = io.BytesIO()
    with wave.open(sound, "wb") as track:
        track.setnchannels(1)
        track.setsampwidth(2)
        track.setframerate(8000)
        track.writeframes(bytes(16_000))
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nwhole mp4.mp4\n#EXT-X-ENDLIST\n"
    return {
        "text.mp4": (b"words " * 2000, SKIPPED),
        "text named.jpg": (b"words " * 2000, SKIPPED),
        "page.mp4": (b"<!DOCTYPE html><title>404</title>", SKIPPED),
        "drawing.png": (b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', SKIPPED),
        "archive.mp4": (b"PK\x03\x04" + bytes(3000), SKIPPED),
        "sound.mp4": (sound.getvalue(), SKIPPED),
        "flac.mkv": (b"fLaC" + bytes(3000), SKIPPED),
        "others.mp4": (b"ffconcat version 1.0\nfile whole mp4.mp4\n", SKIPPED),  # FFmpeg would read another file instead
        "playlist.mp4": (playlist, SKIPPED),
        "marked.mp4": (b"\xef\xbb\xbf" + playlist, SKIPPED),
        "wide.mp4": (playlist.decode().encode("utf-16"), SKIPPED),
        "session.mp4": (b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n", SKIPPED),
        "manifest.mp4": (b"<MPD><Period><BaseURL>whole mp4.mp4</BaseURL></Period></MPD>", SKIPPED),
        "protocol.mp4": (b"concat:whole mp4.mp4|whole mp4.mp4", SKIPPED),
        "address.mp4": (playlist.replace(b"whole mp4.mp4", b"http://127.0.0.1:9/a.ts"), SKIPPED),
        "video.jpg": (clip, SKIPPED),
        "jpeg named.png": (jpeg, ANY),
        "photo named.mp4": (photo, ANY),
    }


def _lying(raw: dict[str, bytes], photo: bytes) -> dict[str, tuple[bytes, str]]:
    """Headers that promise what is not there: no time, endless time, pixels for terabytes, boxes larger than the file."""
    header = raw["avi"].index(b"avih") + 8  # microseconds a frame, ..., at 32 width and height (AVIMAINHEADER)
    stream = raw["avi"].index(b"strh") + 8  # at 20 scale and rate (AVISTREAMHEADER)
    still = _patched(_patched(raw["avi"], header, struct.pack("<I", 0)), stream + 20, struct.pack("<II", 0, 0))
    swift = _patched(_patched(raw["avi"], header, struct.pack("<I", 1)), stream + 20, struct.pack("<II", 1, 2**31))
    bitmap = raw["avi"].index(b"strf") + 12  # width and height (BITMAPINFOHEADER)
    giant = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return {
        "no rate.avi": (still, ANY),
        "mad rate.avi": (swift, ANY),
        "giant.avi": (_patched(raw["avi"], bitmap, struct.pack("<ii", 30_000, 30_000)), ANY),
        "giant photo.png": (_patched(photo, 12, giant + struct.pack(">I", zlib.crc32(giant))), SKIPPED),
        "no codec.mp4": (raw["mp4"].replace(b"mp4v", b"zzzz"), ANY),
        "no end.mp4": (_patched(raw["mp4"], 0, b"\0\0\0\1ftyp" + b"\xff" * 8), ANY),
        "nested.mp4": (b"".join(struct.pack(">I4s", 8 * (200 - depth), b"moov") for depth in range(200)), SKIPPED),
        "loop.tif": (b"II*\0\x08\0\0\0\0\0\x08\0\0\0", SKIPPED),  # its directory is followed by itself
    }


def _noise(clip: bytes) -> dict[str, tuple[bytes, str]]:
    rng = np.random.default_rng(0)
    noise = {
        "zeros.mp4": (bytes(100_000), SKIPPED),
        "random.mp4": (rng.bytes(100_000), SKIPPED),
        "random photo.png": (rng.bytes(1000), SKIPPED),
    }
    for number in range(4):
        flipped = np.frombuffer(clip, np.uint8).copy()
        flipped[rng.integers(100, len(flipped), 60)] ^= np.uint8(0xFF)
        noise[f"flipped {number}.mp4"] = flipped.tobytes(), ANY
    return noise


def _odd_sizes(root: Path, frames: list[np.ndarray]) -> dict[str, str]:
    rng = np.random.default_rng(1)
    write_clip(root / "one frame.mp4", frames[:1])
    write_clip(root / "8K.avi", [np.full((4320, 7680, 3), 90, np.uint8)], "MJPG")
    write_clip(root / "dots.avi", [np.zeros((2, 2, 3), np.uint8)] * 3, "MJPG", odd=True)
    write_clip(root / "noise.avi", [rng.integers(0, 256, (360, 640, 3), dtype=np.uint8) for _ in range(3)], "MJPG")
    write_clip(root / "ribbon.avi", [np.zeros((8, 4000, 3), np.uint8)] * 2, "MJPG", odd=True)
    turned(write_clip(root / "turned.mp4", numbered(4)), 270)
    write_photo(root / "dot.png", np.zeros((1, 1, 3), np.uint8))
    write_photo(root / "line.png", np.zeros((1, 3000, 3), np.uint8))
    write_photo(root / "noise photo.png", rng.integers(0, 256, (600, 800, 3), dtype=np.uint8))
    Image.new("F", (64, 64)).save(root / "float.tif")
    Image.new("P", (64, 64)).save(root / "palette.png")
    used = ("one frame.mp4",)
    return {name: ANY if name in used else SKIPPED for name in (*used, "8K.avi", "dots.avi", "ribbon.avi", "turned.mp4")} | {
        **dict.fromkeys(("noise.avi", "noise photo.png"), ANY),
        **dict.fromkeys(("dot.png", "line.png", "float.tif", "palette.png"), SKIPPED),
    }


def _odd_times(root: Path, frames: list[np.ndarray]) -> dict[str, str]:
    """Turned, uneven, without a picture, and a photo that is full of faces."""
    turned(write_clip(root / "turned face.mp4", [np.ascontiguousarray(np.rot90(frame)) for frame in frames]), 90)
    varying(write_clip(root / "uneven.mp4", frames), [512, 90_000, 1, 512])
    sound_alone(write_clip(root / "sound alone.mp4", frames))
    wall = scene([(column + 8 * row, 80, 80 * column, 80 * row) for row in range(6) for column in range(8)], (640, 480))
    write_photo(root / "wall.png", wall)
    return {"turned face.mp4": ANY, "uneven.mp4": ANY, "sound alone.mp4": SKIPPED, "wall.png": ANY}


def _no_files(root: Path) -> dict[str, str]:
    (root / "loop.mp4").symlink_to("loop.mp4")
    (root / "there.mp4").symlink_to("back.mp4")
    (root / "back.mp4").symlink_to("there.mp4")
    (root / "dangling.png").symlink_to("nowhere.png")
    (root / "endless.mp4").symlink_to("/dev/zero")
    (root / "folder.mp4").mkdir()
    os.mkfifo(root / "pipe.mp4")
    return dict.fromkeys(("loop.mp4", "there.mp4", "back.mp4", "dangling.png", "endless.mp4", "pipe.mp4"), SKIPPED)


def _names(root: Path, clip: bytes, photo: bytes) -> dict[str, str]:
    """Good files whose names are the trouble: spaces, quotes, patterns, options, shell words, letters of many scripts."""
    names = [
        " space .mp4",
        "quote'\".mp4",
        "日本 é ß 🎬.mp4",
        "%03d.mp4",
        "-rf.mp4",
        "$(touch x);`x`.mp4",
        "a,b;c.png",
        "line\nbreak.png",
        "*?.png",
        "caf\u00e9.png",  # two ways to write one name
        "cafe\u0301.png",
        "without suffix",
        "strange suffix.xyz",
    ]
    for name in names:
        (root / name).write_bytes(photo if name.endswith(".png") else clip)
    return dict.fromkeys(names, ANY) | {"line\nbreak.png": SKIPPED}


def _patched(data: bytes, at: int, patch: bytes) -> bytes:
    return data[:at] + patch + data[at + len(patch) :]
