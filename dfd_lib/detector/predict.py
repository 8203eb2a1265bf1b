"""A photo or a video -> a verdict, with what it rests on.

The way a face takes is the one it took in training: the same search, the same
crop, the same rule from frames to a person and from people to the clip.
"""

import time
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np

from dfd_lib.data.crops import cut, read_image
from dfd_lib.data.faces import Face, open_detector
from dfd_lib.data.frames import open_video, sample_frames
from dfd_lib.data.magic import sniff
from dfd_lib.data.media import check_file, reason
from dfd_lib.data.tracks import follow, link, main_people
from dfd_lib.detector.bundle import Bundle, load_bundle
from dfd_lib.detector.networks import Networks, check_golden
from dfd_lib.detector.spec import Judgement
from dfd_lib.detector.verdict import Moment, Person, Verdict
from dfd_lib.evaluation.aggregate import aggregate_scores

BUILT_IN = "built-in"

BAD = (ValueError, FileNotFoundError, MemoryError, cv2.error)
"""What a bad file raises; it gets the verdict ERROR and harms no other."""

ON_FACES_ALONE = "this detector was measured on single faces, not on clips: its promise for a clip is a guess"

Seen = tuple[int | None, float | None, Face, np.ndarray]
"""A face that was cut: frame's number and second (None of a photo), where, and its crop."""


def built_in() -> Path:
    """The detector that comes with the package."""
    return Path(str(files("dfd_lib.detector") / "built-in.dfd"))


class DeepfakeDetector:
    """A bundle, opened: call it with a file.

    Args:
        path: a `.dfd` file; default: the one that comes with the package.
        error_rate: what REAL and FAKE promise for each class; default: the bundle's own.
        faces: another face detector than the bundle's.
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
        self._find = open_detector(faces or self.spec.faces)

    def __call__(self, path: str | Path, *, limit: float = 300, name: str | None = None) -> Verdict:
        """Judge one file.

        Args:
            path: a photo or a video, told by its content.
            limit: seconds that reading a video may take.
            name: what the answer calls it; default: the path.

        Returns:
            The verdict: REAL, FAKE, UNSURE, NO FACE, or ERROR with the reason, for a file that cannot be judged.
        """
        began, path = time.monotonic(), Path(path)
        named = str(path) if name is None else name
        try:
            verdict = self._judge(path, named, limit)
        except BAD as error:
            verdict = Verdict(named, "", "ERROR", reason=reason(path, error))
        return verdict.took(time.monotonic() - began)

    def _judge(self, path: Path, name: str, limit: float) -> Verdict:
        check_file(path)
        if sniff(path).kind == "image":
            frame = read_image(path)
            seen = [[(None, None, face, self._crop(frame, face))] for face in self._find(frame)]
            return self._answer(name, "image", seen, self.spec.photo, 1, "")
        people, count, remark = self._watch(path, limit)
        return self._answer(name, "video", people, self.spec.clip, count, remark)

    def _crop(self, frame: np.ndarray, face: Face) -> np.ndarray:
        return cut(frame, face.box, self.spec.crop, face.eyes)

    def _watch(self, path: Path, limit: float) -> tuple[list[list[Seen]], int, str]:
        """The main people of a clip, each with their faces; frames looked at; what is to be said of the file."""
        frames = sample_frames(path, frames=self.spec.frames, limit=limit)
        rate, seen = _rate(path), []
        for index, frame, faces in follow(frames, self._find):
            second = round(index / rate, 2) if rate else None
            seen.append([(index, second, face, self._crop(frame, face)) for face in faces])
        who = main_people(link([[one[2] for one in faces] for faces in seen]))
        people: dict[int, list[Seen]] = {}
        for faces, own in zip(seen, who, strict=True):
            for one, person in zip(faces, own, strict=True):
                if person is not None:
                    people.setdefault(person, []).append(one)
        return [people[person] for person in sorted(people)], len(seen), frames.remark

    def _answer(self, name: str, kind: str, people: Sequence[list[Seen]], judgement: Judgement, frames: int, remark: str) -> Verdict:
        if not people:
            return Verdict(name, kind, "NO FACE", frames_read=frames, reason=remark or "no face was found")
        found = [self._person(number, seen, judgement) for number, seen in enumerate(people)]
        worst = max(found, key=lambda one: one.score)
        return Verdict(
            name,
            kind,
            worst.verdict,
            p_fake=worst.p_fake,
            score=worst.score,
            promise=_promised(judgement, self.error_rate),
            share_fake=judgement.share_fake,
            people=tuple(found),
            frames_read=frames,
            reason="; ".join(filter(None, (remark, "" if judgement.measured else ON_FACES_ALONE))),
        )

    def _person(self, number: int, seen: list[Seen], judgement: Judgement) -> Person:
        scores = self.networks.scores(np.stack([crop for *_, crop in seen]))
        # frames first, then members: the order in which the ensemble was chosen and calibrated
        columns = [aggregate_scores(column, aggregator=self.spec.aggregator) for column in scores.T]
        score = float(self.spec.combination(np.column_stack(columns))[0])
        of_frames = self.spec.combination(scores)
        calibrated = self.spec.photo.calibration(of_frames)
        moments = tuple(
            Moment(frame, second, face.box, float(raw), float(p), face.eyes)
            for (frame, second, face, _), raw, p in zip(seen, of_frames, calibrated, strict=True)
        )
        return Person(number, decide(judgement, score, self.error_rate), float(judgement.calibration([score])[0]), score, moments)

    def worst_frames(self, path: str | Path, verdict: Verdict, count: int = 1) -> list[tuple[Moment, np.ndarray]]:
        """The moments of the most suspicious person that look most like a fake, the worst first, each with its whole frame.

        Args:
            path: the file that was judged.
            verdict: what was said of it.
            count: so many moments at most.

        Returns:
            (moment, uint8 RGB frame (H, W, 3)); none of a file without a face.
        """
        if not verdict.people:
            return []
        chosen = verdict.worst().deciding(count)
        if verdict.kind == "image":
            return [(chosen[0], read_image(path))]
        wanted = {one.frame for one in chosen}
        frames = {index: frame for index, frame in sample_frames(path, frames=self.spec.frames) if index in wanted}
        return [(one, frames[one.frame]) for one in chosen if one.frame in frames]

    def crop(self, frame: np.ndarray, moment: Moment) -> np.ndarray:
        """The crop of a moment that was judged, uint8 (size, size, 3), RGB, out of its frame."""
        return cut(frame, moment.box, self.spec.crop, moment.eyes)

    def score_crops(self, crops: np.ndarray) -> np.ndarray:
        """The ensemble's score of each crop: uint8 (n, size, size, 3), RGB -> float64 (n,), p_fake as the combination gives it."""
        return self.spec.combination(self.networks.scores(crops))


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


def _rate(path: Path) -> float:
    """Frames a second as the header has them, 0 if it does not say."""
    with open_video(path) as capture:
        rate = capture.get(cv2.CAP_PROP_FPS)
    return rate if 0 < rate < 1000 else 0.0
