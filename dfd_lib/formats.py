"""How numbers are written, in figures, on the page and in the terminal.

A share is written as journals do, without the leading zero: `.931`, with its
95 % interval as `.931 (.902–.955)`. A missing number is an en dash.
"""

import math

MISSING = "–"

METRIC_NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "auc": "AUC",
    "average_precision": "average precision",
    "eer": "EER",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "ECE",
}
"""The metrics table's columns as people write them."""

LOWER_IS_BETTER = frozenset({"eer", "log_loss", "brier", "ece"})
"""Metrics that fall as a model improves."""


def share(value: float, digits: int = 3) -> str:
    """Write a number without its leading zero, with a real minus sign.

    Example:
        >>> share(0.9312), share(1.0), share(-0.0124), share(float("nan")), share(1.2345)
        ('.931', '1.000', '−.012', '–', '1.234')
    """
    if value is None or math.isnan(value):
        return MISSING
    text = f"{abs(value):.{digits}f}"
    minus = "−" if value < 0 and float(text) else ""
    return minus + (text[1:] if text.startswith("0.") else text)


def tick(value: float, _place: int = 0) -> str:
    """Write an axis tick with no more digits than it needs; fits matplotlib's `FuncFormatter`.

    Example:
        >>> tick(0.5), tick(-0.015), tick(0.0), tick(1.0), tick(0.1 + 0.2), tick(12)
        ('.5', '−.015', '0', '1', '.3', '12')
    """
    text = f"{abs(value):.4g}"
    return ("−" if value < 0 else "") + (text[1:] if text.startswith("0.") else text)


def percent(value: float, digits: int = 0) -> str:
    """Write a share as a percentage.

    Example:
        >>> percent(0.873), percent(0.9996, 1)
        ('87 %', '100.0 %')
    """
    return f"{value * 100:.{digits}f} %"


def signed(value: float, digits: int = 3) -> str:
    """Write a difference with its sign.

    Example:
        >>> signed(0.0123), signed(-0.0123), signed(0.0001)
        ('+.012', '−.012', '.000')
    """
    text = share(value, digits)
    return text if text == MISSING or value < 0 or not text.strip("0.") else f"+{text}"


def p_value(p: float) -> str:
    """Write a p-value.

    Example:
        >>> p_value(0.0172), p_value(0.0002), p_value(float("nan"))
        ('.017', '< .001', '–')
    """
    return "< .001" if p < 0.001 else share(p)


def between(value: float, low: float, high: float, digits: int = 3, sign: bool = False) -> str:
    """Write a number with its interval; the interval is left out where it is unknown.

    Example:
        >>> between(0.931, 0.902, 0.955), between(0.931, float("nan"), float("nan"))
        ('.931 (.902–.955)', '.931')
        >>> between(-0.012, -0.03, 0.006, sign=True)
        '−.012 (−.030 to +.006)'
    """
    write = signed if sign else share
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return write(value, digits)
    # a dash beside a minus sign reads as a second minus
    dash = " to " if sign or low < 0 else "–"
    return f"{write(value, digits)} ({write(low, digits)}{dash}{write(high, digits)})"


def count(value: float, one: str = "", many: str = "") -> str:
    """Write a whole number with thousands separators and, if given, what it counts.

    Example:
        >>> count(12000), count(1, "crop"), count(3, "crop"), count(2, "class", "classes")
        ('12,000', '1 crop', '3 crops', '2 classes')
    """
    if value is None or math.isnan(value):
        return MISSING
    noun = one if round(value) == 1 else many or (f"{one}s" if one else "")
    return f"{round(value):,} {noun}".rstrip()


def clip_rule(aggregator: str, frames: float = math.nan) -> str:
    """Say how a clip's score came of its frames; `frames` is how many, in the median, or the most that a network of clips takes.

    Example:
        >>> clip_rule("mean", 5.0), clip_rule("top_k"), clip_rule("none"), clip_rule("none", 16.0)
        ('mean of 5 frames', 'top_k of its frames', 'clips as a whole', 'clips of up to 16 frames')
    """
    if aggregator == "none":
        return "clips as a whole" if math.isnan(frames) else f"clips of up to {count(frames, 'frame')}"
    return f"{aggregator} of {'its frames' if math.isnan(frames) else count(frames, 'frame')}"


def by_clip(aggregator: str, frames: float = math.nan) -> str:
    """Say that a number is by clip, and by which rule; see `clip_rule`. NaN frames are those of a network of clips.

    Example:
        >>> by_clip("mean", 5.0), by_clip("mean", 1.0), by_clip("mean")
        ('by clip (mean of 5 frames)', 'by clip (1 frame each)', 'by clip (clips as a whole)')
    """
    return "by clip (1 frame each)" if frames == 1 else f"by clip ({clip_rule('none' if math.isnan(frames) else aggregator, frames)})"


def duration(seconds: float) -> str:
    """Write a duration in its two largest units.

    Example:
        >>> duration(3.21), duration(200), duration(7384), duration(0.04)
        ('3.2 s', '3 min 20 s', '2 h 3 min', '0.0 s')
    """
    if seconds is None or math.isnan(seconds):
        return MISSING
    if round(seconds) < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
