"""A verdict to look at: as HTML, as a time line, as pictures of what decided. Nothing is loaded from anywhere."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import cv2
import numpy as np

from dfd_lib.detector.verdict import Moment, Person, Verdict, meaning, sentence

COLOURS = {"REAL": (31, 95, 168), "FAKE": (179, 71, 0), "UNSURE": (89, 89, 89), "NO FACE": (89, 89, 89), "ERROR": (89, 89, 89)}
"""RGB; blue and orange are told apart by the colour-blind, and all have a contrast of 4.5 and more on white. The word is there too."""

SIGNS = {"REAL": "&#10003;", "FAKE": "&#10007;", "UNSURE": "?", "NO FACE": "&ndash;", "ERROR": "!"}

WIDE, HIGH, LEFT, BOTTOM = 640, 200, 44, 34
"""The time line's size and margins in its own units; it scales with the page."""


def verdict_html(verdict: Verdict) -> str:
    """The answer as a block of HTML: verdict, calibrated p_fake, what it means, people. What came from outside is escaped."""
    colour = "rgb({}, {}, {})".format(*COLOURS[verdict.verdict])
    sign = f'<span aria-hidden="true">{SIGNS[verdict.verdict]}</span>'
    head = (
        f'<p class="dfd-file">{escape(verdict.file)}</p><h2 class="dfd-verdict" style="background:{colour}">{sign} {verdict.verdict}</h2>'
    )
    bar = "" if verdict.p_fake is None else _bar(verdict.p_fake, colour)
    notes = (meaning(verdict), sentence(verdict.reason), sentence(verdict.caveat))
    said = "".join(f"<p>{escape(note)}</p>" for note in notes if note)
    return f'<section class="dfd-answer" aria-live="polite">{head}{bar}{said}{_people(verdict)}</section>'


def _bar(p_fake: float, colour: str) -> str:
    label = f"Calibrated p_fake {p_fake:.2f} (0: real, 1: fake)"
    filled = f'<div class="dfd-filled" style="width:{100 * p_fake:.1f}%;background:{colour}"></div>'
    return f'<p class="dfd-p">{label}</p><div class="dfd-bar" role="img" aria-label="{label}">{filled}</div>'


def _people(verdict: Verdict) -> str:
    if len(verdict.people) < 2:
        return ""
    rows = "".join(
        f"<tr><th scope='row'>{one.number + 1}</th><td>{one.verdict}</td><td>{one.p_fake:.2f}</td><td>{len(one.moments)}</td></tr>"
        for one in verdict.people
    )
    head = "<tr><th scope='col'>Person</th><th scope='col'>Verdict</th><th scope='col'>p_fake</th><th scope='col'>Faces seen</th></tr>"
    return f"<table class='dfd-people'><caption>Everybody who was judged; the most suspicious decides</caption>{head}{rows}</table>"


@dataclass(frozen=True)
class Picture:
    """One frame that is shown with what speaks for FAKE in it.

    Args:
        moment: of the person whose face is looked at.
        frame: with everybody's boxes, uint8 (H, W, 3), RGB.
        heat: the face with its heat map, uint8 (size, size, 3), RGB.
        strongest: by how much the score moves at most where a part of the face is covered, 0..1.
    """

    moment: Moment
    frame: np.ndarray
    heat: np.ndarray
    strongest: float


def pictures_html(pictures: Sequence[Picture]) -> str:
    """Frames beside their heat maps as a block of HTML, the pictures within; empty without any."""
    if not pictures:
        return ""
    shown = "".join(f'<div class="dfd-pair">{_frame(one)}{_heat(one)}</div>' for one in pictures)
    title = "Where it looks most like a fake" if pictures[0].moment.frame is not None else "Who was judged"
    return f'<section class="dfd-pictures"><h3>{title}</h3>{shown}</section>'


def _frame(one: Picture) -> str:
    when = "" if one.moment.second is None else f" ({one.moment.second:.1f} s)"
    where = "The photo" if one.moment.frame is None else f"Frame {one.moment.frame}{when}"
    return _figure(one.frame, f"{where} with a box around each face that was judged", f"{where}: p_fake {one.moment.p_fake:.2f}")


def _heat(one: Picture) -> str:
    said = f"Covered part by part: orange speaks for FAKE, blue for REAL. The strongest part moves the score by {one.strongest:.2f}."
    return _figure(one.heat, "The face in grey, coloured where covering it changes the score", said)


