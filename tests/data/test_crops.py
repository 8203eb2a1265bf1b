"""Decoding, resizing and cutting, against Pillow, OpenCV and NumPy."""

import os
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dfd_lib.data.crops import CropSpec, cut, read_image, resize, window

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (37, 53, 3), dtype=np.uint8)
SMOOTH = cv2.resize(RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8), (53, 37), interpolation=cv2.INTER_CUBIC)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    memory = BytesIO()
    image.save(memory, form, **options)
    return memory.getvalue()


def written(folder: Path, raw: bytes, name: str = "photo.bin") -> Path:
    path = folder / name
    path.write_bytes(raw)
    return path


# -- CropSpec --


@given(margin=st.floats(0, 2), size=st.integers(16, 1024), square=st.booleans())
def test_spec_survives_json(margin: float, size: int, square: bool) -> None:
    spec = CropSpec(margin, size, square)
    assert CropSpec.from_dict(spec.to_dict()) == spec


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"margin": -0.1}, "0 to 2"),
        ({"margin": "wide"}, "0 to 2"),
        ({"margin": float("nan")}, "0 to 2"),
        ({"size": 15}, "16 to 1024"),
        ({"size": 128.0}, "16 to 1024"),
        ({"size": True}, "16 to 1024"),
        ({"square": 1}, "true or false"),
        ({"align": "yes"}, "true or false"),
        ({"sise": 128}, "sise"),
    ],
)
def test_spec_refuses(values: dict, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        CropSpec.from_dict(values)


# -- read_image --


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_files_give_their_pixels(tmp_path: Path, form: str) -> None:
    image = read_image(written(tmp_path, encoded(Image.fromarray(NOISE), form)))
    assert image.dtype == np.uint8
    assert np.array_equal(image, NOISE)
    image[0, 0] = 0  # the pixels are the caller's own


def test_lossless_webp_gives_its_pixels(tmp_path: Path) -> None:
    assert np.array_equal(read_image(written(tmp_path, encoded(Image.fromarray(NOISE), "WEBP", lossless=True))), NOISE)


@pytest.mark.parametrize("options", [{"quality": 70}, {"quality": 95, "subsampling": 0}, {"quality": 80, "progressive": True}])
def test_jpeg_equals_opencv(tmp_path: Path, options: dict) -> None:
    path = written(tmp_path, encoded(Image.fromarray(SMOOTH), "JPEG", **options), "photo.jpg")
    assert np.array_equal(read_image(path), cv2.imread(str(path))[..., ::-1])


def test_the_content_decides_and_not_the_name(tmp_path: Path) -> None:
    assert np.array_equal(read_image(written(tmp_path, encoded(Image.fromarray(NOISE), "PNG"), "photo.jpg")), NOISE)


def test_grey_becomes_three_equal_channels(tmp_path: Path) -> None:
    image = read_image(written(tmp_path, encoded(Image.fromarray(NOISE[..., 0]), "PNG")))
    assert np.array_equal(image, np.repeat(NOISE[..., :1], 3, axis=2))


def test_black_and_white_becomes_0_and_255(tmp_path: Path) -> None:
    image = read_image(written(tmp_path, encoded(Image.fromarray(NOISE[..., 0] > 127), "PNG")))
    assert np.array_equal(image[..., 0], np.where(NOISE[..., 0] > 127, 255, 0))


def test_cmyk_keeps_its_colours(tmp_path: Path) -> None:
    red = Image.new("RGB", (40, 30), (200, 30, 60)).convert("CMYK")
    image = read_image(written(tmp_path, encoded(red, "JPEG", quality=95)))
    assert np.abs(image.astype(int) - (200, 30, 60)).max() <= 4


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bit_keeps_the_high_byte(tmp_path: Path, channels: int) -> None:
    deep = RNG.integers(0, 65536, (20, 30, channels), dtype=np.uint16)
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), deep)
    assert np.array_equal(read_image(path), np.repeat(deep[..., ::-1] >> 8, 3 // channels, axis=2))


def test_16_bit_portable_grey_keeps_the_high_byte(tmp_path: Path) -> None:
    deep = RNG.integers(0, 65536, (20, 30), dtype=np.uint16)
    raw = b"P5 30 20 65535\n" + deep.astype(">u2").tobytes()
    assert np.array_equal(read_image(written(tmp_path, raw))[..., 0], deep >> 8)


def test_transparent_becomes_white(tmp_path: Path) -> None:
    alpha = np.dstack([NOISE, np.full(NOISE.shape[:2], 255, np.uint8)])
    alpha[:10, :, 3] = 0
    alpha[10:20, :, 3] = 128
    image = read_image(written(tmp_path, encoded(Image.fromarray(alpha), "PNG")))
    assert (image[:10] == 255).all()
    half = (NOISE[10:20].astype(float) * 128 + 255 * 127) / 255
    assert np.abs(image[10:20] - half).max() <= 1
    assert np.array_equal(image[20:], NOISE[20:])


def test_transparent_palette_becomes_white(tmp_path: Path) -> None:
    palette = Image.new("P", (30, 20), 0)
    palette.putpalette([10, 20, 30, 200, 100, 50])
    palette.paste(1, (0, 0, 15, 20))
    image = read_image(written(tmp_path, encoded(palette, "PNG", transparency=0)))
    assert (image[:, 15:] == 255).all()
    assert (image[:, :15] == (200, 100, 50)).all()


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    first, second = Image.new("RGB", (20, 20), "red"), Image.new("RGB", (20, 20), "blue")
    image = read_image(written(tmp_path, encoded(first, "GIF", save_all=True, append_images=[second])))
    assert (image == (255, 0, 0)).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_exif_orientation_is_applied_once(tmp_path: Path, orientation: int, form: str) -> None:
    """Truth: OpenCV turns a JPEG of the same orientation by itself."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100, "subsampling": 0} if form == "JPEG" else {}
    image = read_image(written(tmp_path, encoded(Image.fromarray(SMOOTH), form, exif=exif, **options)))
    jpeg = written(tmp_path, encoded(Image.fromarray(SMOOTH), "JPEG", quality=100, subsampling=0, exif=exif), "truth.jpg")
    truth = cv2.imread(str(jpeg))[..., ::-1].astype(int)
    assert image.shape == truth.shape
    assert np.abs(image - truth).max() <= 6


def test_damaged_exif_does_not_refuse_good_pixels(tmp_path: Path) -> None:
    raw = encoded(Image.fromarray(SMOOTH), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert read_image(written(tmp_path, raw)).shape == SMOOTH.shape


def refused(path: Path, expected: str = "expected", error: type[Exception] = ValueError) -> None:
    with pytest.raises(error, match=expected) as caught:
        read_image(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: expected")
    assert "\n" not in message
    assert len(message) < 250 + len(str(path))


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
        ("BMP", {}),
        ("GIF", {}),
    ],
)
def test_truncated_files_are_refused(tmp_path: Path, form: str, options: dict, share: float) -> None:
    raw = encoded(Image.fromarray(NOISE), form, **options)
    refused(written(tmp_path, raw[: int(share * len(raw))]))


def test_a_jpeg_without_its_last_rows_is_refused(tmp_path: Path) -> None:
    raw = encoded(Image.fromarray(NOISE), "JPEG")
    for lost in range(3, 60):
        refused(written(tmp_path, raw[:-lost]))


def png_header(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that claims to be of any size."""
    chunks = (b"IHDR" + struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(bytes(1000)), b"IEND")
    return b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)


@pytest.mark.parametrize("side", [9_000, 10_000, 60_000, 2_000_000_000])
def test_a_header_that_claims_a_huge_image_is_refused_before_decoding(tmp_path: Path, side: int) -> None:
    refused(written(tmp_path, png_header(side, side)), "megapixels" if side < 1e9 else "expected")


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    refused(written(tmp_path, b""), "empty")
    refused(written(tmp_path, b"these are words\n" * 100, "words.jpg"), "came none of these")
    refused(written(tmp_path, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "drawing.eps"), "came none of these")
    refused(tmp_path, "folder")
    refused(tmp_path / "nothing.jpg", "found none", FileNotFoundError)
    floating = Image.fromarray(np.zeros((9, 9), np.float32))
    refused(written(tmp_path, encoded(floating, "TIFF")), "floating point")


def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    refused(tmp_path / "pipe.jpg", "device")


def test_a_loop_of_links_and_an_endless_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").symlink_to(tmp_path / "b.jpg")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "a.jpg")
    refused(tmp_path / "a.jpg", "links")
    refused(tmp_path / ("x" * 300), "readable")


def test_a_file_without_permission_is_refused(tmp_path: Path, as_nobody: Callable[[Path], None]) -> None:
    path = written(tmp_path, encoded(Image.fromarray(NOISE), "PNG"))
    path.chmod(0)
    as_nobody(tmp_path)
    refused(path, "Permission denied")


# -- resize --


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 120))
def test_nearest_is_pillows(height: int, width: int, size: int) -> None:
    image = np.arange(height * width * 3, dtype=np.uint32).reshape(height, width, 3).astype(np.uint8)
    truth = np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.NEAREST))
    assert np.array_equal(resize(image, size, "nearest"), truth)


