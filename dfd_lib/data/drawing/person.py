"""The traits of drawn people: what one looks like, before any pixel is painted.

Lengths are in units of half a head's height, with x to the right, y down and
the origin between the eyes; colours are RGB 0..255.
"""

import numpy as np

_SKINS = np.array([[92, 60, 45], [138, 94, 68], [186, 134, 102], [217, 170, 140], [238, 203, 184]])
_HAIRS = np.array([[28, 24, 23], [54, 38, 29], [96, 64, 42], [150, 110, 68], [203, 170, 118], [136, 66, 38], [150, 148, 146]])
_IRISES = np.array([[62, 40, 26], [96, 66, 38], [84, 104, 74], [80, 112, 140], [104, 118, 126]])


def off_white(rng: np.random.Generator, spread: float) -> np.ndarray:
    """A gain for R, G and B about 1: mostly brightness and warmth, as light and cameras differ, little green or magenta.

    Example:
        >>> off_white(np.random.default_rng(0), 0.0)
        array([1., 1., 1.])
    """
    bright, warm, green = rng.normal(0, spread, 3) * (0.8, 0.8, 0.35)
    return np.array([1 + bright + warm - green, 1 + bright + green, 1 + bright - warm - green])


class Person:
    """What one drawn person looks like.

    Args:
        rng: decides all that is the person's own.
        kin: decides what people who swap faces share (complexion, beard), as
            real swaps pair people who look alike; by default `rng`.

    Example:
        >>> Person(np.random.default_rng(1)).landmarks.shape
        (5, 2)
    """

    def __init__(self, rng: np.random.Generator, kin: np.random.Generator | None = None):
        kin = rng if kin is None else kin
        tone = np.clip(kin.uniform(0, 4) + rng.normal(0, 0.2), 0, 4)
        bearded = kin.random() < 0.3
        dark = tone < 1.5 or kin.random() < 0.4
        self.seed = int(rng.integers(2**31))  # of the fine texture
        skin = np.array([np.interp(tone, range(5), channel) for channel in _SKINS.T])
        self.skin = skin * rng.uniform(0.94, 1.04) + rng.normal(0, 2.5, 3)
        self.tan = off_white(rng, 0.045)  # how the face differs from the neck: sun, make-up
        self.hair = _HAIRS[rng.integers(0, 2 if dark else len(_HAIRS))] * rng.uniform(0.8, 1.25)
        self.iris = _IRISES[rng.integers(0, 2 if dark else len(_IRISES))]
        cloth = rng.uniform(30, 200, 3)
        self.cloth = 0.55 * cloth + 0.45 * cloth.mean()
        styles = ("short", "parted", "curly", "receding") if bearded else ("short", "parted", "curly", "long", "bob", "bun")
        self.style = str(rng.choice(styles))
        self.collar = str(rng.choice(["crew", "vee", "shirt"]))
        self.stripes = bool(rng.random() < 0.25)
        self.glasses = bool(rng.random() < 0.2)
        self.width, self.jaw = rng.uniform(0.71, 0.79), rng.uniform(0.1, 0.26)
        self.eye_x, self.eye_y = rng.uniform(0.29, 0.34), rng.uniform(-0.03, 0.03)
        self.eye_w, self.eye_h, self.tilt = rng.uniform(0.135, 0.165), rng.uniform(0.06, 0.082), rng.uniform(-0.05, 0.1)
        self.brow_y, self.brow_arch, self.brow_thick = rng.uniform(0.17, 0.22), rng.uniform(0.02, 0.07), rng.uniform(0.026, 0.05)
        self.brow_fall, self.smile = rng.uniform(-0.005, 0.035), rng.uniform(-0.4, 1.3)
        self.nose_y, self.nose_w, self.nose_h = rng.uniform(0.34, 0.41), rng.uniform(0.1, 0.14), rng.uniform(0.14, 0.22)
        self.mouth_y, self.mouth_w = rng.uniform(0.585, 0.645), rng.uniform(0.2, 0.265)
        self.lip, self.lip_red = rng.uniform(0.045, 0.08), rng.uniform(0.25, 0.9)
        self.hairline, self.part = rng.uniform(-0.66, -0.52), rng.uniform(-0.3, 0.3)
        self.age = rng.random()
        self.freckles = max(0.0, rng.uniform(-1, 1)) if tone > 2.2 else 0.0
        self.beard = kin.uniform(0.3, 0.9) if bearded else 0.0
        self.makeup = rng.uniform(0.3, 1) if not bearded and rng.random() < 0.4 else 0.0

    @property
    def landmarks(self) -> np.ndarray:
        """Both eyes, the nose's tip and the mouth's corners; float32 (5, 2), units."""
        points = [(-self.eye_x, self.eye_y), (self.eye_x, self.eye_y), (0, self.nose_y)]
        return np.array([*points, (-self.mouth_w, self.mouth_y), (self.mouth_w, self.mouth_y)], np.float32)
