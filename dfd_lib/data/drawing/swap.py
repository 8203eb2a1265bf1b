"""Face swaps between drawn people, of the whole face or of the mouth alone, with the flaws that real swaps have.

The donor's face is lit as the scene is, aligned by landmarks, matched in
colour and blended in over an oval, or over the mouth. What betrays real swaps is imitated, each
flaw with its own random strength: a seam, a colour and light that do not quite
match, fewer pixels than the rest of the picture, and flicker over time.
"""

import cv2
import numpy as np

from dfd_lib.data.drawing.easel import CANVAS, window
from dfd_lib.data.drawing.person import Person, off_white
from dfd_lib.data.drawing.portrait import Layers
from dfd_lib.data.drawing.regions import FACE, Region, oval
from dfd_lib.data.drawing.take import UNIT, Take


class Swap:
    """Puts the face of a donor into the clip of a target.

    Args:
        rng: decides the flaws.
        strength: 0 = none, 1 = glaring.
        frames: of the clip.
        target, donor: each a person and its layers, painted at `take.UNIT`.
        region: where the target's face is replaced (see `regions`).
    """

    def __init__(
        self,
        rng: np.random.Generator,
        strength: float,
        frames: int,
        target: tuple[Person, Layers],
        donor: tuple[Person, Layers],
        region: Region = oval,
    ):
        (person, layers), (other, self.donor) = target, donor
        self.tint = off_white(rng, 0.16 * strength)
        self.pale = strength * rng.uniform(0.1, 0.5)
        self.coarse = 1 + strength * rng.uniform(1.5, 7)
        self.askew = strength * rng.normal(0, 0.12, 3)
        self.flicker = 1 + strength * rng.uniform(0.01, 0.06) * rng.standard_normal((frames, 3))
        self.jitter = strength * rng.uniform(0, 0.02) * rng.standard_normal((frames, 2)) * UNIT
        self.align = _alignment(other.landmarks, person.landmarks)
        feather = 0.5 * (1 - strength) ** 1.5 + rng.uniform(0.03, 0.12)
        self.mask = region(person, feather) * self._onto_target(self.donor.head)
        self.match = _mean(layers.colour[window(FACE, UNIT)], self.mask) / _mean(self._onto_target(self.donor.colour), self.mask)

    def apply(self, take: Take, canvas: np.ndarray, t: int) -> np.ndarray:
        """The target's lit canvas with the donor's face blended in; RGB uint8 (H, W, 3)."""
        face = self._onto_target(take.light_up(self.donor, t, self.askew), self.jitter[t])
        height, width = face.shape[:2]
        small = cv2.resize(face, (round(width / self.coarse), round(height / self.coarse)), interpolation=cv2.INTER_AREA)
        face = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR) * np.float32(self.match * self.tint * self.flicker[t])
        face += self.pale * (face.mean(2, keepdims=True) * 0.5 + _mean(face, self.mask) * 0.5 - face)
        canvas = canvas.copy()
        under = canvas[window(FACE, UNIT)]
        under[:] = under + self.mask[..., None] * (np.clip(face, 0, 255) - under)
        return canvas

    def _onto_target(self, image: np.ndarray, jitter: np.ndarray | float = 0.0) -> np.ndarray:
        """The box `FACE` of the target's canvas, filled from a canvas of the donor by their landmarks."""
        rows, columns = window(FACE, UNIT)
        align = self.align.copy()
        align[:, 2] += jitter - np.array([columns.start, rows.start])
        return cv2.warpAffine(image, align, (columns.stop - columns.start, rows.stop - rows.start), flags=cv2.INTER_LINEAR)


def _alignment(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The affine map of canvas pixels, float64 (2, 3), that fits source landmarks (units) onto target's best."""
    corner = np.array([CANVAS[0], CANVAS[2]])
    source, target = (source - corner) * UNIT, (target - corner) * UNIT
    return np.linalg.lstsq(np.column_stack([source, np.ones(len(source))]), target, rcond=None)[0].T


def _mean(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return (image * mask[..., None]).sum((0, 1)) / mask.sum()
