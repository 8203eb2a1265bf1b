"""A whole drawn person: head, hair, beard, glasses, neck and clothes, as layers that a light can move over."""

from dataclasses import dataclass

import cv2
import numpy as np

from dfd_lib.data.drawing.easel import Box, Easel, smooth, window
from dfd_lib.data.drawing.face import EYES, HEAD, LIDS, LIPS, MOUTH, face_relief, head_shape, paint_eyes, paint_mouth, paint_skin
from dfd_lib.data.drawing.person import Person

HAIR: Box = (-1.25, 1.25, -1.48, 2.0)
BEHIND = -1.2
"""Depth where nobody is; neck and chest lie between this and the face at 0."""


@dataclass(frozen=True)
class Layers:
    """A painted person on a canvas of H x W pixels; arrays are float32 where not said otherwise.

    Attributes:
        colour: (H, W, 3) under flat light, RGB 0..255, times the opacity.
        eyes, mouth: colour inside the boxes `EYES` and `MOUTH`, one a state of `LIDS` and `LIPS`.
        normals: (H, W, 3) unit vectors towards right, down and the viewer.
        relief: (H, W) height of the face above its outline, units; 0 elsewhere.
        alpha: (H, W) uint8, opacity 0..255.
        head: (H, W) opacity 0..1 of the head without ears and hair.
        glasses: (H, W) opacity 0..1 of their frame over it all.
    """

    colour: np.ndarray
    eyes: list[np.ndarray]
    mouth: list[np.ndarray]
    normals: np.ndarray
    relief: np.ndarray
    alpha: np.ndarray
    head: np.ndarray
    glasses: np.ndarray


def paint_person(p: Person, unit: float) -> Layers:
    """Paint all layers of a person, `unit` pixels a unit."""
    whole = Easel.blank(unit, p.seed)
    alpha, head, relief, glasses = (np.zeros_like(whole.x) for _ in range(4))
    depth = np.full_like(whole.x, BEHIND)
    behind, face = window(HAIR, unit), window(HEAD, unit)
    alpha[behind] = _back_hair(p, whole.part(HAIR))
    body, depth_of_body = _body(p, whole)
    np.maximum(alpha, body, out=alpha)
    np.maximum(depth, depth_of_body, out=depth)
    e = whole.part(HEAD)
    shape = head_shape(p, e)
    head[face] = e.edge((1 - shape) * p.width / 2)
    relief[face] = face_relief(p, e, shape) * (shape < 1)
    depth[face] = np.where(shape < 1, relief[face], depth[face])
    alpha[face] = np.maximum.reduce([alpha[face], head[face], _paint_head(p, e, head[face])])
    glasses[face] = _glasses(p, e)
    whole.colour *= alpha[..., None]
    eyes = [paint_eyes(p, whole.part(EYES, copy=True), lid) for lid in LIDS]
    mouth = [paint_mouth(p, whole.part(MOUTH, copy=True), lip) for lip in LIPS]
    return Layers(whole.colour, eyes, mouth, _normals(depth, unit), relief, np.uint8(255 * alpha), head, glasses)


def _paint_head(p: Person, e: Easel, head: np.ndarray) -> np.ndarray:
    """Ears, skin, beard and the hair in front; returns the opacity of ears and hair."""
    ears = _ears(p, e)
    e.paint(head, p.skin)
    paint_skin(p, e, head)
    _beard(p, e, head)
    return np.maximum(ears, _front_hair(p, e, head))


def _normals(depth: np.ndarray, unit: float) -> np.ndarray:
    dy, dx = np.gradient(cv2.GaussianBlur(depth * unit, (0, 0), 0.012 * unit))
    towards = np.dstack([-dx, -dy, np.ones_like(dx)])
    return (towards / np.linalg.norm(towards, axis=2, keepdims=True)).astype(np.float32)