def _figure(picture: np.ndarray, alt: str, caption: str) -> str:
    packed = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()
    source = f"data:image/jpeg;base64,{b64encode(packed).decode()}"
    return f'<figure><img src="{source}" alt="{escape(alt)}"><figcaption>{escape(caption)}</figcaption></figure>'


def timeline_svg(verdict: Verdict) -> str:
    """p_fake of each person over time, as an SVG; empty for a photo."""
    people = [one for one in verdict.people if len(one.moments) > 1]
    if verdict.kind != "video" or not people:
        return ""
    timed = all(moment.second is not None for one in people for moment in one.moments)
    times = [[moment.second if timed else moment.frame for moment in one.moments] for one in people]
    last = max(max(own) for own in times) or 1
    lines = "".join(_line(one, own, last) for one, own in zip(people, times, strict=True))
    unit = "seconds" if timed else "frame"
    title = f"p_fake over time, {len(people)} {'person' if len(people) == 1 else 'people'}, {last:g} {unit}"
    return f'<svg class="dfd-timeline" viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{escape(title)}">{_axes(last, unit)}{lines}</svg>'


def _axes(last: float, unit: str) -> str:
    parts = []
    for p in (0.0, 0.5, 1.0):
        y = _y(p)
        parts.append(f'<line x1="{LEFT}" x2="{WIDE - 8}" y1="{y}" y2="{y}" stroke="#999" stroke-width="1"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{p:g}</text>')
    for share in (0, 0.5, 1):
        anchor = "end" if share == 1 else "middle"
        parts.append(f'<text x="{_x(share)}" y="{HIGH - BOTTOM + 16}" text-anchor="{anchor}">{share * last:.3g}</text>')
    parts.append(f'<text x="{_x(0.5)}" y="{HIGH - 3}" text-anchor="middle">{unit}</text>')
    parts.append(f'<text x="{LEFT}" y="11">p_fake of each frame, calibrated</text>')
    return "".join(parts)


def _line(person: Person, times: list[float], last: float) -> str:
    colour = "#{:02x}{:02x}{:02x}".format(*COLOURS[person.verdict])
    dash = f' stroke-dasharray="{6 * person.number} 4"' if person.number else ""
    points = [(_x(when / last), _y(one.p_fake)) for when, one in zip(times, person.moments, strict=True)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>{dots}'


def _x(share: float) -> float:
    return round(LEFT + share * (WIDE - 8 - LEFT), 1)


def _y(p: float) -> float:
    return round(20 + (1 - p) * (HIGH - BOTTOM - 20), 1)


def draw_boxes(frame: np.ndarray, verdict: Verdict, index: int | None = None, scale: float = 1.0) -> np.ndarray:
    """A frame with everybody's box, verdict and p_fake.

    Args:
        frame: uint8 (H, W, 3), RGB.
        verdict: of its file.
        index: the frame's number; None for a photo.
        scale: the frame's, where it was shrunk.

    Returns:
        A copy, uint8 (H, W, 3), RGB.
    """
    drawn = np.ascontiguousarray(frame.copy())
    unit = max(1, round(max(frame.shape[:2]) / 400))
    for person in verdict.people:
        for moment in person.moments:
            if moment.frame == index:
                box = tuple(scale * side for side in moment.box)
                _draw(drawn, box, f"{person.number + 1} {person.verdict} {moment.p_fake:.2f}", COLOURS[person.verdict], unit)
    return drawn


def _draw(frame: np.ndarray, box: tuple[float, float, float, float], text: str, colour: tuple[int, int, int], unit: int) -> None:
    left, top, right, bottom = (round(side) for side in (box[0], box[1], box[0] + box[2], box[1] + box[3]))
    cv2.rectangle(frame, (left, top), (right, bottom), (255, 255, 255), 3 * unit)
    cv2.rectangle(frame, (left, top), (right, bottom), colour, 2 * unit)
    (wide, high), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.45 * unit, unit)
    corner = min(max(left, 0), max(frame.shape[1] - wide - 2 * unit, 0)), max(top, high + 6 * unit)
    cv2.rectangle(frame, (corner[0], corner[1] - high - 6 * unit), (corner[0] + wide + 4 * unit, corner[1]), colour, -1)
    place = (corner[0] + 2 * unit, corner[1] - 3 * unit)
    cv2.putText(frame, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45 * unit, (255, 255, 255), unit, cv2.LINE_AA)
