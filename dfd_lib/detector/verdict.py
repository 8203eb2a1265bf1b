"""What a detector says of a file, and how it says it in words."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

VERDICTS = ("REAL", "FAKE", "UNSURE", "NO FACE", "ERROR")

DECIDING = 3
"""Moments of the most suspicious person that an answer names."""


@dataclass(frozen=True)
class Moment:
    """One face in one frame.

    Args:
        frame: its number from 0; None of a photo.
        second: when it is shown, as far as the header's frame rate tells.
        box: left, top, width, height in pixels of the frame.
        score: the ensemble's, 0..1.
        p_fake: the same, calibrated as for a photo.
        eyes: where they are, if the face detector finds them.
    """

    frame: int | None
    second: float | None
    box: tuple[float, float, float, float]
    score: float
    p_fake: float
    eyes: tuple[tuple[float, float], tuple[float, float]] | None = None


@dataclass(frozen=True)
class Person:
    """One person of a file.

    Args:
        number: from 0, the largest face first.
        verdict: REAL, FAKE or UNSURE.
        p_fake: calibrated.
        score: the ensemble's, 0..1, from all moments.
        moments: in order of time.
    """

    number: int
    verdict: str
    p_fake: float
    score: float
    moments: tuple[Moment, ...]

    def deciding(self, count: int = DECIDING) -> list[Moment]:
        """The moments that look most like a fake, the worst first."""
        return sorted(self.moments, key=lambda one: -one.score)[:count]


@dataclass(frozen=True)
class Verdict:
    """What was found out about one file. A file without a face is never called REAL.

    Args:
        file: its name.
        kind: `image` or `video`; empty if it could not be read.
        verdict: one of `VERDICTS`: that of the most suspicious person.
        p_fake: calibrated, 0..1; None without a face.
        score: the ensemble's own, 0..1, which thresholds and promises are about.
        promise: the error rate that REAL and FAKE promise for each class; None where nothing can be promised.
        share_fake: of the files that it was calibrated on.
        people: everybody who was judged.
        frames_read: of the file.
        reason: why there is no verdict, or what the user should know of the file.
        caveat: what the user should know of the detector, where such files are not what it was measured on.
        seconds: that it took.
    """

    file: str
    kind: str
    verdict: str
    p_fake: float | None = None
    score: float | None = None
    promise: float | None = None
    share_fake: float = 0.5
    people: tuple[Person, ...] = ()
    frames_read: int = 0
    reason: str = ""
    caveat: str = ""
    seconds: float = 0.0

    def worst(self) -> Person:
        """The person that decided."""
        return max(self.people, key=lambda one: one.score)

    def took(self, seconds: float) -> "Verdict":
        """The same, with its time."""
        return replace(self, seconds=round(seconds, 3))

    def to_dict(self) -> dict[str, Any]:
        """What JSON holds of it; with `meaning`, and the frames that decided."""
        facts = asdict(self)
        facts["meaning"] = meaning(self)
        facts["people"] = [{**asdict(one), "deciding": [moment.frame for moment in one.deciding()]} for one in self.people]
        return facts

    def to_row(self) -> Mapping[str, Any]:
        """What a line of a table holds of it."""
        names = ("file", "kind", "verdict", "p_fake", "score", "promise", "frames_read", "reason", "caveat", "seconds")
        return (
            {name: getattr(self, name) for name in names[:6]}
            | {"people": len(self.people)}
            | {name: getattr(self, name) for name in names[6:]}
        )


ELSEWHERE = "This holds for files like those it was calibrated on; of others it can be wrong more often, and sure of it."
"""What nobody may overlook: UNSURE is no warning of data that a detector does not know."""

OF_MANY = "REAL: a face shows none of the traces that the detector knows, which is not the same as authentic."
"""What an answer means where there are too many to explain each."""


def at_prevalence(p_fake: float, share: float, before: float = 0.5) -> float:
    """What a calibrated `p_fake` becomes where another share of the files is fake than where it was calibrated (Bayes).

    Args:
        p_fake: calibrated, 0..1.
        share: of fakes among the files in question, 0..1.
        before: of fakes among the files of calibration, 0..1, excluded.

    Example:
        >>> round(at_prevalence(0.9, 0.5), 3), round(at_prevalence(0.9, 0.001), 3)
        (0.9, 0.009)
    """
    fake, real = p_fake * share / before, (1 - p_fake) * (1 - share) / (1 - before)
    return fake / (fake + real) if fake + real > 0 else share


def meaning(verdict: Verdict) -> str:
    """What the answer means, in a few sentences for somebody who has never seen this program.

    Example:
        >>> meaning(Verdict("a.jpg", "image", "NO FACE"))
        'No face could be judged, so nothing can be said: this is not the same as real.'
    """
    if verdict.verdict == "ERROR":
        return "The file could not be judged."
    if verdict.p_fake is None:
        return "No face could be judged, so nothing can be said: this is not the same as real."
    half = at_prevalence(verdict.p_fake, 0.5, verdict.share_fake)
    rare = _share(at_prevalence(verdict.p_fake, 0.001, verdict.share_fake))
    said = f"If half of all files were fake, {_share(half)} of those with this score would be; if 1 in 1,000 were, {rare}."
    return f"{_first_words(verdict)} {said} {ELSEWHERE}"


def _first_words(verdict: Verdict) -> str:
    if verdict.verdict == "UNSURE":
        return "The detector cannot tell at the error rate it promises."
    what = "has the look of a manipulated one" if verdict.verdict == "FAKE" else "shows none of the traces that the detector knows"
    if verdict.promise is None:
        return f"The most suspicious face {what}; no error rate can be promised."
    wrong = "REAL" if verdict.verdict == "REAL" else "FAKE"
    of = "fakes" if verdict.verdict == "REAL" else "real files"
    return f"The most suspicious face {what}; it promises to call at most {rate(verdict.promise)} of {of} {wrong}."


def rate(share: float) -> str:
    """An error rate in percent, as exactly as it was given.

    Example:
        >>> rate(0.05), rate(0.005)
        ('5%', '0.5%')
    """
    return f"{100 * share:g}%"


def _share(p: float) -> str:
    return f"{p:.0%}" if 0.095 <= p < 0.995 else f"{p:.1%}" if 0.001 <= p < 0.9995 else "nearly none" if p < 0.5 else "nearly all"


def sentence(words: str) -> str:
    """Words as a sentence: a capital at the start, a full stop at the end; of none, none.

    Example:
        >>> sentence("its promise for a clip is a guess")
        'Its promise for a clip is a guess.'
    """
    return f"{words[0].upper()}{words[1:].rstrip('.')}." if words else ""
