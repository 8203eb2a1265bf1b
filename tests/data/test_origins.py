"""A model knows how the crops that it learnt from were cut."""

import json
from pathlib import Path

import numpy as np
import pytest
from drawn_media import listing, scene, write_photo

from dfd_lib.data.crops import PADDING, CropSpec, cut, read_image
from dfd_lib.data.extract import RULES, extract
from dfd_lib.data.faces import detector_version, open_detector
from dfd_lib.data.origins import Cut, crops_origin, keep_origin, trained_on
from dfd_lib.experiment import Faces


@pytest.fixture(scope="module")
def cropped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cropped")
    photos = {f"{name}.png": label for label, name in enumerate(("real", "fake"))}
    for name in photos:
        write_photo(root / "photos" / name, scene([(3, 160, 60, 30)], (320, 240)))
    extract(listing(photos), root / "photos", root / "out", faces=Faces(margin=0.1, size=48, frames=7, step=3), workers=0, progress=False)
    return root


def test_extraction_says_how_it_cut(cropped: Path) -> None:
    name, version = detector_version()
    expected = Cut(CropSpec(margin=0.1, size=48), name, version, step=3, sampling={"frames": 7}, boxes="own", rules=RULES)
    assert crops_origin(cropped / "out") == expected


def test_what_travelled_with_the_model_cuts_the_same_crops_again(cropped: Path, tmp_path: Path) -> None:
    keep_origin(tmp_path, cropped / "out")
    origin = trained_on(tmp_path)
    photo = read_image(cropped / "photos/real.png")
    (face,) = open_detector(origin.detector)(photo)
    (crop,) = (cropped / "out/crops").glob("real-*/*.png")
    assert np.array_equal(cut(photo, face.box, origin.crop), read_image(crop))


def test_given_crops_are_called_so(tmp_path: Path) -> None:
    assert crops_origin(tmp_path) is None
    (tmp_path / "run").mkdir()
    keep_origin(tmp_path / "run", tmp_path)
    assert json.loads((tmp_path / "run/crops.json").read_text()) == {"crops": "given"}
    assert trained_on(tmp_path / "run") is None


def test_what_a_run_says_is_not_said_anew(cropped: Path, tmp_path: Path) -> None:
    """Crops may be cut again, otherwise, after a model learnt from them."""
    keep_origin(tmp_path, cropped / "out")
    before = (tmp_path / "crops.json").read_text()
    keep_origin(tmp_path, tmp_path)
    assert (tmp_path / "crops.json").read_text() == before


def test_padding_is_what_its_name_says() -> None:
    frame = np.random.default_rng(1).integers(0, 256, (30, 40, 3), np.uint8)
    crop = cut(frame, (-4, -6, 20, 20), CropSpec(margin=0, size=20))
    assert np.array_equal(crop, np.pad(frame, ((6, 0), (4, 0), (0, 0)), mode=PADDING)[:20, :20])


def test_a_run_that_does_not_say_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"expected crops\.json, found none. `dfd report` adds it"):
        trained_on(tmp_path)


GOOD = {"crop": {}, "detector": {"name": "yunet", "version": "5", "step": 6}, "sampling": {"every": 10}, "boxes": "own", "rules": 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"crops": "cut"}',
        json.dumps({**GOOD, "padding": "edge"}),
        json.dumps({**GOOD, "detector": {"name": "yunet"}}),
        json.dumps({**GOOD, "detector": None}),
        json.dumps({**GOOD, "crop": {"size": 4}}),
        json.dumps({**GOOD, "crop": {"turn": True}}),
    ],
)
def test_what_is_damaged_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "crops.json").write_text(json.dumps(GOOD))
    assert trained_on(tmp_path).detector == "yunet"
    (tmp_path / "crops.json").write_text(text)
    with pytest.raises(ValueError, match="expected how crops were cut") as caught:
        trained_on(tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "crops.json"))
    assert "\n" not in str(caught.value)
