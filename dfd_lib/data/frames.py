"""Frames of a video, at full resolution, in order.

Frames are grabbed one after another and only the wanted ones are converted:
seeking costs several times more and lands on wrong frames in some files.
"""

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from dfd_lib.data.media import check_file, check_pixels

# FFmpeg's own complaints about damaged files go to stderr unless this is set
# before the first capture; what went wrong is said in our errors instead
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

EVERY = 10
"""Every so many-th frame is taken unless something else is asked for."""

_WHOLE = 0.9  # of what the header declares; a little less is rounding
_TOO_SLOW = "{path}: expected to be done within {limit:g} s, came to frame {index} only. Shorten or convert it, or allow more time."


def sample_frames(path: str | Path, *, every: int | None = None, frames: int | None = None, limit: float = math.inf) -> "SampledFrames":
    """The index and the pixels of some frames of a video, upright, in order.

    Args:
        path: a video file; its name's suffix does not matter.
        every: take frames 0, every, 2 every, ... (default `EVERY`).
        frames: take so many frames instead, each from the middle of one of so
            many equal parts of the clip (all frames of a shorter clip). The
            count is that of the file's video packets, since the count that the
            header declares is wrong in some files.
        limit: seconds that the loop over the frames may take, all that is done
            with them included.

    Returns:
        An iterable of (index, frame): the frame's number from 0, and a uint8
        array of shape (H, W, 3), RGB. Where the frame rate varies, numbers
        still count frames, not time. A damaged end ends the iteration.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: both or bad `every` and `frames` (at the call); a file in
            which no frame can be decoded (at the first frame), or one that takes
            too long; one line that begins with the path.
    """
    _check_sampling(every, frames)
    return SampledFrames(Path(path), every or EVERY, frames, limit)


def _check_sampling(every: int | None, frames: int | None) -> None:
    if every is not None and frames is not None:
        raise ValueError("frames: expected `every` or `frames`, came both; keep one")
    for name, value in (("every", every), ("frames", frames)):
        if value is not None and value < 1:
            raise ValueError(f"frames: {name}: expected at least 1, came {value}")


class SampledFrames:
    """What `sample_frames` returns.

    Attributes:
        remark: after the iteration, empty or what the user should know of the
            video: how much of it was there, where it ended early.
    """

    def __init__(self, path: Path, every: int, frames: int | None, limit: float) -> None:
        self.path, self.every, self.frames, self.limit = path, every, frames, limit
        self.remark = ""

    def __iter__(self) -> Iterator[tuple[int, np.ndarray]]:
        check_file(self.path)
        end = time.monotonic() + self.limit
        wanted = (lambda index: index % self.every == 0) if self.frames is None else _spread(self.path, self.frames)
        found = False
        with open_video(self.path) as capture:
            declared, last = _declared(capture), 0.0
            index = 0
            while capture.grab():
                last = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000  # to be asked now: at the end it is 0
                if time.monotonic() > end:
                    raise ValueError(_TOO_SLOW.format(path=self.path, limit=self.limit, index=index))
                if wanted(index):
                    good, frame = capture.retrieve()
                    if good and frame is not None:
                        found = True
                        yield index, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
                index += 1
            self.remark = _ended_early(declared, index, last)
        if not found:
            raise ValueError(f"{self.path}: expected a video, came one without a frame that can be decoded. Copy it again, or remove it.")


def _declared(capture: cv2.VideoCapture) -> tuple[float, float]:
    """How many frames and seconds the header promises; 0 = it does not say."""
    count, rate = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
    return (count, count / rate) if count > 0 and rate > 0 else (0, 0)


def _ended_early(declared: tuple[float, float], frames: int, last: float) -> str:
    """A remark if clearly fewer frames, and clearly less time, came than the header promises.

    Either alone is harmless: containers without a count guess it from the rate,
    wrongly where that varies, and a last frame may be shown for long.
    """
    count, seconds = declared
    if frames < _WHOLE * count and (shown := last + seconds / count) < _WHOLE * seconds:
        return f"ended early: {shown:.1f} of {seconds:.1f} s"
    return ""


def _spread(path: Path, frames: int) -> Callable[[int], bool]:
    count = count_frames(path)
    middles = {int((part + 0.5) * count / frames) for part in range(frames)} if frames < count else set(range(count))
    return middles.__contains__


def count_frames(path: str | Path) -> int:
    """Count the video packets of a file without decoding them (milliseconds).

    Raises:
        ValueError: no video can be opened.
    """
    with open_video(Path(path), raw=True) as capture:
        count = 0
        while capture.grab():
            count += 1
        return count


@contextmanager
def open_video(path: Path, raw: bool = False) -> Iterator[cv2.VideoCapture]:
    """Open a video, upright, or with `raw` its packets, which are not decoded (and which are as the file has them).

    With FFmpeg alone: other backends take a file's name for a pattern, a camera
    or an address. On as many threads as OpenCV may use (`cv2.setNumThreads`):
    where every core has its own clip, more threads a clip only cost time.

    Raises:
        ValueError: no video can be opened, or its frames are too large (`check_pixels`).
    """
    how = [cv2.CAP_PROP_FORMAT, -1] if raw else [cv2.CAP_PROP_N_THREADS, cv2.getNumThreads()]
    capture = _quietly(lambda: cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG, how))
    try:
        if not capture.isOpened():
            raise ValueError(f"{path}: expected a video, came a file without a video stream that can be opened. Convert or remove it.")
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        check_pixels(path, *(int(capture.get(which)) for which in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)))
        yield capture
    finally:
        capture.release()


def _quietly(build: Callable[[], cv2.VideoCapture]) -> cv2.VideoCapture:
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        return build()
    finally:
        cv2.utils.logging.setLogLevel(level)
