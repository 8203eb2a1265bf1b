"""Flicker that only time tells: the same brightness of the face in every frame of a clip and its swap, in another order."""

import numpy as np

from dfd_lib.data.drawing.easel import window
from dfd_lib.data.drawing.person import Person
from dfd_lib.data.drawing.regions import FACE, oval
from dfd_lib.data.drawing.take import UNIT

REACH = 0.35
"""By what share a face of the strongest flicker is brighter or darker than it should be."""


class Flicker:
    """How bright a face is shown in each frame.

    In the real clip the brightness drifts, half a turn to a whole one over the
    clip. In its swap the very same values come in a random order. So one frame,
    or all of them in a heap, says nothing; their order says everything.

    Args:
        rng: decides the drift and the order.
        strength: 0 = none, 1 = `REACH`.
        frames: of the clip.
        person: whose face it is.
    """

    def __init__(self, rng: np.random.Generator, strength: float, frames: int, person: Person):
        turn = rng.random() + rng.uniform(0.5, 1) * np.arange(frames) / frames
        self.steady = 1 + REACH * strength * rng.uniform(0.6, 1) * np.sin(2 * np.pi * turn)
        self.restless = rng.permutation(self.steady)
        self.mask = oval(person, 0.4)[..., None]

    def real(self, canvas: np.ndarray, t: int) -> np.ndarray:
        """The canvas of the real clip's frame `t`; RGB uint8 (H, W, 3)."""
        return self._shown(canvas, self.steady[t])

    def fake(self, canvas: np.ndarray, t: int) -> np.ndarray:
        """The canvas of the swap's frame `t`; RGB uint8 (H, W, 3)."""
        return self._shown(canvas, self.restless[t])

    def _shown(self, canvas: np.ndarray, gain: float) -> np.ndarray:
        canvas = canvas.copy()
        face = canvas[window(FACE, UNIT)]
        face[:] = np.clip(face * (1 + self.mask * (gain - 1)), 0, 255)
        return canvas
