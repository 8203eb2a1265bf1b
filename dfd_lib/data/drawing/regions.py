"""Where a swap replaces a face: all of it, or the mouth alone, as methods that make people say what they did not say."""

from collections.abc import Callable

import numpy as np

from dfd_lib.data.drawing.easel import Box, grid, smooth
from dfd_lib.data.drawing.person import Person
from dfd_lib.data.drawing.take import UNIT

FACE: Box = (-0.75, 0.75, -0.6, 1.1)


def oval(person: Person, feather: float) -> np.ndarray:
    """From the brows to the chin, 0..1, inside the box `FACE`."""
    x, y = grid(FACE, UNIT)
    away = np.hypot(x / (0.9 * person.width), (y - 0.26) / 0.72)
    return 1 - smooth(1 - feather, 1 + 0.3 * feather, away)


def mouth(person: Person, feather: float) -> np.ndarray:
    """Lips and the skin around them, 0..1, inside the box `FACE`."""
    x, y = grid(FACE, UNIT)
    away = np.hypot(x / (1.6 * person.mouth_w), (y - person.mouth_y) / 0.24)
    return 1 - smooth(1 - feather, 1 + 0.3 * feather, away)


Region = Callable[[Person, float], np.ndarray]
"""A person and the softness of the edge (0 = hard) to the share of a swap in each pixel."""

METHODS: dict[str, Region] = {"swap": oval, "mouth": mouth}
"""Ways to make a fake, by the name that a listing gives them."""
