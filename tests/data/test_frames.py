"""Sampling frames, against clips whose frames tell their own number."""

import os
import struct
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_media import numbered, turned, write_clip, write_photo

from dfd_lib.data.frames import count_frames, open_video, sample_frames


def numbers(path: Path, **sampling: int) -> list[int]:
    """The sampled frames' indices, having checked that each frame shows its own."""
    found = [(index, float(frame.mean())) for index, frame in sample_frames(path, **sampling)]
    assert all(abs(level - 8 * index) < 4 for index, level in found)
    return [index for index, _ in found]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", numbered(30))


def test_every_nth_frame(clip: Path) -> None:
    assert numbers(clip) == [0, 10, 20]
    assert numbers(clip, every=1) == list(range(30))
    assert numbers(clip, every=7) == [0, 7, 14, 21, 28]
    assert numbers(clip, every=1000) == [0]


def test_n_frames_come_from_the_middles_of_n_parts(clip: Path) -> None:
    assert numbers(clip, frames=1) == [15]
    assert numbers(clip, frames=3) == [5, 15, 25]
    assert numbers(clip, frames=30) == list(range(30))
    assert numbers(clip, frames=99) == list(range(30))
    for frames in range(2, 30):
        found = numbers(clip, frames=frames)
        assert len(found) == frames
        assert max(np.diff(found)) - min(np.diff(found)) <= 1


def test_frames_are_rgb_and_the_callers_own(tmp_path: Path) -> None:
    frame = np.zeros((48, 64, 3), np.uint8)
    frame[:, :32] = (200, 40, 20)
    (_, found), *_ = sample_frames(write_clip(tmp_path / "red.mp4", [frame] * 3))
    assert found.dtype == np.uint8
    assert found.shape == frame.shape
    assert np.abs(found[10:40, 5:25].astype(int) - (200, 40, 20)).max() < 20
    found[:] = 0


def test_they_equal_a_plain_read(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, 48, 64, 3), dtype=np.uint8)
    path = write_clip(tmp_path / "noise.avi", noise, "MJPG")
    capture = cv2.VideoCapture(str(path))
    for index, frame in sample_frames(path, every=1):
        assert np.array_equal(frame, capture.read()[1][..., ::-1]), index


@pytest.mark.parametrize(("degrees", "red_is_at"), [(0, (4, 4)), (90, (4, -5)), (180, (-5, -5)), (270, (-5, 4))])
def test_rotation_in_the_header_is_applied(tmp_path: Path, degrees: int, red_is_at: tuple[int, int]) -> None:
    """Turned clockwise by so many degrees, the upper left corner moves one corner on."""
    frame = np.zeros((48, 64, 3), np.uint8)
    frame[:16, :16] = (255, 0, 0)
    path = turned(write_clip(tmp_path / "held.mp4", [frame] * 2), degrees)
    (_, found), *_ = sample_frames(path)
    assert found.shape == ((48, 64, 3) if degrees % 180 == 0 else (64, 48, 3))
    assert found[red_is_at][0] > 150
    assert (found[..., 0] > 128).mean() < 0.12


