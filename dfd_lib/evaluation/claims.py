"""What five public systems published, computed again from their own confusion matrices, with intervals.

Numbers are theirs, on their own data and splits. Two things are asked: do the
printed numbers follow from the printed matrix, and how sure would so many rows
be if they were independent? They are not: most are frames of few clips, and
some were trained on. So an interval here is the narrowest that could be true.
"""

import dataclasses
from dataclasses import dataclass
from math import nan, sqrt
from statistics import NormalDist

import pandas as pd

from dfd_lib.formats import percent

_Z = NormalDist().inv_cdf(0.975)

METRICS = ("accuracy", "precision", "recall", "f1")


@dataclass(frozen=True)
class Claim:
    """One published result: a confusion matrix, or an accuracy alone."""

    system: str
    model: str
    positive: str
    """The class that tp, fn, precision, recall and F1 are about, `real` or `fake`."""
    tp: int | None = None
    fp: int | None = None
    fn: int | None = None
    tn: int | None = None
    printed: dict[str, float] = dataclasses.field(default_factory=dict)
    """Metric -> what was printed, as a share, to the digits that were printed."""
    positives: int | None = None
    """How many rows of the class `positive` there were, where that is known by itself."""
    majority: float = nan
    """Accuracy of always naming the commoner class, where it is known without the matrix."""
    remark: str = ""

    @property
    def name(self) -> str:
        """System and model, such as `S0 Meso-4`."""
        return f"{self.system} {self.model}"

    def turned(self) -> "Claim":
        """The same matrix with the other class as positive."""
        other = {"real": "fake", "fake": "real"}[self.positive]
        return dataclasses.replace(self, positive=other, tp=self.tn, fp=self.fn, fn=self.fp, tn=self.tp, positives=None)


_LEAKS = "frames split at random"

PUBLISHED = (
    Claim("S0", "Meso-4", "real", 3745, 281, 514, 2564, {"accuracy": 0.888, "precision": 0.93, "recall": 0.879, "f1": 0.904},
          remark="7,104 faces of 130 videos"),
    Claim("S1", "ResNeXt-50 + LSTM", "fake", 63, 8, 12, 57, {"accuracy": 0.857}, positives=71, remark="140 clips"),
    Claim("S2", "InceptionResNetV2", "fake", 2943, 43, 41, 718, {"accuracy": 0.9952},
          remark=f"its 99.52 % is that of a line of training; {_LEAKS}, with a validation accuracy of 91.19 %"),
    Claim("S3", "ten-layer dilated CNN", "fake", 602, 7, 5, 586, {"accuracy": 0.99}, remark="the checkpoint was chosen on these images"),
    *(Claim("S4", model, "fake", printed={"accuracy": accuracy}, majority=0.773, remark=_LEAKS) for model, accuracy in (
        ("VGG16", 0.9444), ("VGG19", 0.9705), ("LeNet", 0.9843), ("AlexNet", 0.6774), ("ResNet", 0.8379), ("MiniVGGNet", 0.9393),
        ("Meso-4", 0.9337), ("MiniVGGNet + ResNet", 0.97), ("MiniVGGNet + LeNet", 0.96), ("MiniVGGNet + LeNet + ResNet", 0.98),
        ("tuned LeNet", 0.99),
    )),
)  # fmt: skip
"""The published matrices; of S4 accuracies alone, and the size of its test set is not known."""


def wilson(right: int, rows: int) -> tuple[float, float]:
    """The 95 % interval of a share of independent rows.

    Wilson (1927), "Probable inference, the law of succession, and statistical
    inference"; it covers well where the share is near 0 or 1 (Brown, Cai and
    DasGupta 2001).

    Example:
        >>> [round(end, 2) for end in wilson(120, 140)]
        [0.79, 0.91]
    """
    if not rows:
        return nan, nan
    share, z2 = right / rows, _Z**2
    middle = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    reach = _Z / (1 + z2 / rows) * sqrt(share * (1 - share) / rows + z2 / (4 * rows**2))
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def of_matrix(tp: int, fp: int, fn: int, tn: int) -> dict[str, float]:
    """Accuracy, precision, recall and F1 of a confusion matrix, each with `_low` and `_high`.

    The first three are shares, with Wilson's interval. F1 = 2 J / (1 + J) of the
    share J = tp / (tp + fp + fn) (Jaccard's), which rises with J; so the ends of
    Wilson's interval of J, put into it, are those of F1.

    Args:
        tp, fp, fn, tn: counts; positive is the class that the metrics are about.

    Returns:
        Each of `METRICS` with its ends; NaN where undefined.

    Example:
        >>> found = of_matrix(tp=3, fp=1, fn=1, tn=5)
        >>> [round(found[name], 2) for name in ("accuracy", "precision", "recall", "f1", "f1_low", "f1_high")]
        [0.8, 0.75, 0.75, 0.75, 0.37, 0.94]
    """
    shares = {"accuracy": (tp + tn, tp + fp + fn + tn), "precision": (tp, tp + fp), "recall": (tp, tp + fn), "f1": (tp, tp + fp + fn)}
    found = {}
    for name, (right, rows) in shares.items():
        ends = (right / rows if rows else nan, *wilson(right, rows))
        found |= zip((name, f"{name}_low", f"{name}_high"), (2 * end / (1 + end) if name == "f1" else end for end in ends), strict=True)
    return found


