"""The one way a face crop is made, in training and in serving.

Decode an image (`read_image`), cut a box with a margin, bring it to a size.
NumPy, OpenCV, Pillow and simplejpeg only, so that a served detector needs nothing else.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import cv2
import numpy as np
from PIL import Image

from dfd_lib.data.images import read_image as read_image  # the first step of the same way: import all of it from here
from dfd_lib.data.images import view_image as view_image

RESIZES = ("area", "nearest", "bilinear")

PADDING = "reflect"
"""What a crop needs beyond the frame's border is mirrored, the border pixel not repeated; NumPy's name for it."""

Box = tuple[float, float, float, float]
"""Left, top, width, height in pixels of the full frame."""

Eyes = tuple[tuple[float, float], tuple[float, float]]
"""(x, y) of the person's right and left eye in pixels of the full frame; upright, the right eye is on the picture's left."""


@dataclass(frozen=True)
class CropSpec:
    """How faces are cut: saved with the crops, with every model and with the detector that serves it.

    Args:
        margin: border around the box on every side, as a share of its longer
            side, 0..2.
        size: side of the crop in pixels, 16..1024.
        square: cut a square around the box's centre (no distortion); otherwise
            the box with its margin is stretched to a square.
        align: turn the face around the box's centre so that its eyes are
            level. Turning mixes neighbouring pixels, and with them the traces
            that a detector of fakes looks for: so it is off unless asked for.

    Raises:
        ValueError: a value is of another type or out of its range.

    Example:
        >>> CropSpec.from_dict({"size": 128})
        CropSpec(margin=0.3, size=128, square=True, align=False)
        >>> CropSpec.from_dict(CropSpec().to_dict()) == CropSpec()
        True
    """

    margin: float = 0.3
    size: int = 160
    square: bool = True
    align: bool = False

    def __post_init__(self) -> None:
        _require("margin", self.margin, _number(self.margin, int | float) and 0 <= self.margin <= 2, "a number from 0 to 2")
        _require("size", self.size, _number(self.size, int) and 16 <= self.size <= 1024, "a whole number of pixels from 16 to 1024")
        _require("square", self.square, isinstance(self.square, bool), "true or false")
        _require("align", self.align, isinstance(self.align, bool), "true or false")

    def to_dict(self) -> dict[str, Any]:
        """The values by name, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "CropSpec":
        """Build from `to_dict`'s values; what is missing keeps its default.

        Raises:
            ValueError: an unknown name, or a value out of its range.
        """
        names = [field.name for field in fields(cls)]
        unknown = [str(name) for name in values if name not in names]
        if unknown:
            raise ValueError(f"crop: expected only {', '.join(names)}; came {', '.join(unknown)}. Was it written by a newer version?")
        return cls(**values)


