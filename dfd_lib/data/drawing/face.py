"""The face: its relief for the light, its skin, eyes with lids that close, and a mouth that opens."""

import numpy as np

from dfd_lib.data.drawing.easel import Box, Easel, smooth
from dfd_lib.data.drawing.person import Person

HEAD: Box = (-1.05, 1.05, -1.1, 1.2)
EYES: Box = (-0.62, 0.62, -0.3, 0.22)
MOUTH: Box = (-0.5, 0.5, 0.4, 0.98)
LIDS = (1.0, 0.65, 0.3, 0.0)
"""How far the eyes are open; one painting of them each."""
LIPS = (0.0, 0.3, 0.6, 1.0)
"""How far the mouth is open; one painting of it each."""


def head_shape(p: Person, e: Easel) -> np.ndarray:
    """Below 1 inside the face's outline: an ellipse above, drawn in towards the chin."""
    half = p.width * (1 - p.jaw * smooth(0.1, 1.0, e.y) - 0.06 * smooth(-0.2, -1.0, e.y))
    return np.abs(e.x / half) ** 2.2 + np.abs(np.where(e.y > 0, e.y / 1.02, e.y / 0.98)) ** 2.3


def face_relief(p: Person, e: Easel, shape: np.ndarray) -> np.ndarray:
    """The face's height above its outline, units: head, brow, sockets, nose, cheeks, lips, chin."""
    z = 0.72 * np.sqrt(np.maximum(1 - shape, 0))
    ridge = smooth(-0.15, p.nose_y, e.y) * (1 - smooth(p.nose_y + 0.01, p.nose_y + 0.1, e.y))
    across = 0.055 + (0.5 * p.nose_w - 0.01) * smooth(0.0, p.nose_y, e.y)
    z += p.nose_h * ridge * np.exp(-0.5 * (e.x / across) ** 2)
    for side in (-1, 1):
        z -= 0.10 * e.ball(side * p.eye_x, p.eye_y - 0.02, 0.14, 0.075)
        z += 0.05 * e.ball(side * p.eye_x, p.eye_y, 0.09, 0.05)
        z += 0.035 * e.ball(side * (p.eye_x + 0.02), p.eye_y - p.brow_y + 0.02, 0.17, 0.05)
        z += 0.05 * e.ball(side * 0.44, 0.24, 0.14, 0.12)
        z += 0.05 * e.ball(side * p.nose_w * 0.85, p.nose_y + 0.02, 0.045, 0.045)
        fold = e.x - side * (p.nose_w + 0.09 + 0.35 * (e.y - p.nose_y))
        z -= (0.012 + 0.03 * p.age) * np.exp(-0.5 * (fold / 0.035) ** 2) * e.ball(side * 0.25, 0.48, 0.2, 0.12)
    z += 0.05 * e.ball(0, p.mouth_y - 0.6 * p.lip, p.mouth_w * 0.6, p.lip * 0.7)
    z += 0.055 * e.ball(0, p.mouth_y + 0.8 * p.lip, p.mouth_w * 0.5, p.lip * 0.8)
    z -= 0.04 * e.ball(0, p.mouth_y + 2.2 * p.lip, 0.13, 0.04)
    return z + 0.05 * e.ball(0, 0.87, 0.15, 0.08)


def paint_skin(p: Person, e: Easel, head: np.ndarray) -> None:
    """Blood, make-up, shadows that no light reaches, spots, lines of age, and shine."""
    e.tint(head * e.disc(0, 0.25, 0.6, 0.72, 0.3), p.tan)
    for side in (-1, 1):
        e.tint(0.6 * head * e.ball(side * 0.42, 0.27, 0.17, 0.13), (1.05, 0.88 - 0.1 * p.makeup, 0.88))
        e.tint(0.55 * head * e.ball(side * p.eye_x, p.eye_y - 0.03, 0.17, 0.09), (0.72, 0.66, 0.66))
        e.tint(0.35 * head * e.ball(side * p.eye_x * 0.95, p.eye_y + 0.12, 0.12, 0.035), (0.8, 0.75, 0.78))
        e.tint(0.4 * head * e.ball(side * p.nose_w * 0.8, p.nose_y + 0.07, 0.07, 0.03), (0.6, 0.5, 0.5))
        e.tint(0.85 * head * e.ball(side * p.nose_w * 0.55, p.nose_y + 0.055, 0.032, 0.016), (0.3, 0.22, 0.2))
    e.tint(0.4 * head * e.ball(0, p.nose_y - 0.02, 0.1, 0.08), (1.04, 0.9, 0.9))
    e.tint(0.35 * head * e.ball(0, p.mouth_y + 2.3 * p.lip, 0.15, 0.035), (0.75, 0.68, 0.68))
    for i in range(3):
        line = e.y + 0.36 + 0.07 * i + 0.03 * np.cos(3 * e.x + i)
        e.tint(0.3 * p.age**2 * head * np.exp(-0.5 * (line / 0.01) ** 2) * e.ball(0, -0.4, 0.28, 0.2), (0.7, 0.62, 0.6))
    mottle = 0.022 * e.noise(0.16) + 0.016 * e.noise(0.05) + 0.014 * e.noise(0.02)
    e.colour *= 1 + (head * mottle)[..., None]
    spots = np.clip(e.noise(0.03) - 1.3, 0, 1) * (e.ball(-0.35, 0.2, 0.25, 0.2) + e.ball(0.35, 0.2, 0.25, 0.2))
    e.tint(p.freckles * head * spots, (0.62, 0.5, 0.42))
    shine = e.ball(0.06, -0.42, 0.22, 0.1) + 0.9 * e.ball(0.02, p.nose_y - 0.06, 0.03, 0.05) + 0.5 * e.ball(0, 0.12, 0.02, 0.12)
    e.paint(head * np.clip(0.16 * shine, 0, 1), (255, 246, 236))