def _strands(p: Person, e: Easel) -> np.ndarray:
    """Hair seen from near: strands that fan out from the crown, with a band of sheen; (H, W, 3)."""
    dx, dy = e.x - p.part, e.y + 1.25
    r, angle = np.hypot(dx, dy), np.arctan2(dx, dy)
    cells = e.rng.standard_normal((24, 160)).astype(np.float32)
    wave = 0.15 * np.sin(5 * r + 3 * p.part) if p.style != "curly" else 0.0
    if p.style == "curly":
        fine = 0.6 * e.noise(0.06) + 0.5 * e.noise(0.03)
    else:
        at_x = ((angle + wave + np.pi) * 159 / (2 * np.pi)).astype(np.float32)
        fine = cv2.remap(cells, at_x, (r * 7).astype(np.float32), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    sheen = np.exp(-(((r - 0.55) / 0.16) ** 2)) * (0.7 + 0.3 * fine)
    return p.hair * np.clip(0.74 + 0.2 * fine, 0.3, 1.6)[..., None] + (22 + 0.18 * p.hair) * np.clip(sheen, 0, 2)[..., None]


def _back_hair(p: Person, e: Easel) -> np.ndarray:
    """The hair behind the face; returns its opacity."""
    if p.style == "receding":
        return np.zeros_like(e.x)
    volume = {"short": 0.06, "parted": 0.09, "curly": 0.2, "long": 0.14, "bob": 0.16, "bun": 0.07}[p.style]
    rough = {"curly": 0.035}.get(p.style, 0.008) * e.noise(0.07)
    half = p.width + volume + 0.04 * np.sin(4 * e.y + p.part)
    top = np.hypot(e.x / half, (e.y + 0.1) / (0.93 + volume)) + rough
    mask = e.edge((1 - top) * half, 0.03) * (e.y < 0.25)
    length = {"long": 1.75, "bob": 0.82, "curly": 0.35}.get(p.style)
    if length:
        sides = half * (1 - 0.12 * smooth(0.4, 1.4, e.y)) + rough
        mask = np.maximum(mask, e.edge(sides - np.abs(e.x), 0.03) * e.edge(length + rough - e.y, 0.12) * (e.y > -0.1))
    if p.style == "bun":
        mask = np.maximum(mask, e.disc(0.5 * p.part, -1.08, 0.3, 0.24, 0.03))
    e.paint(mask, _strands(p, e) * (0.8 - 0.25 * smooth(0.2, 1.2, e.y))[..., None])
    return mask


def _front_hair(p: Person, e: Easel, head: np.ndarray) -> np.ndarray:
    """The hair over the forehead and temples; returns its opacity."""
    lean = 0.25 if p.style in ("parted", "long", "bob") else 0.06
    rough = (0.05 if p.style == "curly" else 0.018) * e.noise(0.05, 2)
    rise = {"receding": -0.26, "bun": -0.06}.get(p.style, 0.0)
    line = p.hairline + rise + lean * np.sign(p.part) * (e.x - p.part) * 0.35 + rough
    temples = (np.abs(e.x) / (0.97 * p.width)) ** (5 if p.style != "receding" else 3.2)
    sides = 0.34 if p.style in ("long", "bob") else 0.52
    bare = np.minimum(e.y - line - 1.1 * sides * temples * (1.4 if lean > 0.2 else 1), 0.3)
    crown = e.edge((1 - np.hypot(e.x / (p.width + 0.03), (e.y + 0.1) / 0.95)) * p.width, 0.02)
    reach = e.edge((0.0 if p.beard == 0 else 0.2) - e.y, 0.2)
    mask = np.maximum(head, crown * (e.y < -0.2)) * e.edge(-bare, 0.05) * reach
    e.tint(0.5 * head * np.exp(-0.5 * ((bare - 0.03) / 0.05) ** 2) * (mask < 0.9), (0.7, 0.64, 0.62))
    e.paint(mask, _strands(p, e))
    return mask


def _ears(p: Person, e: Easel) -> np.ndarray:
    covered = p.style in ("long", "bob")
    alpha = np.zeros_like(e.x)
    for side in (-1, 1):
        ear = e.disc(side * (p.width + 0.015), 0.1, 0.085, 0.19) * (not covered)
        e.paint(ear, p.skin * (0.9, 0.82, 0.8))
        e.tint(0.7 * e.ball(side * (p.width + 0.02), 0.1, 0.03, 0.09) * ear, (0.6, 0.48, 0.46))
        alpha = np.maximum(alpha, ear)
    return alpha


def _beard(p: Person, e: Easel, head: np.ndarray) -> None:
    if p.beard == 0:
        return
    rough = 0.03 * e.noise(0.04)
    cheek = 0.3 + 0.75 * np.maximum(0, 0.62 - np.abs(e.x)) ** 1.2 + rough
    region = e.edge(e.y - cheek, 0.16) * (1 - e.ball(0, p.mouth_y + 0.3 * p.lip, p.mouth_w * 0.6, p.lip * 0.9))
    moustache = e.ball(0, (p.nose_y + p.mouth_y) / 2 + 0.04, 0.2, 0.05)
    hairs = np.clip(0.75 + 0.28 * e.noise(0.02, 2), 0, 1.2)
    e.paint(np.clip(p.beard * head * np.maximum(region, 0.9 * moustache) * hairs, 0, 0.94), p.hair * 0.7 + 4)


def _body(p: Person, e: Easel) -> tuple[np.ndarray, np.ndarray]:
    """Neck, shoulders and clothes; returns their opacity and depth."""
    half = 0.36 + 0.05 * (p.beard > 0) + 0.1 * smooth(1.0, 1.5, e.y) ** 2
    neck = e.edge(half - np.abs(e.x)) * (e.y > 0.4)
    slope = 1.28 + 0.4 * (np.abs(e.x) / 1.5) ** 1.5 + 3 * np.maximum(0, np.abs(e.x) - 1.3) ** 2
    cloth = e.edge(e.y - slope)
    e.paint(neck, p.skin * 0.94)
    neckline = {"crew": 1.34, "vee": 1.42, "shirt": 1.3}[p.collar]
    open_x = {"crew": 0.42, "vee": 0.4, "shirt": 0.36}[p.collar]
    drop = {"crew": 0.2, "vee": 0.62, "shirt": 0.4}[p.collar]
    shape = np.sqrt(np.maximum(1 - (e.x / open_x) ** 2, 0)) if p.collar == "crew" else np.maximum(1 - np.abs(e.x) / open_x, 0)
    skin = e.edge(neckline + drop * shape - e.y) * (np.abs(e.x) < open_x + 0.1)
    e.paint(cloth, p.skin * 0.95)
    wear = cloth * (1 - skin * (np.abs(e.x) < open_x))
    weave = 1 + 0.05 * e.noise(0.35, 0.6) + 0.02 * e.noise(0.02)
    e.paint(wear, p.cloth * weave[..., None])
    bands = np.sin(22 * (e.y - 0.35 * slope)) > 0.3
    e.tint(wear * bands * (0.6 if p.stripes else 0), (0.45, 0.45, 0.5))
    rim = np.abs(e.y - neckline - drop * shape)
    e.tint(wear * e.edge(0.05 - rim) * (np.abs(e.x) < open_x + 0.04), (0.72, 0.72, 0.74))
    e.tint(0.75 * np.maximum(neck, cloth) * e.ball(0, 1.0, 0.5, 0.2), (0.5, 0.42, 0.4))
    chest = 0.6 * np.sqrt(np.clip((e.y - slope) / 1.2, 0, 1)) - 0.16 * e.x**2 - 0.9
    throat = np.where(neck > 0, 0.8 * np.sqrt(np.maximum(half**2 - e.x**2, 0)) - 1.0, BEHIND)
    depth = np.maximum(throat, np.where(cloth > 0, chest, BEHIND))
    return np.maximum(neck, cloth), depth


def _glasses(p: Person, e: Easel) -> np.ndarray:
    """The frame's opacity; zeros for who wears none."""
    if not p.glasses:
        return np.zeros_like(e.x)
    lens = [(np.abs((e.x - s * (p.eye_x + 0.01)) / 0.225) ** 3 + np.abs((e.y - p.eye_y - 0.03) / 0.165) ** 3) ** (1 / 3) for s in (-1, 1)]
    rings = e.edge(0.02 - 0.2 * np.abs(np.minimum(*lens) - 1))
    bridge = e.edge(0.016 - np.abs(e.y - p.eye_y + 0.02)) * (np.abs(e.x) < p.eye_x - 0.2)
    temple = e.edge(0.016 - np.abs(e.y - p.eye_y + 0.02)) * (np.abs(e.x) > p.eye_x + 0.22) * (np.abs(e.x) < p.width)
    return 0.92 * np.maximum.reduce([rings, bridge, temple])
