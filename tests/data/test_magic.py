"""What a file is by its first bytes; and that nothing which names other files or addresses is ever followed."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from drawn_media import numbered, write_clip
from PIL import Image

from dfd_lib.data import media
from dfd_lib.data.frames import sample_frames
from dfd_lib.data.magic import Sign, sign_of, sniff
from dfd_lib.data.media import check_file, confine_ffmpeg

OTHER_CLIP = "other.mp4"

PLAYLISTS = {
    "ffconcat": "ffconcat version 1.0\nfile '{}'\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns={}\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
    "dash": '<?xml version="1.0"?>\n<MPD type="static"><Period><BaseURL>{}</BaseURL></Period></MPD>',
    "asx": '<asx version="3.0"><entry><ref href="{}"/></entry></asx>',
    "pls": "[playlist]\nFile1={}\n",
    "protocol": "concat:{}|{}",
    "vobsub": "# VobSub index file, v7\n# {}\n",
}
"""Texts that make players open something else; `{}` is what."""


@pytest.mark.parametrize(
    ("suffix", "fourcc", "name"),
    [
        *(("mp4", "mp4v", "mp4"), ("mov", "mp4v", "mov"), ("3gp", "mp4v", "mp4"), ("avi", "MJPG", "avi"), ("mkv", "mp4v", "mkv")),
        *(("webm", "VP80", "webm"), ("wmv", "WMV2", "wmv"), ("flv", "FLV1", "flv"), ("nut", "mp4v", "nut"), ("ts", "mp4v", "ts")),
        *(("mpg", "MPG1", "mpg"), ("mxf", "MPG2", "mxf"), ("m2ts", "MPG2", "m2ts")),
    ],
)
def test_a_video_is_known_and_read_without_its_suffix(tmp_path: Path, suffix: str, fourcc: str, name: str, capfd) -> None:
    path = write_clip(tmp_path / f"a.{suffix}", numbered(6), fourcc).rename(tmp_path / "bare")
    capfd.readouterr()  # what OpenCV's writer says of its codecs
    assert sniff(path) == Sign("video", name)
    assert [index for index, _ in sample_frames(path, every=2)] == [0, 2, 4]


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x20ftypisom", "mp4"), (b"\0\0\0\x14ftypqt  ", "mov"), (b"RIFF\0\0\0\0AVI LIST", "avi"),
        (b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f\x42\x82\x84webm", "webm"),
        (b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f\x42\x82\x88matroska", "mkv"),
        ((b"\x47\x40" + bytes(185) + b"\xff") * 3, "ts"), (b"\0\0\x01\xba", "mpg"), (b"FLV\x01", "flv"),
    ],
)  # fmt: skip
def test_a_container_is_known_by_its_first_bytes(head: bytes, name: str) -> None:
    assert sign_of(head) == Sign("video", name)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "AVIF", "PSD", "ICO"])
def test_an_image_is_known_without_its_suffix(tmp_path: Path, form: str) -> None:
    if form == "PSD":
        (tmp_path / "bare").write_bytes(b"8BPS\0\1")
    else:
        Image.new("RGB", (16, 16)).save(tmp_path / "bare", format=form)
    assert sniff(tmp_path / "bare") == (Sign("other", "unknown") if form == "ICO" else Sign("image", form))


@pytest.mark.parametrize(
    "head",
    [b"", b"\0" * 600, b"words", b"P5 is a postcode", b"BM and words", b"G" * 600, b"{}", b"a: b", b"<html>", b"ID3\3", b"OggS" + bytes(40),
     b"OggS" + bytes(24) + b"\1vorbis", b"fLaC", b"RIFF\0\0\0\0WAVE", b"\0\0\0\x20ftypM4A ", b"PK\3\4", b"%PDF-1.4", b"\x47" * 100],
)  # fmt: skip
def test_what_is_no_medium_is_not_taken_for_one(head: bytes) -> None:
    assert sign_of(head).kind == "other"


def test_theora_is_a_video_and_vorbis_is_not() -> None:
    assert sign_of(b"OggS" + bytes(24) + b"\x80theora") == Sign("video", "ogg")
    assert sign_of(b"OggS" + bytes(24) + b"\1vorbis").kind == "other"


def disguised(text: str) -> list[bytes]:
    """The same text as programs write it."""
    return [text.encode(), text.encode("utf-8-sig"), text.encode("utf-16"), b" \r\n\t" + text.encode(), text.upper().encode()]


@pytest.mark.parametrize("form", PLAYLISTS)
def test_a_list_of_other_files_is_refused(tmp_path: Path, form: str) -> None:
    for number, raw in enumerate(disguised(PLAYLISTS[form].format(*[OTHER_CLIP] * 2))):
        path = tmp_path / f"{number}.mp4"
        path.write_bytes(raw)
        with pytest.raises(ValueError, match="came a text that names other files or addresses"):
            check_file(path)
        with pytest.raises(ValueError, match=r"^\S*mp4: expected an image or a video"):
            list(sample_frames(path))


@pytest.fixture
def server() -> Iterator[tuple[str, list[bytes]]]:
    """An address on this machine, and what was asked of it."""
    asked: list[bytes] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                asked.append(connection.recv(100))

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/a.ts", asked
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(10)


def frames_of(path: Path) -> int:
    """What OpenCV's FFmpeg opens, without any check of ours."""
    capture, count = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), 0
    while capture.grab():
        count += 1
    capture.release()
    return count


@pytest.mark.parametrize("suffix", ["mp4", "m3u8", "mpd", "sdp", "ts"])
@pytest.mark.parametrize("form", PLAYLISTS)
def test_ffmpeg_itself_follows_nothing(tmp_path: Path, server: tuple[str, list[bytes]], form: str, suffix: str) -> None:
    """Whatever a text gets past the first look, no other file is shown and nothing is fetched."""
    address, asked = server
    write_clip(tmp_path / OTHER_CLIP, numbered(3))
    for target in (OTHER_CLIP, str(tmp_path / OTHER_CLIP), address):
        path = tmp_path / f"list.{suffix}"
        path.write_text(PLAYLISTS[form].format(target, target))
        assert frames_of(path) == 0
    assert asked == []
    assert frames_of(tmp_path / OTHER_CLIP) == 3


def test_without_the_confinement_another_file_would_be_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So the test above can fail."""
    write_clip(tmp_path / OTHER_CLIP, numbered(3))
    (tmp_path / "list.mp4").write_text(PLAYLISTS["ffconcat"].format(OTHER_CLIP))
    monkeypatch.delenv("OPENCV_FFMPEG_CAPTURE_OPTIONS")
    assert frames_of(tmp_path / "list.mp4") == 3
    confine_ffmpeg()
    assert frames_of(tmp_path / "list.mp4") == 0


def test_the_users_own_options_are_kept_and_loosen_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_clip(tmp_path / OTHER_CLIP, numbered(3))
    (tmp_path / "list.mp4").write_text(PLAYLISTS["ffconcat"].format(OTHER_CLIP))
    monkeypatch.setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", "threads;1|format_whitelist;concat,mov")
    confine_ffmpeg()
    confine_ffmpeg()
    assert os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] == f"threads;1|format_whitelist;concat,mov|{media._CONFINED}"
    assert frames_of(tmp_path / "list.mp4") == 0
