"""Verdicts with a promise: REAL, FAKE or UNSURE at a chosen error rate, for a NEW group.

Conformal prediction (Vovk, Gammerman and Shafer 2005) keeps an answer unless
too few labelled rows look as strange under it. Here it is split (fitted on
`calib`, which trained nothing), label-conditional (reals and fakes each have their
own promise; Sadinle, Lei and Wasserman 2019) and hierarchical: rows of a group are
not independent, so each group counts as one, its rows sharing its weight (Lee,
Barber and Willett 2023, "Distribution-free inference with hierarchical data").

The promise: draw a new group as those of `calib` were drawn, and one of its rows at
random; the truth is missing from its set with at most the chosen probability, for
reals and for fakes. It holds on average over what `calib` might have been, whatever
the model. It says nothing of data of another kind.

Nothing but NumPy: a detector loads no more.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

VERDICTS = ("REAL", "FAKE", "UNSURE")


@dataclass(frozen=True)
class Conformal:
    """The two limits between which verdicts lie."""

    error_rate: float
    """What is promised, for each class: 0..1."""
    real_limit: float
    """REAL is in the set where `p_fake <= real_limit`."""
    fake_limit: float
    """FAKE is in the set where `p_fake >= fake_limit`."""

    def sets(self, p_fake: ArrayLike) -> np.ndarray:
        """Which answers are possible: bool [n, 2], columns REAL and FAKE."""
        p_fake = np.asarray(p_fake, float)
        return np.stack([p_fake <= self.real_limit, p_fake >= self.fake_limit], axis=-1)

    def verdicts(self, p_fake: ArrayLike) -> np.ndarray:
        """REAL or FAKE where the set holds just that, UNSURE where it holds both or neither.

        Args:
            p_fake: float [n], 0..1, as the model gave it.

        Returns:
            text [n] of `VERDICTS`.

        Example:
            >>> Conformal(error_rate=0.1, real_limit=0.7, fake_limit=0.4).verdicts([0.2, 0.5, 0.9]).tolist()
            ['REAL', 'UNSURE', 'FAKE']
        """
        real, fake = np.moveaxis(self.sets(p_fake), -1, 0)
        return np.where(real == fake, "UNSURE", np.where(real, "REAL", "FAKE"))

    def to_dict(self) -> dict[str, float]:
        """What JSON holds of it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> "Conformal":
        """Back from `to_dict`; raises ValueError where it is none."""
        names = ("error_rate", "real_limit", "fake_limit")
        if set(facts) != set(names):
            raise ValueError(f"conformal: expected {', '.join(names)}; came {', '.join(facts) or 'nothing'}. Fit it again.")
        return cls(**{name: float(facts[name]) for name in names})


def groups_needed(error_rate: float) -> int:
    """How many groups each class needs for a promise: 1 / error_rate - 1, rounded up.

    With fewer, no row could ever be strange enough to leave an answer out.

    Example:
        >>> groups_needed(0.1), groups_needed(0.05), groups_needed(0.01)
        (9, 19, 99)
    """
    if not 0 < error_rate < 1:
        raise ValueError(f"error_rate: expected a number between 0 and 1, came {error_rate}. Give a share such as 0.1.")
    return int(np.ceil(1 / error_rate - 1 - 1e-9))


def fit_conformal(label: ArrayLike, p_fake: ArrayLike, groups: ArrayLike, error_rate: float) -> Conformal | None:
    """The limits at one error rate, from rows that trained nothing.

    Args:
        label: [n] of 0 and 1.
        p_fake: float [n], 0..1.
        groups: [n] names.
        error_rate: to promise for each class, 0..1.

    Returns:
        The limits; None where reals or fakes come from fewer than
        `groups_needed` groups: then nothing can be promised at this rate.

    Example:
        >>> label, p_fake, clip = [0] * 4 + [1] * 4, [0.1, 0.2, 0.3, 0.6, 0.4, 0.7, 0.8, 0.9], range(8)
        >>> fit_conformal(label, p_fake, clip, error_rate=0.2)
        Conformal(error_rate=0.2, real_limit=0.6, fake_limit=0.4)
        >>> fit_conformal(label, p_fake, clip, error_rate=0.1) is None
        True
    """
    label, p_fake, groups = np.asarray(label), np.asarray(p_fake, float), np.asarray(groups)
    needed = groups_needed(error_rate)
    sides = [(p_fake[label == one], groups[label == one]) for one in (0, 1)]
    if min(len(np.unique(names)) for _, names in sides) < needed:
        return None
    (reals, of_reals), (fakes, of_fakes) = sides
    # -p_fake, for 1 - p_fake would round the smallest scores to one
    return Conformal(float(error_rate), _limit(reals, of_reals, error_rate), -_limit(-fakes, of_fakes, error_rate))


def _limit(strangeness: np.ndarray, groups: np.ndarray, error_rate: float) -> float:
    """The smallest strangeness that holds 1 - error_rate of the weight; each group, and the new one, weighs 1 / (groups + 1)."""
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(strangeness, kind="stable")
    reached = np.cumsum(1 / sizes[group][order]) / (len(sizes) + 1)
    place = np.searchsorted(reached, 1 - error_rate - 1e-9)  # a sum of thirds may fall a little short of 1
    return float(strangeness[order][place])
