"""The networks of a bundle at work: crops in, scores out, and the golden scores checked."""

import os
from collections.abc import Mapping, Sequence

import numpy as np

from dfd_lib.data.crops import resize
from dfd_lib.detector.bundle import Bundle
from dfd_lib.detector.spec import Member

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
            float64 (n, members), p_fake 0..1.
        """
        found = np.empty((len(crops), len(self.members)))
        for column, (member, session) in enumerate(zip(self.members, self._sessions, strict=True)):
            name = session.get_inputs()[0].name
            for first in range(0, len(crops), BATCH):
                batch = [resize(crop, member.image_size, member.resize) for crop in crops[first : first + BATCH]]
                found[first : first + BATCH, column] = session.run(None, {name: np.stack(batch).astype(np.float32)})[0][:, 0]
        if not np.isfinite(found).all():
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
    shapes = [tuple(one.shape[1:]) for one in (*session.get_inputs(), *session.get_outputs())]
    if shapes != [(member.image_size, member.image_size, 3), (1,)]:
        raise ValueError(
            f"member {member.name}: expected images of {member.image_size} px in and one score out, came {shapes}. Build it again."
        )
    return session


def check_golden(bundle: Bundle, networks: Networks) -> None:
    """Score the golden faces, and raise unless every member says what it said when the bundle was built.

    Raises:
        ValueError: a score is off by more than `TOLERANCE`.
    """
    expected = np.array(list(bundle.spec.golden.values()))
    came = networks.scores(np.stack([bundle.golden[name] for name in bundle.spec.golden]))
    off = np.abs(came - expected)
    if off.max() > TOLERANCE:
        face, column = np.unravel_index(off.argmax(), off.shape)
        member = bundle.spec.members[column].name
        raise ValueError(
            f"detector {bundle.spec.name}: expected {member} to score its golden face {list(bundle.spec.golden)[face]!r} "
            f"{expected[face, column]:.4f}, came {came[face, column]:.4f}: a dependency changes its scores. "
            f"Install the versions that `dfd card` lists, or build it again."
        )
