"""The networks of a bundle at work: crops and clips in, scores out, and the golden scores checked."""

import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from dfd_lib.data.crops import resize
from dfd_lib.data.sequences import places
from dfd_lib.detector.bundle import Bundle
from dfd_lib.detector.spec import Member
from dfd_lib.evaluation.aggregate import aggregate_scores

BATCH = 32
"""Crops that a network sees at once."""

TOLERANCE = 2e-3
"""How far a golden score may be off: processors round differently, a changed dependency moves scores further."""


class Networks:
    """The members of an ensemble, opened.

    Args:
        members: what is known of them.
        networks: from each one's name to its ONNX model.
        threads: processors for each score; default: all that this process may use.

    Raises:
        ValueError: a network cannot be opened, or is of another shape than the bundle says.
    """

    def __init__(self, members: Sequence[Member], networks: Mapping[str, bytes], threads: int | None = None):
        self.members = members
        self._sessions = [_open(networks[member.name], member, threads or _processors()) for member in members]

    def scores(self, crops: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
        """What each member says of each crop.

        Args:
            crops: n crops, uint8 (side, side, 3), RGB 0..255; their sides may differ.

        Returns:
            float64 (n, members), p_fake 0..1; NaN where a member takes clips.
        """
        found = np.full((len(crops), len(self.members)), np.nan)
        for column, (member, session) in enumerate(zip(self.members, self._sessions, strict=True)):
            for first in range(0, 0 if member.frames else len(crops), BATCH):
                batch = _sized(crops[first : first + BATCH], member)
                found[first : first + BATCH, column] = _run(session, member, batch)
        return _checked(found, [not member.frames for member in self.members])

    def together(
        self, crops: Sequence[np.ndarray] | np.ndarray, scores: np.ndarray, rows: Iterable[np.ndarray], aggregator: str
    ) -> np.ndarray:
        """What each member says of several crops together: those of one person, or of a part of their time.

        Args:
            crops: n crops of a person, uint8 (side, side, 3), RGB 0..255, in the order of time.
            scores: of each of them, as `scores` returns them.
            rows: for each question the crops that it is about, int (any,), ascending.
            aggregator: how scores of single crops become one, one of `evaluation.aggregate.AGGREGATORS`.

        Returns:
            float64 (questions, members), p_fake 0..1. A member that takes clips
            gets its crops by the rule of training (`data.sequences.places`).
        """
        found = [[self._answer(column, crops, scores, one, aggregator) for column in range(len(self.members))] for one in rows]
        return _checked(np.array(found, float).reshape(-1, len(self.members)))

    def _answer(
        self, column: int, crops: Sequence[np.ndarray] | np.ndarray, scores: np.ndarray, rows: np.ndarray, aggregator: str
    ) -> float:
        member, session = self.members[column], self._sessions[column]
        if not member.frames:
            return float(aggregate_scores(scores[rows, column], aggregator=aggregator)[0])
        chosen = rows[places(np.array([len(rows)]), member.frames)[0]]
        clip = _sized([crops[row] for row in chosen], member)[None]
        return float(_run(session, member, clip, np.arange(member.frames)[None] < len(rows))[0])


def _run(session, member: Member, *inputs: np.ndarray) -> np.ndarray:
    try:
        return session.run(None, {one.name: came for one, came in zip(session.get_inputs(), inputs, strict=True)})[0][:, 0]
    except Exception as error:  # onnxruntime has an exception for each of its codes, none of them public
        raise ValueError(f"member {member.name}: does not run: {' '.join(str(error).split())[:200]}. Build it again.") from None


def _sized(crops: Sequence[np.ndarray] | np.ndarray, member: Member) -> np.ndarray:
    return np.stack([resize(crop, member.image_size, member.resize) for crop in crops]).astype(np.float32)


def _checked(found: np.ndarray, columns: Sequence[bool] | slice = slice(None)) -> np.ndarray:
    if not np.isfinite(found[:, columns]).all():
        raise ValueError("detector: expected scores from 0 to 1, came no numbers. Do not use this file.")
    return np.clip(found, 0, 1)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _open(network: bytes, member: Member, threads: int):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # what is wrong is said below, in one line
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads leave the processor to others
    try:
        session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has an exception for each of its codes, none of them public
        raise ValueError(f"member {member.name}: cannot be opened: {' '.join(str(error).split())[:200]}. Build it again.") from None
    side, shapes = (member.image_size, member.image_size, 3), [tuple(one.shape[1:]) for one in session.get_inputs()]
    expected = [(member.frames, *side), (member.frames,)] if member.frames else [side]
    if shapes != expected or [tuple(one.shape[1:]) for one in session.get_outputs()] != [(1,)]:
        what = f"clips of {member.frames} images" if member.frames else "images"
        raise ValueError(
            f"member {member.name}: expected {what} of {member.image_size} px in and one score out, came {shapes}. Build it again."
        )
    return session


def golden_scores(networks: Networks, faces: Sequence[np.ndarray], aggregator: str) -> np.ndarray:
    """What each member says of each golden face; one that takes clips, of a clip of this face and those after it.

    Returns:
        float64 (faces, members). The clips get shorter, so that what a network does with padding is checked too.
    """
    single, rows = networks.scores(faces), np.arange(len(faces))
    clips = networks.together(faces, single, [rows[first:] for first in rows], aggregator)
    return np.where(np.isnan(single), clips, single)


def check_golden(bundle: Bundle, networks: Networks) -> None:
    """Score the golden faces, and raise unless every member says what it said when the bundle was built.

    Raises:
        ValueError: a score is off by more than `TOLERANCE`.
    """
    expected = np.array(list(bundle.spec.golden.values()))
    came = golden_scores(networks, [bundle.golden[name] for name in bundle.spec.golden], bundle.spec.aggregator)
    off = np.abs(came - expected)
    if off.max() > TOLERANCE:
        face, column = np.unravel_index(off.argmax(), off.shape)
        member = bundle.spec.members[column].name
        raise ValueError(
            f"detector {bundle.spec.name}: expected {member} to score its golden face {list(bundle.spec.golden)[face]!r} "
            f"{expected[face, column]:.4f}, came {came[face, column]:.4f}: a dependency changes its scores. "
            f"Install the versions that `dfd card` lists, or build it again."
        )
