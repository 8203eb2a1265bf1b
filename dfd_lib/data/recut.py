"""Crops of clips after another H.264 encoding: the whole clip is encoded anew, and cut where it was cut before.

A crop alone cannot stand for it: motion search, rate control and the frames
that are predicted from others work on whole frames of whole clips.
"""

import io
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd

from dfd_lib.data.crops import CropSpec, cut
from dfd_lib.data.frames import sample_frames

RATE = 25
"""Frames a second that the encoder is told. With a CRF, quality hardly depends on it."""

PRESET = "veryfast"
"""x264's, several times faster than its default; platforms differ in theirs."""


def recompress(frames: Iterable[np.ndarray], crf: int) -> Iterator[np.ndarray]:
    """Frames as they come back from H.264 of a constant rate factor: x264, 4:2:0, one thread, so that equal frames give equal frames.

    Args:
        frames: uint8 (H, W, 3), RGB, all of one size, in order.
        crf: 0 (lossless but for colour) to 51; 23 is x264's default, 28 and more is seen.

    Returns:
        As many frames, same shape. They are encoded when the first is asked for; only compressed ones are kept in memory.

    Raises:
        ValueError: no frame, or frames of several sizes.
    """
    import av

    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise ValueError("recompress: expected at least one frame, came none.")
    file = io.BytesIO()
    height, width = first.shape[:2]
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": str(crf), "preset": PRESET, "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        for place, frame in enumerate(_with(first, frames)):
            picture = av.VideoFrame.from_ndarray(_even(frame, first.shape), format="rgb24")
            picture.pts, picture.time_base = place, Fraction(1, RATE)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    file.seek(0)
    with av.open(file) as container:
        for picture in container.decode(video=0):
            yield picture.to_ndarray(format="rgb24")[:height, :width]


def _with(first: np.ndarray, rest: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    yield from rest


def _even(frame: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """4:2:0 needs even sides: the last row and column twice where they are odd."""
    if frame.shape != shape:
        raise ValueError(f"recompress: expected frames of shape {shape}, came {frame.shape}. Give the frames of one clip.")
    return np.ascontiguousarray(np.pad(frame, ((0, shape[0] % 2), (0, shape[1] % 2), (0, 0)), mode="edge"))


def recut(clip: Path, rows: pd.DataFrame, spec: CropSpec, crf: int | None) -> dict[str, np.ndarray]:
    """The crops of one clip, cut again at the same places after another encoding.

    Args:
        clip: the video.
        rows: its rows of the manifest: path, frame, box_x, box_y, box_w, box_h.
        spec: as they were cut; without alignment, since a manifest does not tell where the eyes are.
        crf: of the encoding up to the last frame that is needed; None: as the clip is.

    Returns:
        From path to uint8 (size, size, 3), RGB.

    Raises:
        ValueError: an aligned spec, a clip that cannot be decoded or that lacks a frame.
    """
    if spec.align:
        raise ValueError("recut: expected crops that were not aligned, came aligned ones, whose eyes the manifest does not tell.")
    wanted = dict(iter(rows.groupby("frame")))
    last = max(wanted)
    frames = (frame for _, frame in zip(range(last + 1), _frames(clip), strict=False))
    crops = {}
    for index, frame in enumerate(frames if crf is None else recompress(frames, crf)):
        if index in wanted:
            for path, *box in wanted[index][["path", "box_x", "box_y", "box_w", "box_h"]].itertuples(index=False):
                crops[path] = cut(frame, tuple(box), spec)
    if len(crops) < len(rows):
        raise ValueError(f"{clip}: expected frame {last}, came fewer frames. The clip has changed: extract the faces again.")
    return crops


def _frames(clip: Path) -> Iterator[np.ndarray]:
    return (frame for _, frame in sample_frames(clip, every=1))