def paint_eyes(p: Person, e: Easel, lid: float) -> np.ndarray:
    """Both eyes and brows inside the window `EYES`, the lids open by `lid` (0..1)."""
    for side in (-1, 1):
        u = side * (e.x - side * p.eye_x) / p.eye_w  # -1 at the nose, 1 at the temple
        v = e.y - p.eye_y + p.tilt * p.eye_w * u
        arch = np.sqrt(np.maximum(1 - u**2, 0))
        upper, lower = -p.eye_h * arch * (1.9 * lid - 0.9), 0.62 * p.eye_h * arch
        inside = e.edge(np.minimum(v - upper, lower - v)) * (np.abs(u) < 1) * (lid > 0)
        e.paint(inside, np.array([232, 226, 222]) * (0.72 + 0.28 * np.clip((v - upper) / p.eye_h, 0, 1))[..., None])
        r = np.hypot(e.x - side * p.eye_x, v + 0.12 * p.eye_h) / (0.95 * p.eye_h)
        e.paint(inside * e.edge((1 - r) * p.eye_h), p.iris * (0.45 + 0.8 * np.clip(1 - r, 0, 1))[..., None] + 12 * (v > 0)[..., None])
        e.paint(inside * e.edge((0.42 - r) * p.eye_h), (10, 8, 8))
        e.paint(0.9 * inside * e.disc(side * p.eye_x + 0.02, p.eye_y - 0.3 * p.eye_h, 0.014, 0.014), (255, 255, 255))
        lash = np.exp(-0.5 * ((v - upper) / 0.011) ** 2) * e.edge(1.04 - np.abs(u), 0.1)
        e.paint((0.85 + 0.1 * p.makeup) * lash, p.skin * 0.16 + 6)
        e.tint(0.5 * np.exp(-0.5 * ((v - lower) / 0.008) ** 2) * (np.abs(u) < 1), (0.55, 0.45, 0.45))
        crease = v - upper + 0.035 + 0.02 * lid
        e.tint(0.5 * np.exp(-0.5 * (crease / 0.01) ** 2) * e.edge(0.95 - np.abs(u), 0.3), (0.55, 0.48, 0.48))
        t = side * (e.x - side * p.eye_x) / 0.2
        curve = e.y - p.eye_y + p.brow_y + p.brow_arch * (1 - (t - 0.15) ** 2) - p.brow_fall * t - 0.02 + 0.01 * (1 - lid)
        thick = p.brow_thick * np.clip(1.1 - 0.55 * (t + 1) / 2, 0.2, 1)
        hairs = 0.8 + 0.25 * e.noise(0.018, 2.5)
        e.paint(0.85 * np.clip(hairs, 0, 1) * e.edge(thick - np.abs(curve), 0.022) * e.edge(1.08 - np.abs(t), 0.25), p.hair * 0.62 + 4)
    return e.colour


def paint_mouth(p: Person, e: Easel, gape: float) -> np.ndarray:
    """The lips inside the window `MOUTH`, open by `gape` (0..1)."""
    u = e.x / p.mouth_w
    arch = np.sqrt(np.maximum(1 - u**2, 0))
    y = e.y - p.mouth_y + 0.036 * p.smile * (u**2 - 0.3) + 0.006 * np.cos(6 * u)
    gap = 0.11 * gape * arch
    bow = p.lip * arch * (1 - 0.22 * np.exp(-((u / 0.16) ** 2)) + 0.1 * np.exp(-(((np.abs(u) - 0.28) / 0.2) ** 2)))
    red = p.skin * (1 - 0.5 * p.lip_red) + 0.5 * p.lip_red * np.array([172, 52, 62]) * (0.6 + 0.4 * p.skin.mean() / 180)
    red = red * (1 - 0.4 * p.makeup) + 0.4 * p.makeup * np.array([168, 30, 52])
    streaks = (1 + 0.05 * e.noise(0.018, 4))[..., None]
    inner = np.abs(u) < 1
    e.paint(inner * e.edge(np.minimum(y + bow, -y), 0.014), red * 0.84 * streaks)
    e.paint(inner * e.edge(np.minimum(y - gap, gap + 1.25 * p.lip * arch - y), 0.014), red * streaks)
    e.paint(0.25 * e.ball(-0.03, p.mouth_y + gap.max() + 0.6 * p.lip, 0.08, 0.013), (255, 235, 230))
    e.paint(inner * e.edge(np.minimum(y, gap - y)) * (gape > 0), (52, 18, 20))
    e.paint(inner * e.edge(np.minimum(y, np.minimum(gap, 0.045) - y)) * e.edge(0.75 - np.abs(u), 0.1) * (gape > 0.2), (222, 214, 204))
    e.tint(0.75 * np.exp(-0.5 * (np.minimum(np.abs(y), np.abs(y - gap)) / 0.009) ** 2) * e.edge(1.04 - np.abs(u), 0.06), (0.36, 0.26, 0.28))
    return e.colour
