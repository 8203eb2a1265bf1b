"""Drawn photos and clips to try a detector on, which come with the package."""

from importlib.resources import files
from pathlib import Path

EXAMPLES = {
    "drawn-real.png": "A drawn face",
    "drawn-fake.png": "A drawn face, swapped",
    "drawn-real.mp4": "A drawn clip",
    "drawn-fake.mp4": "A drawn clip, swapped",
}
"""From the file to what it is called on the page. No detector was trained on them: they are of people of their own."""


def example(name: str) -> Path:
    """The path of one of `EXAMPLES`."""
    return Path(str(files("dfd_lib.detector") / "examples" / name))