def test_area_is_the_mean_of_the_pixels_that_fall_together() -> None:
    image = RNG.integers(0, 256, (48, 80, 3), dtype=np.uint8)
    mean = image.reshape(16, 3, 16, 5, 3).mean(axis=(1, 3))
    assert np.abs(resize(image, 16) - mean).max() <= 0.51


def test_area_interpolates_where_it_grows() -> None:
    """Plain INTER_AREA repeats pixels when it enlarges, a staircase of 8 levels; a ramp must stay a ramp."""
    ramp = np.repeat(np.linspace(0, 252, 8, dtype=np.uint8)[None, :, None], 8, axis=0).repeat(3, axis=2)
    row = resize(ramp, 64)[0, :, 0].astype(int)
    assert (np.diff(row) >= 0).all()
    assert len(set(row)) > 40


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 50), st.sampled_from(["area", "bilinear", "nearest"]), st.integers(0, 255))
def test_a_flat_image_stays_flat(height: int, width: int, size: int, how: str, level: int) -> None:
    assert (resize(np.full((height, width, 3), level, np.uint8), size, how) == level).all()


def test_bilinear_mixes_four_pixels_about_half_pixel_centres() -> None:
    size, (height, width) = 30, NOISE.shape[:2]
    rows = np.clip((np.arange(size) + 0.5) * height / size - 0.5, 0, height - 1)
    columns = np.clip((np.arange(size) + 0.5) * width / size - 0.5, 0, width - 1)
    top, left = np.minimum(rows.astype(int), height - 2), np.minimum(columns.astype(int), width - 2)
    down, right = (rows - top)[:, None, None], (columns - left)[None, :, None]
    image = NOISE.astype(float)
    upper = image[top][:, left] * (1 - right) + image[top][:, left + 1] * right
    lower = image[top + 1][:, left] * (1 - right) + image[top + 1][:, left + 1] * right
    assert np.abs(resize(NOISE, size, "bilinear") - (upper * (1 - down) + lower * down)).max() <= 1


