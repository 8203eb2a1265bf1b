"""Ordinary JPEGs go past Pillow: what comes out, or is refused, must be what Pillow makes of the same bytes."""

import io
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from dfd_lib.data import images
from dfd_lib.data.images import read_image

SAMPLINGS = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422]
SAMPLINGS += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]


@st.composite
def jpegs(draw: st.DrawFn) -> bytes:
    """A JPEG of any size, quality, chroma sampling and layout."""
    height, width = draw(st.integers(1, 70)), draw(st.integers(1, 70))
    noise = np.random.default_rng(draw(st.integers(0, 99))).normal(0, 9, (height, width, 3))
    pixels = (np.cumsum(noise, axis=1) + 128).clip(0, 255).astype(np.uint8)
    options = {
        cv2.IMWRITE_JPEG_QUALITY: st.sampled_from([5, 40, 75, 95, 100]),
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR: st.sampled_from(SAMPLINGS),
    }
    options |= {cv2.IMWRITE_JPEG_PROGRESSIVE: st.integers(0, 1), cv2.IMWRITE_JPEG_RST_INTERVAL: st.sampled_from([0, 2])}
    return cv2.imencode(".jpg", pixels, [number for option, values in options.items() for number in (option, draw(values))])[1].tobytes()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A JPEG with bits turned, a part cut off, taken for zeros or put between, or a tail."""
    data = bytearray(draw(jpegs()))
    place, some = draw(st.integers(2, len(data) - 1)), draw(st.binary(min_size=1, max_size=20))
    how = draw(st.sampled_from(["turned", "cut", "zeros", "between", "tail"]))
    if how == "turned":
        data[place] ^= 1 << draw(st.integers(0, 7))
    elif how == "cut":
        del data[place:]
    elif how == "zeros":
        data[place : place + len(some)] = bytes(len(data[place : place + len(some)]))
    else:
        place = place if how == "between" else len(data)
        data[place:place] = some
    return bytes(data)


def by_pillow(data: bytes) -> np.ndarray | None:
    """RGB as Pillow decodes it, None where it refuses."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=["JPEG"])
            return np.asarray(image.convert("RGB"))
    except Exception:  # Pillow has many ways of refusing, and these are its own words on the matter
        return None


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("jpeg") / "one.jpg"


@given(data=jpegs())
def test_ordinary_jpegs_have_pillows_pixels(file, data):
    file.write_bytes(data)
    np.testing.assert_array_equal(read_image(file), by_pillow(data))


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=300)
@given(data=damaged())
def test_damaged_jpegs_are_judged_as_pillow_judges_them(file, data):
    file.write_bytes(data)
    if (wanted := by_pillow(data)) is None:
        with pytest.raises(ValueError, match=r"one\.jpg: expected"):
            read_image(file)
    else:
        np.testing.assert_array_equal(read_image(file), wanted)


def test_only_ordinary_jpegs_go_past_pillow(file, monkeypatch):
    pixels = np.random.default_rng(1).integers(0, 256, (24, 16, 3), np.uint8)
    passed = []
    monkeypatch.setattr(images.simplejpeg, "decode_jpeg", lambda data, **_: passed.append(data) or np.zeros_like(pixels))
    turned = Image.Exif()
    turned[0x0112] = 6
    kinds = {"PNG": {}, "WEBP": {}, "JPEG": {"exif": turned}}
    for form, options in kinds.items():
        Image.fromarray(pixels).save(file, form, **options)
        read_image(file)
    for mode in ("L", "CMYK"):
        Image.fromarray(pixels).convert(mode).save(file, "JPEG")
        read_image(file)
    assert not passed
    Image.fromarray(pixels).save(file, "JPEG")
    assert not read_image(file).any() and len(passed) == 1
    with file.open("ab") as tail:  # who hides much behind a picture fills no memory with it
        tail.truncate(2**21)
    assert read_image(file).any() and len(passed) == 1


def test_colours_kept_as_rgb_in_the_file(file):
    pixels = np.random.default_rng(1).integers(0, 256, (24, 16, 3), np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", quality=95, keep_rgb=True)
    np.testing.assert_array_equal(read_image(file), by_pillow(file.read_bytes()))
    assert np.abs(read_image(file).astype(int) - pixels).mean() < 5
