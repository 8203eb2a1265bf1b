"""An image file -> upright RGB pixels, strictly.

A damaged file is refused and never half shown: the grey lower half that other
decoders invent would be learnt, or judged.
"""

import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image, UnidentifiedImageError

from dfd_lib.data.magic import sniff
from dfd_lib.data.media import MAX_PIXELS, check_file, words

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
"""What `read_image` decodes, told by the content and never by the file's name."""

SPARE = 2**20
"""Bytes that a JPEG may be larger than its pixels, for thumbnails and notes."""

_DAMAGED = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, ArithmeticError, Warning, struct.error)
_ONE_AT_A_TIME = threading.Lock()
_ORIENTATION = 0x0112  # EXIF tag: how the camera was held
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_image(path: str | Path) -> np.ndarray:
    """Decode an image file strictly to upright RGB.

    Grey, palette, CMYK and 16-bit images become 8-bit RGB; transparent pixels
    become white, as a viewer shows them; EXIF rotation is applied; of an
    animation the first frame is taken. The name's suffix does not matter.

    Args:
        path: a file in one of `FORMATS`.

    Returns:
        uint8 array of shape (H, W, 3), RGB.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: not a regular file, unreadable, empty, not an image,
            truncated, or more than `MAX_PIXELS`; one line that begins with the path.
    """
    return np.array(view_image(path))


def view_image(path: str | Path) -> np.ndarray:
    """`read_image` without its last copy: the pixels cannot be written to, but be made something else of."""
    with open_image(path) as image:
        pixels = _ordinary(image)
        return np.asarray(_rgb(image)) if pixels is None else pixels


@contextmanager
def open_image(path: str | Path) -> Iterator[Image.Image]:
    """Open an image file by its header; pixels are decoded as they are asked for. Raises as `read_image`."""
    path = Path(path)
    check_file(path)
    with _explained(path):
        with _hushed():
            image = Image.open(path, formats=FORMATS)
        with image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            yield image


def moves(path: Path) -> bool:
    """Whether an image file is an animation: no damaged one, no phone's JPEG with a second picture in it, no TIFF of many pages."""
    try:
        with open_image(path) as image:
            return image.format in ("GIF", "PNG", "WEBP") and bool(getattr(image, "is_animated", False))
    except ValueError:
        return False


def is_photo(path: Path) -> bool:
    """Whether a file is an image by its content; a GIF that moves is a clip, as it is where faces are extracted."""
    kind, name = sniff(path)
    return kind == "image" and not (name == "GIF" and moves(path))


@contextmanager
def _hushed() -> Iterator[None]:
    """Pillow warns of damaged EXIF, which we do without; filters belong to the whole process, hence one thread at a time."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Pillow's many ways of failing, as one line."""
    try:
        yield
    except UnidentifiedImageError:
        raise ValueError(f"{path}: expected an image ({', '.join(FORMATS)}), came none of these. Convert or remove it.") from None
    except Image.DecompressionBombError:
        raise ValueError(f"{path}: expected at most {MAX_PIXELS / 1e6:.0f} megapixels, came more. Shrink it first.") from None
    except (*_DAMAGED, MemoryError) as error:
        raise ValueError(f"{path}: expected a whole image, came a damaged one ({words(error)}). Replace or remove it.") from None


def _ordinary(image: Image.Image) -> np.ndarray | None:
    """The pixels of a whole, upright colour JPEG, which are Pillow's in half its time; None for all else, which Pillow judges."""
    if image.format != "JPEG" or image.mode != "RGB" or orientation(image) in _UPRIGHT:
        return None
    image.fp.seek(0)
    most = SPARE + 3 * image.width * image.height  # who hides gigabytes behind a picture fills no memory
    data = image.fp.read(most + 1)
    if len(data) > most:
        return None
    try:
        pixels = simplejpeg.decode_jpeg(data, strict=True)
    except ValueError:  # the least oddity, which Pillow may forgive
        return None
    return pixels if pixels.shape == (image.height, image.width, 3) else None


def _rgb(image: Image.Image) -> Image.Image:
    image.load()  # before its EXIF is asked for: some formats are turned upright here already
    turn = orientation(image)
    if image.mode == "F":
        raise ValueError("32-bit floating point pixels")
    if image.mode.startswith("I"):  # 16-bit grey: Pillow's own conversion would clip at 255 instead of scaling
        grey = np.clip(np.asarray(image), 0, 65535) >> 8
        image = Image.fromarray(grey.astype(np.uint8))
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image if image.mode == "RGB" else image.convert("RGB")
    return image.transpose(_UPRIGHT[turn]) if turn in _UPRIGHT else image


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) where there is none; damaged EXIF does not make the pixels worse."""
    try:
        with _hushed():
            return int(image.getexif().get(_ORIENTATION, 1))
    except _DAMAGED:
        return 1