def boxes(raw: bytes, kind: bytes, start: int = 0, end: int | None = None) -> list[int]:
    """Where the boxes lie that lead to the first one of a kind (ISO 14496-12): size, type, content."""
    end = len(raw) if end is None else end
    while start < end:
        size, name = struct.unpack_from(">I4s", raw, start)
        if name == kind:
            return [start]
        if name in (b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl") and (inner := boxes(raw, kind, start + 8, start + size)):
            return [start, *inner]
        start += size
    return []


def variable(path: Path, durations: list[int]) -> Path:
    """Rewrite for how long each frame of an mp4 is shown, as a multiple of what it was; its index lies behind the frames."""
    raw = bytearray(path.read_bytes())
    shown = boxes(raw, b"elst")[-1] + 16  # what lies behind this time would be left out
    struct.pack_into(">I", raw, shown, struct.unpack_from(">I", raw, shown)[0] * sum(durations) // len(durations))
    *above, place = boxes(raw, b"stts")
    size, *_, unit = struct.unpack_from(">IIIIII", raw, place)
    times = b"".join(struct.pack(">II", 1, duration * unit) for duration in durations)
    raw[place : place + size] = struct.pack(">I4sII", 16 + len(times), b"stts", 0, len(durations)) + times
    for box in above:
        struct.pack_into(">I", raw, box, struct.unpack_from(">I", raw, box)[0] + 16 + len(times) - size)
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("durations", [[1, 3] * 15, [1] * 29 + [200], [50] + [1] * 29, list(range(1, 31))])
def test_of_a_variable_rate_frames_are_counted_not_time(tmp_path: Path, durations: list[int]) -> None:
    path = variable(write_clip(tmp_path / "phone.mp4", numbered(30)), durations)
    capture = cv2.VideoCapture(str(path))
    shown = [capture.get(cv2.CAP_PROP_POS_MSEC) for _ in range(30) if capture.grab()]
    assert np.diff(shown) == pytest.approx(40 * np.array(durations[:-1]), abs=1.5), "the file is what it says"
    assert count_frames(path) == 30
    assert numbers(path) == [0, 10, 20]
    assert numbers(path, frames=3) == [5, 15, 25]
    sampled = sample_frames(path, every=7)
    assert [index for index, _ in sampled] == [0, 7, 14, 21, 28]
    assert sampled.remark == ""


def lying(path: Path, count: int) -> Path:
    """An .avi whose header declares another number of frames (avih dwTotalFrames and strh dwLength)."""
    raw = bytearray(path.read_bytes())
    for mark, offset in ((b"avih", 24), (b"strh", 40)):
        start = raw.index(mark) + offset
        raw[start : start + 4] = struct.pack("<I", count)
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("declared", [0, 5, 3000])
def test_the_declared_count_is_not_believed(tmp_path: Path, declared: int) -> None:
    path = lying(write_clip(tmp_path / "lying.avi", numbered(30), "MJPG"), declared)
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT) != 30
    assert count_frames(path) == 30
    assert numbers(path, frames=3) == [5, 15, 25]
    assert numbers(path) == [0, 10, 20]


@pytest.mark.parametrize(("fourcc", "suffix"), [("MJPG", ".avi"), ("FFV1", ".mkv"), ("XVID", ".avi"), ("mp4v", ".mov"), ("VP90", ".webm")])
def test_containers_and_codecs(tmp_path: Path, fourcc: str, suffix: str) -> None:
    path = write_clip(tmp_path / f"clip{suffix}", numbered(12), fourcc)
    assert numbers(path, every=5) == [0, 5, 10]
    assert numbers(path, frames=2) == [3, 9]


@pytest.mark.parametrize("size", [(97, 55), (16, 16), (33, 200), (1, 1), (2, 480)])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    path = write_clip(tmp_path / "odd.avi", numbered(3, size), "MJPG", odd=True)
    assert [frame.shape for _, frame in sample_frames(path, every=1)] == [(size[1], size[0], 3)] * 3


@pytest.mark.parametrize("size", [(97, 55), (33, 200)])
def test_odd_sizes_are_sampled_by_number_too(tmp_path: Path, size: tuple[int, int]) -> None:
    path = write_clip(tmp_path / "odd.avi", numbered(9, size), "MJPG", odd=True)
    assert numbers(path, frames=3) == [1, 4, 7]


@pytest.mark.parametrize("degrees", [90, 270])
def test_a_turned_clip_is_sampled_by_number_and_upright(tmp_path: Path, degrees: int) -> None:
    """Its packets, by which frames are counted, are not turned."""
    path = turned(write_clip(tmp_path / "held.mp4", numbered(30)), degrees)
    assert numbers(path, frames=3) == [5, 15, 25]
    assert {frame.shape for _, frame in sample_frames(path, frames=3)} == {(64, 48, 3)}


@pytest.fixture
def opencv_threads() -> Iterator[Callable[[int], None]]:
    before = cv2.getNumThreads()
    yield cv2.setNumThreads
    cv2.setNumThreads(before)


@pytest.mark.parametrize(("fourcc", "suffix"), [("mp4v", ".mp4"), ("FFV1", ".mkv"), ("MJPG", ".avi")])
def test_more_threads_decode_the_same(tmp_path: Path, opencv_threads: Callable[[int], None], fourcc: str, suffix: str) -> None:
    rng = np.random.default_rng(0)
    noise = cv2.GaussianBlur(rng.integers(0, 256, (480, 640, 3), dtype=np.uint8), (0, 0), 5)
    path = write_clip(tmp_path / f"clip{suffix}", [np.roll(noise, 7 * shift, axis=(0, 1)) for shift in range(12)], fourcc)
    found = {}
    for threads in (1, 4):
        opencv_threads(threads)
        with open_video(path) as capture:
            used = capture.get(cv2.CAP_PROP_N_THREADS)
        assert used == threads or (fourcc == "MJPG" and used == 1), "a decoder may know no threads"
        found[threads] = np.stack([frame for _, frame in sample_frames(path, every=1)])
    assert len(found[1]) == 12
    assert np.array_equal(found[1], found[4])


def test_one_frame(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "one.mp4", numbered(1))
    assert numbers(path) == [0]
    assert numbers(path, frames=16) == [0]


@pytest.mark.parametrize(
    "name", ["two words.mp4", 'quote\'s "name".mp4', "été-日本.mp4", "%03d.mp4", "-i.mp4", "http:x.mp4", "CLIP", "a.txt", "x.jpg"]
)
def test_names_are_names_and_nothing_else(clip: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A per cent sign is a pattern and a colon a protocol to other readers; the suffix says nothing."""
    (tmp_path / name).write_bytes(clip.read_bytes())
    assert numbers(tmp_path / name) == [0, 10, 20]
    monkeypatch.chdir(tmp_path)
    assert numbers(Path(name)) == [0, 10, 20]


def refused(path: Path, expected: str, error: type[Exception] = ValueError) -> None:
    for sampling in ({}, {"frames": 4}):
        with pytest.raises(error, match=expected) as caught:
            list(sample_frames(path, **sampling))
        assert str(caught.value).startswith(f"{path}: expected")
        assert "\n" not in str(caught.value)


def sound(path: Path) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))
    return path


def test_what_is_no_video_is_refused_quietly(tmp_path: Path, clip: Path, capfd: pytest.CaptureFixture) -> None:
    def made(name: str, raw: bytes) -> Path:
        (tmp_path / name).write_bytes(raw)
        return tmp_path / name

    raw = clip.read_bytes()
    refused(made("empty.mp4", b""), "empty")
    refused(made("words.mp4", b"these are words\n" * 1000), "no|without")
    refused(made("zeros.mp4", bytes(5000)), "no|without")
    refused(made("noise.mp4", np.random.default_rng(0).bytes(50_000)), "no|without")
    refused(made("list.mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n"), "no|without")
    refused(made("concat.mp4", f"ffconcat version 1.0\nfile '{clip}'\n".encode()), "no|without")
    for share in (0.01, 0.3, 0.6, 0.95):  # this writer puts the index last, so nothing can be decoded without the end
        refused(made("cut.mp4", raw[: int(share * len(raw))]), "no|without")
    refused(sound(tmp_path / "sound.mp4"), "no|without")
    refused(tmp_path, "folder")
    refused(tmp_path / "nothing.mp4", "found none", FileNotFoundError)
    (tmp_path / "loop.mp4").symlink_to(tmp_path / "loop.mp4")
    refused(tmp_path / "loop.mp4", "links")
    os.mkfifo(tmp_path / "pipe.mp4")
    refused(tmp_path / "pipe.mp4", "device")
    written = capfd.readouterr()
    assert written.out == written.err == ""


def test_a_file_without_permission_is_refused(tmp_path: Path, clip: Path, as_nobody: Callable[[Path], None]) -> None:
    path = tmp_path / "mine.mp4"
    path.write_bytes(clip.read_bytes())
    path.chmod(0)
    as_nobody(tmp_path)
    refused(path, "Permission denied")


def test_a_frame_larger_than_the_limit_is_refused(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dfd_lib.data.media.MAX_PIXELS", 64 * 48 - 1)
    refused(clip, "64 x 48")


@pytest.mark.parametrize("share", [0.4, 0.7, 0.95])
def test_a_cut_stream_gives_the_frames_that_are_left(tmp_path: Path, share: float) -> None:
    whole = write_clip(tmp_path / "whole.avi", numbered(30, (640, 480)), "MJPG").read_bytes()
    path = tmp_path / "cut.avi"
    path.write_bytes(whole[: int(share * len(whole))])
    left = numbers(path, every=1)
    assert left == list(range(len(left)))
    assert 30 * (share - 0.2) < len(left) < 30
    assert len(numbers(path, frames=5)) == 5
    sampled = sample_frames(path)
    assert sampled.remark == ""
    list(sampled)
    assert sampled.remark == ("" if share > 0.9 else f"ended early: {len(left) / 25:.1f} of 1.2 s")


def test_a_whole_clip_gives_no_remark(clip: Path, tmp_path: Path) -> None:
    paths = [clip, write_clip(tmp_path / "one.mp4", numbered(1)), write_clip(tmp_path / "clip.mkv", numbered(12), "FFV1", fps=7)]
    for path in (*paths, lying(write_clip(tmp_path / "low.avi", numbered(30), "MJPG"), 5)):
        sampled = sample_frames(path, every=3)
        list(sampled)
        assert sampled.remark == "", path.name


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


def test_what_takes_too_long_is_refused_whoever_is_slow(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("dfd_lib.data.frames.time", clock)
    seen = []
    with pytest.raises(ValueError, match=r"clip.mp4: expected to be done within 5 s, came to frame 6 only"):
        for index, _ in sample_frames(clip, every=1, limit=5):
            seen.append(index)
            clock.now += 1
    assert seen == [0, 1, 2, 3, 4, 5], "what is done in time is done"
    for _ in sample_frames(clip, limit=5):
        clock.now += 5 / 3
    assert len(list(sample_frames(clip, every=1, limit=0))) == 30, "no time has passed"


def test_frames_that_are_not_asked_for_cost_time_too(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a clip without end, of which one frame is wanted, would hold a process for ever."""
    clock = Clock()
    monkeypatch.setattr("dfd_lib.data.frames.time", clock)
    monkeypatch.setattr(Clock, "monotonic", lambda self: setattr(self, "now", self.now + 1) or self.now)
    with pytest.raises(ValueError, match="within 8 s, came to frame 8 only"):
        list(sample_frames(clip, every=1000, limit=8))


@pytest.mark.parametrize("sampling", [{"every": 0}, {"frames": 0}, {"every": -3}, {"every": 2, "frames": 2}])
def test_impossible_samplings_are_refused_at_the_call(clip: Path, sampling: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        sample_frames(clip, **sampling)


def test_a_photo_is_a_clip_of_one_frame(tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "photo.png", np.full((48, 64, 3), 0, np.uint8))
    assert numbers(photo) == [0]
