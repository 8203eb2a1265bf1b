"""Calibrations of `p_fake`: how they are applied.

Nothing but NumPy, so that a detector says a calibrated `p_fake` without loading
what fitted it (`dfd_lib.evaluation.calibrate`).

=========== =========================================== =======================
method      calibrated p_fake                           reference
=========== =========================================== =======================
none        as it came
temperature sigmoid(slope * logit)                      Guo et al. 2017; the
                                                        temperature is 1 / slope
platt       sigmoid(slope * logit + bias)               Platt 1999
isotonic    a rising line through knots, straight       Zadrozny and Elkan 2002
            between them
=========== =========================================== =======================

No method ever swaps two scores, so AUC stays as it was (`isotonic` may make some
equal), and thresholds and conformal verdicts are about `p_fake` as the model gave it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dfd_lib.evaluation.rules import logit, sigmoid

METHODS = ("none", "temperature", "platt", "isotonic")
"""Simplest first."""


@dataclass(frozen=True)
class Calibration:
    """A map from a model's `p_fake` to one that means what it says."""

    method: str
    """One of `METHODS`."""
    slope: float = 1.0
    """Of `temperature` and `platt`, above 0."""
    bias: float = 0.0
    """Of `platt`, in nats."""
    knots: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
    """Of `isotonic`: p_fake as it came, rising, and what it becomes."""

    def __post_init__(self):
        if self.method not in METHODS:
            raise ValueError(f"calibration: expected a method of {', '.join(METHODS)}; came {self.method!r}. Choose one of them.")
        came, becomes = self.knots
        rising = len(came) == len(becomes) and all(list(side) == sorted(side) for side in self.knots)
        if not self.slope > 0 or not rising or (self.method == "isotonic" and not came):
            raise ValueError(
                f"calibration: expected a slope above 0 and, for isotonic, as many rising knots as values; "
                f"came slope {self.slope} and {len(came)} and {len(becomes)} knots. Fit it again."
            )

    def __call__(self, p_fake: ArrayLike) -> np.ndarray:
        """Calibrate scores.

        Args:
            p_fake: float [n], 0..1, of the model that was calibrated.

        Returns:
            float64 [n], 0..1.

        Example:
            >>> Calibration("temperature", slope=0.5)([0.1, 0.5, 0.9])
            array([0.25, 0.5 , 0.75])
        """
        p_fake = np.asarray(p_fake, float)
        if self.method == "isotonic":
            return np.interp(p_fake, *self.knots)
        return p_fake if self.method == "none" else sigmoid(self.slope * logit(p_fake) + self.bias)

    def to_dict(self) -> dict[str, Any]:
        """What JSON holds of it; only what the method needs.

        Example:
            >>> Calibration("platt", slope=0.5, bias=-0.2).to_dict()
            {'method': 'platt', 'slope': 0.5, 'bias': -0.2}
        """
        needs = {"temperature": ("slope",), "platt": ("slope", "bias")}.get(self.method, ())
        facts: dict[str, Any] = {"method": self.method, **{name: getattr(self, name) for name in needs}}
        return facts | ({"knots": [list(side) for side in self.knots]} if self.method == "isotonic" else {})

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> "Calibration":
        """Back from `to_dict`; raises ValueError where it is none.

        Example:
            >>> Calibration.from_dict({"method": "temperature", "slope": 0.5})([0.9]).round(6).tolist()
            [0.75]
        """
        unknown = set(facts) - {"method", "slope", "bias", "knots"}
        if unknown or "method" not in facts:
            raise ValueError(f"calibration: expected method, slope, bias or knots, came {', '.join(facts) or 'nothing'}. Fit it again.")
        knots = tuple(tuple(float(one) for one in side) for side in facts.get("knots", ((), ())))
        return cls(facts["method"], float(facts.get("slope", 1)), float(facts.get("bias", 0)), knots)
