"""Self-blended images: fakes made of one real face, on the fly.

Shiohara and Yamasaki, "Detecting deepfakes with self-blended images", CVPR
2022, arXiv:2204.08376. A swap betrays itself by what differs between its two
sources: colour, sharpness, geometry, and the border between them. So a real
face is blended with a changed copy of itself. Half of the time it is the face
that is retouched and not the copy; what is not blended has therefore to be
retouched as often (`retouched_at_random`), as the paper's real images are, or a
network learns to tell retouched pictures instead of blended ones.

What differs from the paper and its code, since here are crops of a face and no
landmarks:

* the mask is an ellipse about the middle of the crop, or its lower part alone,
  instead of the convex hull of 81 or 68 landmarks;
* it is deformed by smooth random shifts on a coarse grid, which cost less than
  Gaussian filters of noise at each pixel;
* saturation changes by up to 30 %, sharpening is an unsharp mask, and shrinking is by 1.5 to 3 instead of 2 or 4;
* blurs and shifts are shares of the crop's side, and all is done at the model's size;
* the paper shows a face and the fake made of it side by side in a batch, both with the same retouch; here each is drawn by itself.

The ellipse fits crops with the default margin of .3. Where the face fills the crop, as in DFDC's, the border lies within the face.

Kept: source or target is recoloured and resampled, with equal chance; the
source is moved by at most 3 and 1.5 % and scaled by at most 5 %; the mask is
blurred, cut back to where it was full and blurred again; the blend has a
quarter, half, three quarters or (every second time) all of its strength.
"""

import cv2
import numpy as np

METHOD = "2: what is not blended is retouched as often"
"""Part of the fingerprint of trainings that blend: fakes made in another way are another training."""

RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)
"""Strengths of the blend; each as likely as another."""

_SHIFT = (0.03, 0.015)
_SCALE = 0.95
_GRID = 6
_BEND = 0.04


def self_blended(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A fake made of a real face.

    Args:
        image: uint8 (size, size, 3), RGB, a face about its middle.
        random: where all choices come from.

    Returns:
        uint8, same shape; outside of the face nothing but colour and sharpness is changed, if at all.

    Example:
        >>> face = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
        >>> fake = self_blended(face, np.random.default_rng(1))
        >>> fake.shape, bool((fake != face).any())
        ((32, 32, 3), True)
    """
    return blend(image, random)[0]


def blend(image: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """As `self_blended`, and the mask: float32 (size, size), 0..1, what share of each pixel is the source's."""
    size = image.shape[0]
    mask = face_mask(size, random)
    source, target = image, image
    if random.random() < 0.5:
        source = _retouched(source, random)
    else:
        target = _retouched(target, random)
    move = _small_move(size, random)
    source = cv2.warpAffine(source, move, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    mask = cv2.warpAffine(mask, move, (size, size), flags=cv2.INTER_LINEAR)
    mask = _softened(mask, random) * np.float32(random.choice(RATIOS))
    share = mask[..., None]
    mixed = share * source.astype(np.float32) + (1 - share) * target
    return np.rint(mixed).astype(np.uint8), mask


def retouched_at_random(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """What stands beside self-blended fakes: retouched as often and in the same way as their background is.

    Args:
        image: uint8 (size, size, 3), RGB.
        random: where all choices come from.

    Returns:
        uint8, same shape; every second time the image itself.
    """
    return image if random.random() < 0.5 else _retouched(image, random)


def face_mask(size: int, random: np.random.Generator) -> np.ndarray:
    """Where a face might be in its crop: float32 (size, size), 0..1; an ellipse or its lower part, bent at random."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    centre, half = random.uniform([0.46, 0.46], [0.54, 0.54]), random.uniform([0.24, 0.3], [0.34, 0.4])
    angle = np.deg2rad(random.uniform(-10, 10))
    top = random.choice([0.0, 0.0, 0.0, 0.42])  # one in four begins below the eyes' line, as hulls without the forehead do
    bend = random.standard_normal((2, _GRID, _GRID)).astype(np.float32) * _BEND
    dx, dy = (cv2.resize(one, (size, size), interpolation=cv2.INTER_CUBIC) for one in bend)
    u, v = x + dx - np.float32(centre[0]), y + dy - np.float32(centre[1])
    along, across = u * np.cos(angle) + v * np.sin(angle), v * np.cos(angle) - u * np.sin(angle)
    inside = (along / half[0]) ** 2 + (across / half[1]) ** 2 <= 1
    return (inside & (y + dy >= top)).astype(np.float32)


def _softened(mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Blurred, cut back to where it was full, and blurred again: the border lies within the face."""
    first, second = random.uniform(0.008, 0.03), random.uniform(0.01, 0.06)
    size = mask.shape[0]
    mask = cv2.GaussianBlur(mask, (0, 0), first * size)
    peak = mask.max()
    if peak <= 0:  # moved out of a tiny crop
        return mask
    mask = np.where(mask >= peak * 0.999, mask, 0).astype(np.float32)
    mask = cv2.GaussianBlur(mask, (0, 0), second * size)
    return mask / max(float(mask.max()), 1e-6)


def _small_move(size: int, random: np.random.Generator) -> np.ndarray:
    """Shift and scale about the middle, as a matrix (2, 3)."""
    shift = random.uniform(-1, 1, 2) * _SHIFT * size
    scale = random.uniform(_SCALE, 1 / _SCALE)
    middle = (size - 1) / 2
    return np.array([[scale, 0, middle * (1 - scale) + shift[0]], [0, scale, middle * (1 - scale) + shift[1]]], np.float32)


def _retouched(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Other colours, and either less or more sharp."""
    image = _recoloured(image, random)
    if random.random() < 0.5:
        factor, size = random.uniform(1.5, 3), image.shape[0]
        how = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_AREA)[random.integers(3)]
        small = cv2.resize(image, (max(1, round(size / factor)),) * 2, interpolation=how)
        return cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR)
    blurred = cv2.GaussianBlur(image, (0, 0), 1.0)
    amount = random.uniform(0.2, 1.0)
    return cv2.addWeighted(image, 1 + amount, blurred, -amount, 0)


def _recoloured(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Shift of each channel by up to 20 (three times in ten), saturation, brightness and contrast."""
    shift = random.uniform(-20, 20, 3) * (random.random() < 0.3)
    saturation, contrast, value = 1 + random.uniform(-0.3, 0.3), 1 + random.uniform(-0.1, 0.1), random.uniform(-0.1, 0.1) * 255
    luma = np.array([0.299, 0.587, 0.114])
    matrix = contrast * (saturation * np.eye(3) + (1 - saturation) * luma)
    return cv2.transform(image, np.column_stack([matrix, shift + value]))
