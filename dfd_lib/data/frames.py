"""Frames of a video, at full resolution, in order.

Frames are grabbed one after another and only the wanted ones are converted:
seeking costs several times more and lands on wrong frames in some files.
"""

import os
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


def sample_frames(path: str | Path, *, every: int | None = None, frames: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the index and the pixels of some frames of a video, upright, in order.

    Args:
        path: a video file; its name's suffix does not matter.
        every: take frames 0, every, 2 every, ... (default `EVERY`).
        frames: take so many frames instead, each from the middle of one of so
            many equal parts of the clip (all frames of a shorter clip). The
            count is that of the file's video packets, since the count that the
            header declares is wrong in some files.

    Yields:
        (index, frame): the frame's number from 0, and a uint8 array of shape
        (H, W, 3), RGB. A damaged end ends the iteration.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: both or bad `every` and `frames` (at the call); a file in
            which no frame can be decoded (at the first frame), one line that
            begins with the path.
    """
    _check_sampling(every, frames)
    return _sample(Path(path), every or EVERY, frames)


def _check_sampling(every: int | None, frames: int | None) -> None:
    if every is not None and frames is not None:
        raise ValueError("frames: expected `every` or `frames`, came both; keep one")
    for name, value in (("every", every), ("frames", frames)):
        if value is not None and value < 1:
            raise ValueError(f"frames: {name}: expected at least 1, came {value}")


def _sample(path: Path, every: int, frames: int | None) -> Iterator[tuple[int, np.ndarray]]:
    check_file(path)
    wanted = (lambda index: index % every == 0) if frames is None else _spread(path, frames)
    found = False
    with open_video(path) as capture:
        index = 0
        while capture.grab():
            if wanted(index):
                good, frame = capture.retrieve()
                if good and frame is not None:
                    found = True
                    yield index, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            index += 1
    if not found:
        raise ValueError(f"{path}: expected a video, came one without a frame that can be decoded. Copy it again, or remove it.")


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
    or an address.

    Raises:
        ValueError: no video can be opened, or its frames are too large (`check_pixels`).
    """
    capture = _quietly(lambda: cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1] if raw else []))
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
