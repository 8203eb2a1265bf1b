"""What a photo or a video must be before anybody tries to decode it.

Every error is one line that begins with the file's path, so that a table which
names the file already can leave it out (`reason`).
"""

import os
import stat
from pathlib import Path

from dfd_lib.data.magic import HEAD, sign_of

MAX_PIXELS = 80_000_000
"""Larger images and frames are refused by their header, before memory is asked for (80 megapixels are 240 MB)."""

MIN_SIDE = 8
"""A photo or crop with fewer pixels on its shorter side shows no face."""

_DEMUXERS = (
    *("mov", "matroska", "avi", "flv", "live_flv", "asf", "mpeg", "mpegts", "mpegvideo", "ogg", "mxf", "rm", "dv", "ivf", "nut", "gif"),
    *("yuv4mpegpipe", "mjpeg", "h264", "hevc", "m4v", "vc1", "obu"),
    *(f"{name}_pipe" for name in ("bmp", "gif", "jpeg", "png", "pbm", "pgm", "ppm", "tiff", "webp")),
)
_CONFINED = f"protocol_whitelist;file|format_whitelist;{','.join(_DEMUXERS)}"


def confine_ffmpeg() -> None:
    """Let OpenCV's FFmpeg open plain containers on disk alone: no playlist, no list of files, no address.

    What such a text names would be shown under this file's name and label, or
    fetched from the network. Options that the user has set are kept; OpenCV
    reads them whenever a video is opened.
    """
    own = os.environ.get("OPENCV_FFMPEG_CAPTURE_OPTIONS", "")
    if not own.endswith(_CONFINED):  # of two that set one thing the last counts
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "|".join(filter(None, (own, _CONFINED)))


confine_ffmpeg()  # here: whoever opens a video checks it with this module first, in every process


def check_file(path: Path) -> None:
    """Raise unless `path` is a regular file, readable and not empty.

    A pipe or a device would block for ever, so the kind is asked for before the
    file is opened.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: it is a folder, a device, empty, a list of other files, or may not be read.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{path}: expected a file, came a folder or a device. Give the file itself.")
        with path.open("rb") as file:
            head = file.read(HEAD)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: expected a file, found none. Check the path.") from None
    except OSError as error:  # no permission, a loop of links, a name that is too long
        raise ValueError(f"{path}: expected a readable file; {words(error)}. Check its links and permissions.") from None
    if not status.st_size:
        raise ValueError(f"{path}: expected an image or a video, came an empty file. Copy it again.")
    if sign_of(head).kind == "list":
        raise ValueError(f"{path}: expected an image or a video, came a text that names other files or addresses. List those files.")


def check_pixels(path: Path, width: int, height: int) -> None:
    """Raise ValueError if an image or a frame has more than `MAX_PIXELS`."""
    if width * height > MAX_PIXELS:
        limit = f"{MAX_PIXELS / 1e6:.0f} megapixels"
        raise ValueError(f"{path}: expected at most {limit}, came {width} x {height}. Shrink it first.")


def words(error: Exception) -> str:
    """What an error says, on one line, without the path that an OSError repeats."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(said.split()) or type(error).__name__


def reason(path: Path, error: Exception) -> str:
    """The same without the file's path at its head: tables name the file themselves, and no machine's folders.

    Example:
        >>> reason(Path("/data/a.jpg"), ValueError("/data/a.jpg: expected an image."))
        'expected an image.'
    """
    return words(error).removeprefix(f"{path}: ")
