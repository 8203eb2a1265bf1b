"""Values of a stranger's `detector.json`, each checked before it is used.

Each function takes what came and `where` it came, returns it, and raises
ValueError with one line that names the place if it is something else.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def mapping(came: Any, where: str) -> Mapping[str, Any]:
    """Names and values."""
    if not isinstance(came, Mapping):
        raise ValueError(f"{where}: expected names and values, came {type(came).__name__}. Build it again.")
    return came


def sequence(came: Any, where: str, least: int, most: int) -> Sequence[Any]:
    """A list of `least` to `most`."""
    if not isinstance(came, list | tuple) or not least <= len(came) <= most:
        raise ValueError(f"{where}: expected a list of {least} to {most}, came {what(came)}. Build it again.")
    return came


def numbers(came: Any, count: int, where: str) -> tuple[float, ...]:
    """Just `count` finite numbers."""
    return tuple(number(one, -1e6, 1e6, where) for one in sequence(came, where, count, count))


def number(came: Any, low: float, high: float, where: str) -> float:
    """A finite number in `low`..`high`."""
    if isinstance(came, bool) or not isinstance(came, int | float) or not math.isfinite(came) or not low <= came <= high:
        raise ValueError(f"{where}: expected a number from {low:g} to {high:g}, came {what(came)}. Build it again.")
    return float(came)


def whole(came: Any, low: int, high: int, where: str) -> int:
    """A whole number in `low`..`high`."""
    if isinstance(came, bool) or not isinstance(came, int) or not low <= came <= high:
        raise ValueError(f"{where}: expected a whole number from {low} to {high}, came {what(came)}. Build it again.")
    return came


def choice(came: Any, allowed: Sequence[str], where: str) -> str:
    """One of `allowed`."""
    if came not in allowed:
        raise ValueError(f"{where}: expected one of {', '.join(allowed)}, came {what(came)}. Build it again.")
    return came


def name(came: Any, where: str) -> str:
    """Letters, digits, `.`, `_` and `-`, at most 64: safe as a part of a file name."""
    if not isinstance(came, str) or not _NAME.fullmatch(came):
        raise ValueError(f"{where}: expected letters, digits, `.`, `_` or `-`, came {what(came)}. Build it again.")
    return came


def what(came: Any) -> str:
    """What came, cut short for a message."""
    said = repr(came)
    return said if len(said) <= 60 else f"{said[:60]}..."
