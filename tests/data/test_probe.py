"""Facts of files against what made them: Pillow's and OpenCV's own settings, and bytes written by hand."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from drawn_media import listing, numbered, turned, write_clip, write_photo
from PIL import Image

from dfd_lib.data.probe import COLUMNS, NUMBERS, WORDS, jpeg_quality, probe, probe_file, table_name
from dfd_lib.tables import read_table, write_table

NOISE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def test_the_quality_of_a_jpeg_is_the_one_it_was_saved_with(tmp_path: Path) -> None:
    """Every quality whose table no other has; above and below some share theirs (all ones, all 255)."""
    tables = {}
    for quality in range(1, 101):
        Image.fromarray(NOISE[:8, :8]).save(tmp_path / "a.jpg", quality=quality)
        with Image.open(tmp_path / "a.jpg") as image:
            tables[quality] = tuple(image.quantization[0])
    own = [quality for quality, table in tables.items() if list(tables.values()).count(table) == 1]
    assert len(own) > 90
    assert [jpeg_quality(tables[quality]) for quality in own] == own
    assert all(tables[jpeg_quality(table)] == table for table in tables.values())


def test_facts_of_a_photo(tmp_path: Path) -> None:
    Image.fromarray(NOISE).save(tmp_path / "a.png", format="JPEG", quality=77)  # the suffix lies
    facts = probe_file(tmp_path / "a.png", "image")
    size = (tmp_path / "a.png").stat().st_size
    wanted = {"format": "JPEG", "mode": "RGB", "width": 64, "height": 48, "frames": 1, "rotation": 0, "jpeg_quality": 77, "exif": 0}
    with Image.open(tmp_path / "a.png") as image:
        wanted["jpeg_tables"] = table_name(image.quantization)
    assert facts == {"reason": "", "bytes": size, **wanted, "bits_per_pixel": 8 * size / (64 * 48)}


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize(("turn", "degrees"), [(1, 0), (3, 180), (6, 90), (7, 270), (8, 270)])
def test_the_size_of_a_photo_is_that_of_its_upright_pixels(tmp_path: Path, suffix: str, turn: int, degrees: int) -> None:
    from dfd_lib.data.crops import read_image

    exif = Image.Exif()
    exif[0x0112] = turn
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(NOISE).save(path, exif=exif)
    facts = probe_file(path, "image")
    assert (facts["height"], facts["width"]) == read_image(path).shape[:2]
    assert facts["rotation"] == degrees


@pytest.mark.parametrize(
    ("suffix", "fourcc", "wanted"),
    [
        ("mp4", "mp4v", ("mp4", "fmp4")),
        ("avi", "MJPG", ("avi", "mjpg")),
        ("mkv", "mp4v", ("mkv", "fmp4")),
        ("mov", "mp4v", ("mov", "fmp4")),
    ],
)
def test_facts_of_a_video(tmp_path: Path, suffix: str, fourcc: str, wanted: tuple[str, str]) -> None:
    path = write_clip(tmp_path / f"a.{suffix}", numbered(7), fourcc, fps=12).rename(tmp_path / "renamed.mp4")
    facts = probe_file(path, "video")
    assert facts["reason"] == ""
    assert (facts["format"], facts["codec"]) == wanted
    assert [facts[name] for name in ("width", "height", "fps", "frames", "rotation")] == [64, 48, 12, 7, 0]
    assert facts["seconds"] == pytest.approx(7 / 12)
    assert facts["bits_per_pixel"] == pytest.approx(8 * path.stat().st_size / (64 * 48 * 7))
    assert "jpeg_quality" not in facts


def test_a_phone_held_upright_gives_an_upright_video(tmp_path: Path) -> None:
    path = turned(write_clip(tmp_path / "a.mp4", numbered(3)), 90)
    facts = probe_file(path, "video")
    assert (facts["width"], facts["height"], facts["rotation"]) == (48, 64, 90)


def test_the_table_has_one_row_a_file_in_order_and_bad_files_have_a_reason(tmp_path: Path) -> None:
    write_clip(tmp_path / "z/a.mp4", numbered(2))
    write_photo(tmp_path / "b.png", NOISE)
    whole = (tmp_path / "z/a.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 3])
    (tmp_path / "empty.png").touch()
    (tmp_path / "words.mp4").write_bytes(b"words " * 500)
    files = {"z/a.mp4": 0, "b.png": 1, "cut.mp4": 1, "empty.png": 0, "words.mp4": 1, "gone.mp4": 0}
    table = probe(listing(files), tmp_path, workers=0, progress=False)
    assert list(table) == list(COLUMNS)
    assert table["file"].tolist() == sorted(files)
    assert dict(zip(table["file"], table["label"], strict=True)) == files
    rows = table.set_index("file")
    assert {file for file in files if not rows.loc[file, "reason"]} == {"z/a.mp4", "b.png"}
    for file in ("cut.mp4", "empty.png", "words.mp4", "gone.mp4"):
        assert rows.loc[file, list(NUMBERS)].isna().all()
        assert rows.loc[file, list(WORDS)].eq("").all()
        assert str(tmp_path) not in rows.loc[file, "reason"]
    assert rows.loc["b.png", ["fps", "seconds", "jpeg_quality"]].isna().all()
    for suffix in ("csv", "parquet"):
        again = read_table(write_table(table, tmp_path / f"facts.{suffix}"))
        again["jpeg_tables"] = again["jpeg_tables"].astype(object).fillna("").astype(str)  # of an empty column CSV tells no type
        pd.testing.assert_frame_equal(again, table, rtol=1e-5, check_dtype=suffix == "parquet")


def test_a_declared_rate_that_nobody_films_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "a.mp4", numbered(3))
    for declared in (0.0, 90_000.0, float("nan")):
        monkeypatch.setattr("dfd_lib.data.probe.open_video", lambda path, rate=declared: Declaring(path, rate))
        facts = probe_file(path, "video")
        assert np.isnan(facts["fps"]) and np.isnan(facts["seconds"]) and facts["frames"] == 3


class Declaring:
    """An open video that declares a rate of its own."""

    def __init__(self, path: Path, rate: float):
        self.capture, self.rate = cv2.VideoCapture(str(path)), rate

    def __enter__(self) -> "Declaring":
        return self

    def __exit__(self, *_: object) -> None:
        self.capture.release()

    def get(self, which: int) -> float:
        return self.rate if which == cv2.CAP_PROP_FPS else self.capture.get(which)


def test_a_listing_without_columns_or_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without kind"):
        probe(listing({"a.mp4": 0}).drop(columns="kind"), tmp_path, progress=False)
    with pytest.raises(ValueError, match="without a row"):
        probe(listing({"a.mp4": 0})[:0], tmp_path, progress=False)
