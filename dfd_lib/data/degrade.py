"""Training crops changed as pictures are on their way through the world, each at a random strength: NumPy and OpenCV.

The same operations by which models are measured (`dfd_lib.data.corruptions`),
and three more: a part that is enlarged to the whole, other colours, and a square
that is painted over (DeVries and Taylor 2017, "Improved regularization of
convolutional neural networks with cutout"). They are done at the model's size, where quality and sigma weigh more
than at a crop's own.
"""

from typing import TYPE_CHECKING

import cv2
import numpy as np

from dfd_lib.data.corruptions import Condition, corrupt

if TYPE_CHECKING:
    from dfd_lib.experiment import Augment

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

_BEST_JPEG = 95
"""A random quality is at most this; above it nothing is to be seen."""


def degraded(images: np.ndarray, augment: "Augment", random: np.random.Generator) -> np.ndarray:
    """One example, changed at random: zoom and colour, then shrinking, blur, noise and JPEG, as in the world, and cut-out last.

    Each is done to a share of the examples by itself. All of an example's
    frames are changed alike, but for the noise.

    Args:
        images: uint8 (..., size, size, 3), RGB: a crop, or the frames of a clip.
        augment: what is done, how strongly at most, and how often.
        random: where strengths come from. What is off draws as many numbers as
            what is on, so that the others stay the same; zoom, the youngest,
            draws only where it is on, so that older trainings stay the same.

    Returns:
        uint8, same shape.

    Example:
        >>> from dfd_lib.experiment import Augment
        >>> grey = np.full((8, 8, 3), 100, np.uint8)
        >>> painted = degraded(grey, Augment(cutout=0.5, share=1), np.random.default_rng(1))
        >>> sorted(np.unique(painted).tolist())
        [100, 128]
    """
    chance, strength = random.random((2, 6)) * [[1], [1]]
    chosen = chance < augment.share
    gains = random.uniform(-1, 1, 4)
    corner = random.random(2)
    frames = images.reshape(-1, *images.shape[-3:])
    if augment.zoom:
        frames = _zoomed(frames, augment, *random.random(4))
    changed = np.stack([_one(frame, augment, chosen, strength, gains, corner, random) for frame in frames])
    return changed.reshape(images.shape)


def _one(image, augment, chosen, strength, gains, corner, random) -> np.ndarray:
    colour, downscale, blur, noise, jpeg, cutout = chosen
    if augment.colour and colour:
        image = _recoloured(image, augment.colour * gains)
    if augment.downscale > 1 and downscale:
        image = _corrupted(image, "downscale", 1 + (augment.downscale - 1) * strength[1])
    if augment.blur and blur:
        image = _corrupted(image, "blur", augment.blur * strength[2])
    if augment.noise and noise:
        image = _corrupted(image, "noise", augment.noise * strength[3], seed=int(random.integers(2**31)))
    if augment.jpeg and jpeg:
        image = _corrupted(image, "jpeg", augment.jpeg + round((max(_BEST_JPEG, augment.jpeg) - augment.jpeg) * strength[4]))
    if augment.cutout and cutout:
        image = _cut_out(image, augment.cutout * strength[5], corner)
    return image


def _zoomed(frames: np.ndarray, augment: "Augment", chance: float, strength: float, down: float, right: float) -> np.ndarray:
    """A square part of all frames, enlarged to their size; what it shows stays square."""
    if chance >= augment.share:
        return frames
    size = frames.shape[1]
    side = max(1, round(size * (1 - augment.zoom * strength)))
    top, left = (int(place * (size - side + 1)) for place in (down, right))
    parts = frames[:, top : top + side, left : left + side]
    return np.stack([cv2.resize(part, (size, size), interpolation=cv2.INTER_LINEAR) for part in parts])


def _corrupted(image: np.ndarray, kind: str, strength: float, seed: int = 0) -> np.ndarray:
    return corrupt(image, Condition(kind, float(strength)), seed=seed, path="")


def _recoloured(image: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Saturation and the three channels times 1 plus a gain each."""
    saturation, *channels = 1 + gains
    matrix = saturation * np.eye(3) + (1 - saturation) * _LUMA
    return cv2.transform(image, np.diag(channels) @ matrix)


def _cut_out(image: np.ndarray, share: float, corner: np.ndarray) -> np.ndarray:
    """A grey square of this share of the side, whole within the image."""
    size = image.shape[0]
    side = max(1, round(size * share))
    top, left = (corner * (size - side + 1)).astype(int)
    image = image.copy()
    image[top : top + side, left : left + side] = 128
    return image