def test_resize_refuses() -> None:
    with pytest.raises(ValueError, match="area, nearest, bilinear"):
        resize(NOISE, 8, "cubic")
    with pytest.raises(ValueError, match="at least 1"):
        resize(NOISE, 0)
    for wrong in (NOISE.astype(np.float32), NOISE[..., 0], NOISE[:0], np.dstack([NOISE, NOISE])):
        with pytest.raises(ValueError, match="uint8 of shape"):
            resize(wrong, 8)


# -- cut --


@settings(max_examples=200)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(-30, 39), st.integers(-30, 39), st.integers(16, 60))
def test_cut_is_numpys_reflection(height: int, width: int, x: int, y: int, side: int) -> None:
    """With no margin and the crop as large as the box nothing is resized, so the pixels can be compared."""
    frame = np.arange(height * width * 3, dtype=np.uint32).reshape(height, width, 3).astype(np.uint8)
    box = (x, y, side, side)
    if not (0 <= x + side / 2 <= width and 0 <= y + side / 2 <= height):
        with pytest.raises(ValueError, match="centred inside"):
            cut(frame, box, CropSpec(0, side))
        return
    padded = np.pad(frame, ((60, 60), (60, 60), (0, 0)), "reflect")
    assert np.array_equal(cut(frame, box, CropSpec(0, side)), padded[60 + y : 60 + y + side, 60 + x : 60 + x + side])


@given(st.floats(0, 500), st.floats(0, 300), st.floats(1, 400), st.floats(1, 400), st.floats(0, 2), st.booleans())
def test_the_window_is_the_box_with_its_margin(x: float, y: float, wide: float, high: float, margin: float, square: bool) -> None:
    shape = (1000, 1000)
    rows, columns = window((x, y, wide, high), shape, CropSpec(margin, 64, square))
    border = margin * max(wide, high)
    half = max(wide, high) / 2 + border if square else None
    for (start, stop), low, length in ((rows, y, high), (columns, x, wide)):
        reach = half if square else length / 2 + border
        assert abs((stop - start) - 2 * reach) <= 0.5 + 1e-6
        assert abs((start + stop) / 2 - (low + length / 2)) <= 1
    if square:
        assert rows[1] - rows[0] == columns[1] - columns[0]


