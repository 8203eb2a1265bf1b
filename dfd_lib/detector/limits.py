"""What an upload may be at most, asked before anything of it is decoded."""

from dataclasses import dataclass
from pathlib import Path

import cv2

from dfd_lib.data.frames import open_video
from dfd_lib.data.images import is_photo, open_image
from dfd_lib.data.media import check_file


@dataclass(frozen=True)
class Limits:
    """Of a file that a stranger may send.

    Args:
        bytes: size of the file.
        pixels: of a photo or a frame.
        seconds: length of a video, as its header has it.
        seconds_to_read: that reading a video may take, whatever its header says.
    """

    bytes: int = 200 * 2**20
    pixels: int = 40_000_000
    seconds: float = 300
    seconds_to_read: float = 60

    def words(self) -> str:
        """In words, for the page."""
        return f"at most {self.bytes >> 20} MiB, {self.pixels // 10**6} megapixels, {self.seconds:g} s"

    def check(self, path: Path) -> None:
        """Raise ValueError, one line, if a file is more than that, or is no photo or video at all."""
        check_file(path)
        if path.stat().st_size > self.bytes:
            raise ValueError(f"expected at most {self.bytes >> 20} MiB, came {path.stat().st_size >> 20}. Send a shorter or smaller file.")
        width, height, seconds = _facts(path)
        if width * height > self.pixels:
            raise ValueError(f"expected at most {self.pixels // 10**6} megapixels, came {width} x {height}. Send a smaller picture.")
        if seconds > self.seconds:
            raise ValueError(f"expected at most {self.seconds:g} s of video, came {seconds:.0f}. Send the part that matters.")


def _facts(path: Path) -> tuple[int, int, float]:
    """Width, height and seconds by the file's header."""
    if is_photo(path):
        with open_image(path) as image:
            return image.width, image.height, 0.0
    with open_video(path) as capture:
        names = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_COUNT, cv2.CAP_PROP_FPS)
        width, height, frames, rate = (capture.get(name) for name in names)
    return int(width), int(height), frames / rate if frames > 0 and rate > 0 else 0.0