def recompute(claims: tuple[Claim, ...] = PUBLISHED, positive: str = "fake") -> pd.DataFrame:
    """The published results, computed again.

    Args:
        claims: what was published.
        positive: the class that precision, recall and F1 are about.

    Returns:
        A row for each: system, model, positive, n, tp, fp, fn, tn (empty where no
        matrix was published), accuracy, precision, recall, f1, each with `_low` and
        `_high`; printed (the published accuracy); majority (accuracy of always naming the
        commoner class); check (`adds up`, `does not add up`, or `no matrix`); remark
        (what contradicts, and what one should know). Where accuracies alone were
        published, nobody says of how many rows, and there is no interval.

    Raises:
        ValueError: `positive` is neither `real` nor `fake`.

    Example:
        >>> recompute().query("system == 'S2'")[["accuracy", "printed", "check"]].round(4).values.tolist()
        [[0.9776, 0.9952, 'does not add up']]
    """
    if positive not in ("real", "fake"):
        raise ValueError(f"positive: expected real or fake, came {positive!r}. Choose one of them.")
    table = pd.DataFrame([(_accuracy_alone if claim.tp is None else _of_claim)(claim, positive) for claim in claims])
    return table.astype(dict.fromkeys(_COUNTS, "Int64"))


_COUNTS = ("n", "tp", "fp", "fn", "tn")


def _accuracy_alone(claim: Claim, positive: str) -> dict[str, object]:
    accuracy = claim.printed["accuracy"]
    below = [f"below the commoner class, {percent(claim.majority, 1)}"] if accuracy < claim.majority else []
    metrics = {f"{name}{end}": nan for name in METRICS for end in ("", "_low", "_high")} | {"accuracy": accuracy}
    head = {"system": claim.system, "model": claim.model, "positive": positive, **dict.fromkeys(_COUNTS)}
    tail = {"printed": accuracy, "majority": claim.majority, "check": "no matrix", "remark": "; ".join([*below, claim.remark])}
    return {**head, **metrics, **tail}


def _of_claim(claim: Claim, positive: str) -> dict[str, object]:
    contradictions, mended = _check(claim)
    said = mended if mended.positive == positive else mended.turned()
    n = said.tp + said.fp + said.fn + said.tn
    head = {"system": claim.system, "model": claim.model, "positive": positive}
    counts = {"n": n, "tp": said.tp, "fp": said.fp, "fn": said.fn, "tn": said.tn}
    return {
        **head,
        **counts,
        **of_matrix(said.tp, said.fp, said.fn, said.tn),
        "printed": claim.printed["accuracy"],
        "majority": max(said.tp + said.fn, said.fp + said.tn) / n,
        "check": "does not add up" if contradictions else "adds up",
        "remark": "; ".join([*contradictions, claim.remark]),
    }


def _check(claim: Claim) -> tuple[list[str], Claim]:
    """What contradicts itself, and the claim as it must have been meant."""
    found = []
    if claim.positives not in (None, claim.tp + claim.fn):
        swapped = claim.tp + claim.fp == claim.positives
        why = f"so FP {claim.fp} and FN {claim.fn} seem swapped, and are turned here" if swapped else "which nothing explains"
        found.append(f"TP + FN is {claim.tp + claim.fn}, but there were {claim.positives} {claim.positive}s, {why}")
        claim = dataclasses.replace(claim, fp=claim.fn, fn=claim.fp) if swapped else claim
    own = of_matrix(claim.tp, claim.fp, claim.fn, claim.tn)
    for name, printed in claim.printed.items():
        digits = len(f"{printed * 100:.6g}".partition(".")[2])
        if abs(own[name] - printed) > 0.5000001 * 10 ** -(digits + 2):
            found.append(f"{name} was printed as {percent(printed, digits)}, the matrix says {percent(own[name], digits)}")
    return found, claim
