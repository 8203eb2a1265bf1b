"""A take: how one clip is filmed - place, camera, light, and how the person moves.

Everything of a take is drawn once from its random generator, before any frame;
a real clip and the swap made from it share the take, as they do in the world.
"""

import cv2
import numpy as np

from dfd_lib.data.drawing.easel import CANVAS, grid, smooth, window
from dfd_lib.data.drawing.face import EYES, HEAD, LIDS, LIPS, MOUTH
from dfd_lib.data.drawing.person import off_white
from dfd_lib.data.drawing.portrait import Layers

WIDTH, HEIGHT, FPS = 640, 360, 12
UNIT = 84.0
"""Pixels a unit at which people are painted for clips; takes show them at 0.76 to 0.98 of it."""


def wobble(rng: np.random.Generator, frames: int, size: float, columns: int = 1) -> np.ndarray:
    """Slow random curves, float32 (frames, columns), standard deviation about `size`.

    Example:
        >>> wobble(np.random.default_rng(0), 24, 2.0, 3).shape
        (24, 3)
    """
    turns = rng.uniform(0.01, 0.09, (3, 1, columns)) * np.arange(frames)[:, None]
    waves = np.sin(2 * np.pi * (turns + rng.random((3, 1, columns)))) * rng.rayleigh(1, (3, 1, columns))
    return (size * waves.sum(0) / np.sqrt(3)).astype(np.float32)


class Take:
    """One filmed clip.

    Args:
        rng: decides everything about the take.
        frames: how many there are.
    """

    def __init__(self, rng: np.random.Generator, frames: int):
        self.scale = rng.uniform(0.76, 0.98)
        self.place = np.array([WIDTH * rng.uniform(0.36, 0.64), HEIGHT + rng.uniform(4, 14) - CANVAS[3] * UNIT * self.scale])
        self.move = wobble(rng, frames, 5, 2)
        self.turn = wobble(rng, frames, 0.08, 2)  # yaw and nod: shift of what is near, in units a unit of depth
        self.roll, self.zoom = wobble(rng, frames, 0.04)[:, 0], 1 + wobble(rng, frames, 0.012)[:, 0]
        self.lid, self.lip = _blinks(rng, frames), _speech(rng, frames)
        key = np.array([rng.uniform(-0.36, 0.36), rng.uniform(-0.36, -0.12), rng.uniform(0.32, 0.46)])
        self.light = (key + wobble(rng, frames, 0.04, 3)).astype(np.float32)
        self.ambient = rng.uniform(0.48, 0.6)
        warmth = rng.normal(0, 0.05)
        self.gain = np.array([1 + warmth, 1, 1 - warmth]) * rng.uniform(0.85, 1.12) * (1 + wobble(rng, frames, 0.012))
        self.blur = max(0.0, rng.uniform(-0.8, 1.0))  # out of focus, pixels
        self.smoothing = max(0.0, rng.uniform(-2.5, 2.2))  # a beauty filter over the face, pixels
        self.plate = backdrop(rng)
        grain = (rng.uniform(1.5, 5) * rng.standard_normal((HEIGHT + 64, WIDTH + 128), np.float32)).astype(np.int16)
        self.grain = np.dstack([grain[:, shift : shift + WIDTH + 64] for shift in (0, 23, 57)])
        self.grain_at = rng.integers(0, 64, (frames, 2))
        self._patch()

    def _patch(self) -> None:
        """The part of the frame that the canvas can reach, and where each of its pixels falls on a resting body."""
        reach = CANVAS[1] * UNIT * self.scale
        x0, x1 = max(0, int(self.place[0] - reach)), min(WIDTH, int(self.place[0] + reach))
        y0 = max(0, int(self.place[1] + CANVAS[2] * UNIT * self.scale))
        self.patch = slice(y0, HEIGHT), slice(x0, x1)
        x, y = np.meshgrid(np.arange(x0, x1, dtype=np.float32), np.arange(y0, HEIGHT, dtype=np.float32))
        self.x, self.y = (x - np.float32(self.place[0])) / UNIT / self.scale, (y - np.float32(self.place[1])) / UNIT / self.scale
        x, y = grid(HEAD, UNIT)
        self.filtered = 1 - smooth(0.6, 1.1, np.hypot(x / 0.75, (y - 0.2) / 0.85))
        self.loose = 1 - smooth(0.9, 1.9, self.y)

    def light_up(self, person: Layers, t: int, askew: float | np.ndarray = 0.0) -> np.ndarray:
        """The canvas of a person lit as in frame `t`, RGB uint8 (H, W, 3); `askew` is added to the light."""
        colour = person.colour.copy()
        colour[window(EYES, UNIT)] = person.eyes[int(np.abs(np.subtract(LIDS, self.lid[t])).argmin())]
        colour[window(MOUTH, UNIT)] = person.mouth[int(np.abs(np.subtract(LIPS, self.lip[t])).argmin())]
        light = np.tile([*(self.light[t] + askew), self.ambient], (3, 1)).astype(np.float32)  # Lambert, the same in R, G and B
        shade = np.clip(cv2.transform(person.normals, light), 0.1, 1.5)
        return cv2.multiply(colour, shade, dtype=cv2.CV_8U)

    def film(self, person: Layers, canvas: np.ndarray, t: int) -> np.ndarray:
        """Film a lit canvas before the backdrop; RGB uint8 (360, 640, 3)."""
        canvas = self._filtered(canvas)
        if person.glasses.any():
            canvas = (canvas + person.glasses[..., None] * (26.0 - canvas)).astype(np.uint8)
        canvas = cv2.cvtColor(canvas, cv2.COLOR_RGB2RGBA)
        canvas[..., 3] = person.alpha
        seen = cv2.remap(canvas, *self._look(person, t), cv2.INTER_LINEAR)
        frame = self.plate.copy()
        behind = cv2.multiply(frame[self.patch], cv2.merge([255 - seen[..., 3]] * 3), scale=1 / 255)
        frame[self.patch] = cv2.add(behind, seen[..., :3])
        frame = cv2.multiply(frame, (*self.gain[t], 0))
        if self.blur > 0.3:
            frame = cv2.GaussianBlur(frame, (0, 0), self.blur)
        y, x = self.grain_at[t]
        return cv2.add(frame, self.grain[y : y + HEIGHT, x : x + WIDTH], dtype=cv2.CV_8U)

    def _filtered(self, canvas: np.ndarray) -> np.ndarray:
        """The canvas after the beauty filter: the face a little blurred."""
        canvas = canvas.copy()
        if self.smoothing > 0.3:
            face = canvas[window(HEAD, UNIT)]
            face[:] = face + self.filtered[..., None] * (cv2.GaussianBlur(face, (0, 0), self.smoothing) - face.astype(np.float32))
        return canvas

    def _look(self, person: Layers, t: int) -> tuple[np.ndarray, np.ndarray]:
        """Which canvas pixel each pixel of the patch shows: the head turns and moves, the shoulders follow a little."""
        sine, cosine = np.sin(self.roll[t]) / self.zoom[t], np.cos(self.roll[t]) / self.zoom[t]
        shift = self.move[t] / UNIT / self.scale
        x, y = self.x - 0.3 * shift[0], self.y - 0.3 * shift[1]
        dx, dy = x - 0.7 * shift[0], y - 0.7 * shift[1] - 1.1  # from the neck, about which the head rolls
        x = x + self.loose * (cosine * dx + sine * dy - x)
        y = y + self.loose * (cosine * dy - sine * dx + 1.1 - y)
        x, y = (x - CANVAS[0]) * UNIT - 0.5, (y - CANVAS[2]) * UNIT - 0.5
        near = UNIT * self.loose * cv2.remap(person.relief, x, y, cv2.INTER_LINEAR)
        return x - self.turn[t, 0] * near, y - self.turn[t, 1] * near