def test_a_square_crop_keeps_a_circle_round() -> None:
    frame = np.zeros((200, 300, 3), np.uint8)
    cv2.circle(frame, (150, 100), 30, (255, 255, 255), -1)
    box = (135, 75, 30, 50)
    lit = cut(frame, box, CropSpec(0.4, 100))[..., 0] > 127
    assert abs(int(lit.any(0).sum()) - int(lit.any(1).sum())) <= 1
    stretched = cut(frame, box, CropSpec(0.4, 100, square=False))[..., 0] > 127
    assert stretched.any(0).sum() > 1.1 * stretched.any(1).sum()


@pytest.mark.parametrize(
    "box", [(0, 0, 0, 5), (0, 0, 5, -1), (float("nan"), 0, 5, 5), (0, 0, float("inf"), 5), (90, 0, 40, 5), (0, -50, 5, 5)]
)
def test_cut_refuses_impossible_boxes(box: tuple) -> None:
    with pytest.raises(ValueError, match="frame of 100 x 80"):
        cut(np.zeros((80, 100, 3), np.uint8), box, CropSpec())


# -- alignment --


def face_with_marks(tilt: float, side: int = 400) -> tuple[np.ndarray, tuple]:
    """A frame with two eyes and a mouth, turned clockwise by so many degrees around its centre, and where its eyes are then."""
    upright = np.full((side, side, 3), 90, np.uint8)
    middle = (side - 1) / 2
    for (x, y), colour in (((-40, -30), (250, 0, 0)), ((40, -30), (0, 250, 0)), ((0, 50), (0, 0, 250))):
        cv2.circle(upright, (round(middle + x), round(middle + y)), 12, colour, -1)
    turned = cv2.warpAffine(upright, cv2.getRotationMatrix2D((middle, middle), -tilt, 1), (side, side), borderValue=(90, 90, 90))
    cos, sin = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
    eyes = tuple((side / 2 + cos * x - sin * y, side / 2 + sin * x + cos * y) for x, y in ((-40, -30), (40, -30)))
    return turned, eyes


def place_of(crop: np.ndarray, channel: int) -> np.ndarray:
    """(x, y) of the mark of one colour."""
    others = [other for other in range(3) if other != channel]
    return np.argwhere((crop[..., channel] > 150) & (crop[..., others] < 90).all(axis=2)).mean(axis=0)[::-1]


@pytest.mark.parametrize("tilt", [-170, -60, -25, -3, 0, 7, 30, 90])
def test_a_known_rotation_is_undone(tilt: float) -> None:
    frame, eyes = face_with_marks(tilt)
    crop = cut(frame, (130, 130, 140, 140), CropSpec(margin=0.2, size=196, align=True), eyes)
    right, left, mouth = (place_of(crop, channel) for channel in range(3))
    scale = 196 / (1.4 * 140)
    for found, (x, y) in ((right, (-40, -30)), (left, (40, -30)), (mouth, (0, 50))):
        assert found == pytest.approx((97.5 + scale * x, 97.5 + scale * y), abs=1.0)


@pytest.mark.parametrize("box", [(20, 10, 12, 12), (-6, 2, 14, 20), (40, 25, 20, 16)])
def test_level_eyes_leave_the_crop_as_it_is(box: tuple) -> None:
    """Also where the window reaches beyond the border, which is mirrored alike."""
    level = cut(NOISE, box, CropSpec(0.3, 32, align=True), ((10.0, 12.0), (30.0, 12.0)))
    assert np.array_equal(level, cut(NOISE, box, CropSpec(0.3, 32)))


def test_alignment_needs_eyes_and_plain_crops_ignore_them() -> None:
    with pytest.raises(ValueError, match="expected the places of the eyes"):
        cut(NOISE, (5, 5, 20, 20), CropSpec(align=True))
    assert np.array_equal(cut(NOISE, (5, 5, 20, 20), CropSpec(), ((1, 2), (3, 9))), cut(NOISE, (5, 5, 20, 20), CropSpec()))
