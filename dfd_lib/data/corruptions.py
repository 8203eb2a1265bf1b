"""What happens to pictures on their way through the world, at named strengths: NumPy and OpenCV.

======================= ============================================ =====================
condition               what is done to a crop, at its own size      standard strengths
======================= ============================================ =====================
clean                   nothing
jpeg-Q                  JPEG of quality Q (4:2:0), and back          90 75 60 40 20
h264-C                  its clip as H.264 of CRF C, see `recut`      18 23 28 34 40
downscale-F             shrunk F times (area), and back (bilinear)   1.5 2 3 4
blur-S                  Gaussian of sigma S pixels                   0.5 1 1.5 2.5
noise-S                 Gaussian of sigma S grey levels, a channel   4 8 16 32
brightness+B, -B        B grey levels lighter or darker, clipped     20 40 60 each way
======================= ============================================ =====================

Other strengths than the standard ones can be named too, such as `jpeg-55`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from dfd_lib.data.names import name_hash
from dfd_lib.spelling import did_you_mean

CLEAN = "clean"

STRENGTHS: dict[str, tuple[str, ...]] = {
    "jpeg": ("-90", "-75", "-60", "-40", "-20"),
    "h264": ("-18", "-23", "-28", "-34", "-40"),
    "downscale": ("-1.5", "-2", "-3", "-4"),
    "blur": ("-0.5", "-1", "-1.5", "-2.5"),
    "noise": ("-4", "-8", "-16", "-32"),
    "brightness": ("-20", "-40", "-60", "+20", "+40", "+60"),
}
"""Standard strengths of each kind, the mildest first."""

_ALLOWED = {"jpeg": (1, 100), "h264": (0, 51), "downscale": (1, 64), "blur": (0, 64), "noise": (0, 255), "brightness": (0, 255)}
_WHOLE = ("jpeg", "h264", "brightness")
_NAME = re.compile(r"([a-z0-9]+)([+-])(\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Condition:
    """A corruption at one strength; `clean` is none.

    Attributes:
        kind: `clean` or a key of `STRENGTHS`.
        strength: as its name says it: a quality, a factor, a sigma; negative is darker.
    """

    kind: str
    strength: float = 0.0

    @classmethod
    def parse(cls, name: str) -> "Condition":
        """The condition of a name.

        Raises:
            ValueError: not such a name, or a strength that the kind does not have.

        Example:
            >>> Condition.parse("jpeg-40"), Condition.parse("brightness-20").strength
            (Condition(kind='jpeg', strength=40.0), -20.0)
        """
        if name == CLEAN:
            return cls(CLEAN)
        match = _NAME.fullmatch(str(name))
        kind, sign, number = match.groups() if match else (str(name), "-", "nan")
        if kind not in STRENGTHS or not match or (sign == "+" and kind != "brightness"):
            known = [kind + one for kind, strengths in STRENGTHS.items() for one in strengths]
            hint = did_you_mean(name, known, "name a kind and its strength, such as jpeg-40")
            raise ValueError(f"condition {name!r}: expected {CLEAN} or one of {', '.join(STRENGTHS)} with a strength; {hint}")
        low, high = _ALLOWED[kind]
        strength = float(number)
        if not low <= strength <= high or (kind in _WHOLE and strength % 1):
            what = "a whole number" if kind in _WHOLE else "a strength"
            raise ValueError(f"condition {name!r}: expected {what} from {low} to {high}, came {number}. Choose one of them.")
        return cls(kind, -strength if kind == "brightness" and sign == "-" else strength)

    @property
    def severity(self) -> float:
        """Larger is stronger, 0 is none; comparable within a kind.

        Example:
            >>> [Condition.parse(name).severity for name in ("clean", "jpeg-90", "jpeg-20", "brightness-40")]
            [0.0, 10.0, 80.0, 40.0]
        """
        return 100 - self.strength if self.kind == "jpeg" else self.strength - 1 if self.kind == "downscale" else abs(self.strength)


def conditions(asked: Sequence[str]) -> list[str]:
    """The names that are meant: kinds stand for all their standard strengths, `all` for every kind.

    Args:
        asked: conditions, kinds, or `all`.

    Returns:
        Names without repetition, in the order in which they were asked for; `clean` is not among them.

    Raises:
        ValueError: an unknown condition.

    Example:
        >>> conditions(["blur", "jpeg-40", "jpeg-40"])
        ['blur-0.5', 'blur-1', 'blur-1.5', 'blur-2.5', 'jpeg-40']
    """
    kinds = [kind for one in asked for kind in (STRENGTHS if one == "all" else [one])]
    names = [name for kind in kinds for name in ([kind + one for one in STRENGTHS[kind]] if kind in STRENGTHS else [kind])]
    return [name for name in dict.fromkeys(names) if Condition.parse(name).kind != CLEAN]


def corrupt(image: np.ndarray, condition: Condition, *, seed: int, path: str) -> np.ndarray:
    """One crop under a condition; the same crop, seed and path give the same pixels on any machine.

    Args:
        image: uint8 (H, W, 3), RGB.
        condition: any but H.264, which is done to clips (`dfd_lib.data.recut`).
        seed: of noise.
        path: the crop's; noise is drawn from (seed, path).

    Returns:
        uint8 of the same shape; a copy where nothing is done.

    Raises:
        ValueError: H.264, or another dtype or shape.

    Example:
        >>> grey = np.full((4, 4, 3), 100, np.uint8)
        >>> int(corrupt(grey, Condition.parse("brightness+40"), seed=1, path="a.png").mean())
        140
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"corrupt: expected uint8 of shape (H, W, 3), came {image.dtype} of shape {image.shape}")
    strength = condition.strength
    if condition.kind == "jpeg":
        return _jpeg(image, int(strength))
    if condition.kind == "downscale":
        return _downscale(image, strength)
    if condition.kind == "blur":
        return cv2.GaussianBlur(image, (0, 0), strength, borderType=cv2.BORDER_REFLECT_101) if strength else image.copy()
    if condition.kind == "noise":
        noise = np.random.default_rng([seed, name_hash(path)]).standard_normal(image.shape, np.float32)
        return np.clip(np.rint(image + np.float32(strength) * noise), 0, 255).astype(np.uint8)
    if condition.kind == "brightness":
        return np.clip(image.astype(np.int16) + int(strength), 0, 255).astype(np.uint8)
    if condition.kind == CLEAN:
        return image.copy()
    raise ValueError(f"corrupt: {condition.kind} is done to a clip and not to one crop; cut its crops again with dfd_lib.data.recut.")


def _jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    written = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.cvtColor(cv2.imdecode(written, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def _downscale(image: np.ndarray, factor: float) -> np.ndarray:
    height, width = image.shape[:2]
    small = cv2.resize(image, (max(1, round(width / factor)), max(1, round(height / factor))), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
