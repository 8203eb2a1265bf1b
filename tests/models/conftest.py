"""Models that only look: built once, at their smallest size, and never trained."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dfd_lib.models.registry import build, model_facts

if TYPE_CHECKING:
    import keras


@pytest.fixture(scope="session")
def smallest() -> "Callable[[str], keras.Model]":
    """`smallest("lenet")`: the model at its smallest size; not to be changed."""
    return cache(lambda name: build(name, image_size=model_facts(name).smallest))


@pytest.fixture(scope="session")
def photos() -> Callable[..., np.ndarray]:
    """`photos(32)`: three random pictures, uint8 (3, 32, 32, 3), with the darkest and the brightest pixel."""

    def draw(size: int, count: int = 3) -> np.ndarray:
        pixels = np.random.default_rng(1).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
        pixels[0, 0, 0], pixels[0, 0, 1] = 0, 255
        return pixels

    return draw
