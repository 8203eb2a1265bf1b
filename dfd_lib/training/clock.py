"""How long a training takes, on the wall and in processors' time."""

import time


class Clock:
    """Says at each call how long it was since the one before, or since it was made."""

    def __init__(self):
        self._last = _now()

    def lap(self) -> dict[str, float]:
        """`seconds` on the wall, and `cpu_seconds` of all threads of this process: what a busy machine does not lengthen."""
        before, self._last = self._last, _now()
        return {name: round(self._last[name] - before[name], 2) for name in before}


def _now() -> dict[str, float]:
    return {"seconds": time.monotonic(), "cpu_seconds": time.process_time()}