def _blinks(rng: np.random.Generator, frames: int) -> np.ndarray:
    """How far the eyes are open in each frame, 0..1."""
    lids = np.full(frames + 4, rng.choice([1.0, 1.0, 0.65]))
    for start in np.flatnonzero(rng.random(frames) < 0.05):
        lids[start : start + 3] = 0.3, 0.0, 0.65
    return lids[:frames]


def _speech(rng: np.random.Generator, frames: int) -> np.ndarray:
    """How far the mouth is open in each frame, 0..1: silence, or syllables."""
    if rng.random() < 0.4:
        return np.zeros(frames)
    syllables = np.convolve(rng.random(frames + 2), (0.25, 0.5, 0.25), "valid")
    return np.clip(2.6 * (syllables - 0.36), 0, 1)


def backdrop(rng: np.random.Generator) -> np.ndarray:
    """A room out of focus: a wall, furniture, pictures; RGB uint8 (360, 640, 3)."""
    wall = rng.uniform(60, 190) * off_white(rng, 0.07)
    x, y = np.meshgrid(np.linspace(-1, 1, WIDTH), np.linspace(-1, 1, HEIGHT))
    light = 1 + 0.25 * rng.normal() * x - 0.2 * rng.random() * y
    room = np.clip(wall * light[..., None], 0, 255).astype(np.uint8)
    for _ in range(rng.integers(3, 9)):
        corner, size = rng.uniform((-60, -40), (WIDTH, HEIGHT)), rng.uniform((30, 30), (200, 220))
        colour = tuple(np.clip(wall * rng.uniform(0.35, 1.3) * off_white(rng, 0.14), 5, 235))
        cv2.rectangle(room, corner.astype(int), (corner + size).astype(int), colour, -1)  # no discs: detectors take them for heads
    return cv2.GaussianBlur(room, (0, 0), rng.uniform(2, 9))