def _number(value: object, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _require(name: str, value: object, good: bool, expected: str) -> None:
    if not good:
        raise ValueError(f"crop: {name}: expected {expected}, came {value!r}")


def resize(image: np.ndarray, size: int, how: str = "area", out: np.ndarray | None = None) -> np.ndarray:
    """Bring an image to a square.

    Args:
        image: uint8 array of shape (H, W, 3).
        size: side of the result in pixels.
        how: `area` averages the pixels that fall together where the image
            shrinks, and interpolates linearly where it grows; `nearest` takes
            one pixel, exactly as Pillow's NEAREST does (OpenCV's differs);
            `bilinear` mixes the four nearest without averaging, as
            `tf.image.resize` does by default.
        out: uint8 (size, size, 3), contiguous, where the result goes; default: a new array.

    Returns:
        uint8 array of shape (size, size, 3).

    Raises:
        ValueError: another dtype or shape, a size below 1, an unknown `how`.

    Example:
        >>> stripes = np.repeat(np.array([[[0], [200]]], np.uint8), 3, axis=2)
        >>> resize(stripes, 1)[0, 0].tolist(), resize(stripes, 1, "nearest")[0, 0].tolist()
        ([100, 100, 100], [200, 200, 200])
    """
    _check_image(image)
    if size < 1:
        raise ValueError(f"resize: expected a side of at least 1 pixel, came {size}")
    if how not in RESIZES:
        raise ValueError(f"resize: expected one of {', '.join(RESIZES)}, came {how!r}")
    out = np.empty((size, size, 3), np.uint8) if out is None else out
    height, width = image.shape[:2]
    shrunk = (min(width, size), min(height, size))
    if how == "nearest":
        out[:] = Image.fromarray(image).resize((size, size), Image.Resampling.NEAREST)
        return out
    if how == "area" and shrunk != (width, height):
        image = cv2.resize(image, shrunk, dst=out if shrunk == (size, size) else None, interpolation=cv2.INTER_AREA)
    if image.shape[:2] != (size, size):
        cv2.resize(image, (size, size), dst=out, interpolation=cv2.INTER_LINEAR)
    elif image is not out:
        out[:] = image
    return out


def cut(frame: np.ndarray, box: Box, spec: CropSpec, eyes: Eyes | None = None) -> np.ndarray:
    """Cut one face out of a frame at full resolution.

    The window is the box, widened by the margin (and made square around its
    centre); what it needs beyond the frame's border is mirrored.

    Args:
        frame: uint8 array of shape (H, W, 3), RGB.
        box: left, top, width, height in pixels of the frame; its centre lies
            inside the frame.
        spec: margin, size and shape of the crop.
        eyes: where they are; needed, and used, only if the spec aligns by them.

    Returns:
        uint8 array of shape (size, size, 3), RGB.

    Raises:
        ValueError: not such a frame, a box that is empty, not finite or
            centred outside of the frame, or no eyes to align by.
    """
    _check_image(frame)
    rows, columns = window(box, frame.shape[:2], spec)
    if spec.align:
        return resize(_level(frame, box, eyes, rows, columns), spec.size)
    inside = rows[0] >= 0 and columns[0] >= 0 and rows[1] <= frame.shape[0] and columns[1] <= frame.shape[1]
    if inside:
        return resize(frame[slice(*rows), slice(*columns)], spec.size)
    return resize(frame[np.ix_(_mirror(*rows, frame.shape[0]), _mirror(*columns, frame.shape[1]))], spec.size)


def window(box: Box, shape: tuple[int, int], spec: CropSpec) -> tuple[tuple[int, int], tuple[int, int]]:
    """The rows and columns that `cut` takes, ends exclusive; they may reach beyond the frame.

    Raises:
        ValueError: the box is empty, not finite or centred outside of `shape` (H, W).

    Example:
        >>> window((40, 40, 20, 10), (100, 100), CropSpec(margin=0.5))
        ((25, 65), (30, 70))
    """
    x, y, width, height = box
    good = all(map(math.isfinite, box)) and width > 0 and height > 0
    if not good or not (0 <= x + width / 2 <= shape[1] and 0 <= y + height / 2 <= shape[0]):
        raise ValueError(f"cut: expected a box (x, y, width, height) centred inside a frame of {shape[1]} x {shape[0]}, came {tuple(box)}")
    border = 2 * spec.margin * max(width, height)
    wide, high = (max(width, height) + border,) * 2 if spec.square else (width + border, height + border)
    return _span(y + height / 2, high), _span(x + width / 2, wide)


def _level(frame: np.ndarray, box: Box, eyes: Eyes | None, rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
    """The window's pixels, turned around the box's centre until the eyes are level."""
    if eyes is None:
        raise ValueError("cut: expected the places of the eyes to align by, came none. Take a detector with landmarks, or do not align.")
    (right_x, right_y), (left_x, left_y) = eyes
    tilt = math.degrees(math.atan2(left_y - right_y, left_x - right_x))
    # the first pixel's middle is (.5, .5) in a box's coordinates, and (0, 0) in OpenCV's
    turn = cv2.getRotationMatrix2D((box[0] + box[2] / 2 - 0.5, box[1] + box[3] / 2 - 0.5), tilt, 1)
    turn[:, 2] -= columns[0], rows[0]
    size = (columns[1] - columns[0], rows[1] - rows[0])
    return cv2.warpAffine(frame, turn, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def _span(centre: float, length: float) -> tuple[int, int]:
    whole = max(1, round(length))
    start = math.floor(centre - whole / 2 + 0.5)
    return start, start + whole


def _mirror(start: int, stop: int, length: int) -> np.ndarray:
    """Indices start..stop-1 folded back into 0..length-1, the border pixel not repeated."""
    last = length - 1
    return last - np.abs(last - np.arange(start, stop) % max(2 * last, 1))


def _check_image(image: np.ndarray) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"image: expected uint8 of shape (H, W, 3), came {image.dtype} of shape {image.shape}")
