"""The embedded demo data: clips of drawn people, and face swaps between them.

THESE ARE DRAWINGS. Scores on them show that a pipeline works; they say nothing
about real deepfakes. They cost no download, no licence and nobody's privacy.

Each person is filmed once. Each person's clip is also shown with the face of
another person blended in (`dfd_lib.data.drawing.swap`), or with another's
mouth alone (`methods`). People swap only inside
closed circles of two to four, so a split by circle tears no swap apart. A clip
and its swap share place, motion, light, camera and codec: only the face tells.
With `flicker`, and no other flaw (difficulty 1), only the order of its frames tells.

An interrupted drawing goes on where it stopped; clips of other parameters are
never mixed in.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import cv2
import joblib
import numpy as np
import pandas as pd
from tqdm import tqdm

from dfd_lib.data.drawing.easel import window
from dfd_lib.data.drawing.face import EYES, MOUTH
from dfd_lib.data.drawing.flicker import Flicker
from dfd_lib.data.drawing.person import Person
from dfd_lib.data.drawing.portrait import Layers, paint_person
from dfd_lib.data.drawing.regions import METHODS
from dfd_lib.data.drawing.swap import Swap
from dfd_lib.data.drawing.take import FPS, HEIGHT, UNIT, WIDTH, Take, backdrop
from dfd_lib.paths import whole
from dfd_lib.tables import read_table, write_table

DRAWING = 3
"""The drawing's version: raise it with any change of what is drawn."""

_PERSON, _TAKE, _SWAP, _KIN, _CIRCLES, _FLICKER = range(6)  # what a random generator is for


def draw_portrait(seed: int, size: int = 256) -> np.ndarray:
    """Draw one person who looks into the camera.

    Args:
        seed: decides who.
        size: side of the picture in pixels, 32 or more.

    Returns:
        RGB uint8 (size, size, 3).

    Example:
        >>> draw_portrait(3, size=64).shape
        (64, 64, 3)
    """
    if size < 32:
        raise ValueError(f"size: expected 32 pixels or more, came {size}; a smaller picture holds no face.")
    rng = np.random.default_rng(seed)
    unit = size / 2.7
    layers = paint_person(Person(rng), unit)
    light = np.array([[rng.uniform(-0.3, 0.3), rng.uniform(-0.3, -0.15), rng.uniform(0.35, 0.45)]], np.float32)
    colour = layers.colour
    colour[window(EYES, unit)], colour[window(MOUTH, unit)] = layers.eyes[0], layers.mouth[0]
    lit = colour * np.clip(cv2.transform(layers.normals, light) + 0.55, 0.1, 1.5)[..., None]
    lit += layers.glasses[..., None] * (26 - lit)
    wall = cv2.resize(backdrop(rng), lit.shape[1::-1], interpolation=cv2.INTER_AREA)
    picture = wall * (1 - layers.alpha[..., None] / 255) + lit + rng.normal(0, 2, (*lit.shape[:2], 1))
    corner = window((-1.35, 1.35, -1.32, 1.38), unit)
    return cv2.resize(np.clip(picture[corner], 0, 255).astype(np.uint8), (size, size), interpolation=cv2.INTER_AREA)


def circles(people: int, seed: int) -> list[list[int]]:
    """Deal people into circles of two to four; within one, each gets the next one's face.

    Example:
        >>> sorted(len(circle) for circle in circles(9, seed=0))
        [2, 3, 4]
    """
    if people < 2:
        raise ValueError(f"people: expected 2 or more, came {people}; one alone has nobody to swap with.")
    rng = np.random.default_rng([seed, _CIRCLES])
    sizes = [len(part) for part in np.array_split(np.arange(people), -(-people // 3))]
    threes = np.flatnonzero(np.equal(sizes, 3))
    for a, b in zip(threes[0::3], threes[1::3], strict=False):
        sizes[a], sizes[b] = 2, 4
    order = rng.permutation(people).tolist()
    ends = np.cumsum(rng.permutation(sizes))
    return [order[end - size : end] for end, size in zip(ends, np.diff(ends, prepend=0), strict=True)]


def draw_demo(
    out: str | Path,
    *,
    people: int = 128,
    frames: int = 24,
    difficulty: float = 0.5,
    flicker: float = 0.0,
    methods: Sequence[str] = ("swap",),
    seed: int = 1,
    workers: int = 2,
    progress: bool = True,
) -> pd.DataFrame:
    """Draw the clips and, last, their listing.

    Args:
        out: a folder; `real/p003.mp4`, `fake/p003_p005.mp4` (person 3 with the
            face of person 5), `drawing.json` and `listing.csv` are written there.
        people: each gives one real clip and one swap; 2 or more.
        frames: of each clip, at 640 x 360 and 12 a second; 2 or more.
        difficulty: 0 = glaring flaws, 1 = hardly any.
        flicker: 0 = none, 1 = strong: the face's brightness drifts in real clips,
            and jumps among the same values in swaps (`drawing.flicker`).
        methods: how fakes are made, `swap` (the face) or `mouth`; of several, one person
            after the other gets the next.
        seed: decides every pixel; order and `workers` do not matter.
        workers: processes that draw at once.
        progress: show a bar.

    Returns:
        The listing, a row a clip: file (path relative to `out`), label
        (1 = fake), method (`real`, `swap` or `mouth`), person, donor, source (of a swap:
        the original's path without suffix), dataset.

    Raises:
        ValueError: a parameter out of range, or a folder with clips of another origin.
    """
    out = Path(out)
    _check(people, frames, difficulty, flicker, methods, workers)
    groups = circles(people, seed)
    listing = _listing(groups, methods)
    flaws = {"difficulty": difficulty, **({"flicker": flicker} if flicker else {})}
    flaws |= {"methods": list(methods)} if list(methods) != ["swap"] else {}
    _prepare(out, {"people": people, "frames": frames, **flaws, "seed": seed})
    if (out / "listing.csv").exists() and all((out / file).exists() for file in listing["file"]):
        return read_table(out / "listing.csv")
    jobs = [(out, number, circle, frames, difficulty, flicker, methods, seed) for number, circle in enumerate(groups)]
    run = joblib.Parallel(n_jobs=min(workers, len(jobs)), return_as="generator_unordered", batch_size=1)
    with tqdm(total=len(listing), unit="clip", desc="drawing", disable=not progress) as bar:
        for clips in run(joblib.delayed(_draw_circle)(*job) for job in jobs):
            bar.update(clips)
    write_table(listing, out / "listing.csv")
    return listing


def _check(people: int, frames: int, difficulty: float, flicker: float, methods: Sequence[str], workers: int) -> None:
    if people < 2:
        raise ValueError(f"people: expected 2 or more, came {people}; one alone has nobody to swap with.")
    if frames < 2:
        raise ValueError(f"frames: expected 2 or more, came {frames}; one frame is no clip.")
    if not 0 <= difficulty <= 1:
        raise ValueError(f"difficulty: expected 0 (glaring flaws) to 1 (hardly any), came {difficulty}.")
    if not 0 <= flicker <= 1:
        raise ValueError(f"flicker: expected 0 (none) to 1 (strong), came {flicker}.")
    if not methods or set(methods) - set(METHODS):
        raise ValueError(f"methods: expected some of {', '.join(METHODS)}, came {', '.join(methods) or 'none'}.")
    if workers < 1:
        raise ValueError(f"workers: expected 1 or more, came {workers}.")


def _listing(groups: list[list[int]], methods: Sequence[str]) -> pd.DataFrame:
    swaps = sorted((person, donor) for circle in groups for person, donor in zip(circle, circle[1:] + circle[:1], strict=True))
    rows = [(f"real/{_name(person)}.mp4", 0, "real", _name(person), "", "") for person, _ in swaps]
    rows += [(f"fake/{_name(a)}_{_name(b)}.mp4", 1, method_of(a, methods), _name(a), _name(b), f"real/{_name(a)}") for a, b in swaps]
    table = pd.DataFrame(rows, columns=["file", "label", "method", "person", "donor", "source"])
    return table.assign(dataset="demo")


def method_of(person: int, methods: Sequence[str]) -> str:
    """How the fake of a person is made.

    Example:
        >>> [method_of(person, ["swap", "mouth"]) for person in range(3)]
        ['swap', 'mouth', 'swap']
    """
    return methods[person % len(methods)]


def _name(person: int) -> str:
    return f"p{person:03d}"


def _prepare(out: Path, parameters: dict) -> None:
    """Clear away what other parameters drew, so that two drawings never mix."""
    parameters = {**parameters, "drawing": DRAWING, "opencv": cv2.__version__}
    note, folders = out / "drawing.json", [out / "real", out / "fake"]
    if not note.exists() and any(folder.exists() for folder in folders):
        raise ValueError(f"{out}: expected an earlier drawing or nothing, found clips without drawing.json; name another folder.")
    if note.exists() and json.loads(note.read_text()) == parameters:
        for folder in folders:  # what a killed drawing left half written
            for nest in folder.glob(".*"):
                shutil.rmtree(nest, ignore_errors=True)
        return
    (out / "listing.csv").unlink(missing_ok=True)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    with whole(note) as beside:
        beside.write_text(json.dumps(parameters, indent=1) + "\n")


def _draw_circle(
    out: Path, number: int, circle: list[int], frames: int, difficulty: float, flicker: float, methods: Sequence[str], seed: int
) -> int:
    """Draw the clips of one circle that are not there yet; how many clips it has."""
    cv2.setNumThreads(1)
    kin = [seed, _KIN, number]
    painted: dict[int, tuple[Person, Layers]] = {}
    for person, donor in zip(circle, circle[1:] + circle[:1], strict=True):
        files = out / "real" / f"{_name(person)}.mp4", out / "fake" / f"{_name(person)}_{_name(donor)}.mp4"
        if all(file.exists() for file in files):
            continue
        for one in (person, donor):
            if one not in painted:
                traits = Person(np.random.default_rng([seed, _PERSON, one]), np.random.default_rng(kin))
                painted[one] = traits, paint_person(traits, UNIT)
        take = Take(np.random.default_rng([seed, _TAKE, person]), frames)
        region = METHODS[method_of(person, methods)]
        swap = Swap(np.random.default_rng([seed, _SWAP, person]), 1 - difficulty, frames, painted[person], painted[donor], region)
        drift = Flicker(np.random.default_rng([seed, _FLICKER, person]), flicker, frames, painted[person][0]) if flicker else None
        _write_clips(files, painted[person][1], take, swap, drift, frames)
    return 2 * len(circle)


def _write_clips(files: tuple[Path, Path], layers: Layers, take: Take, swap: Swap, drift: Flicker | None, frames: int) -> None:
    """Write the real clip and the swap, each whole."""
    canvases = [take.light_up(layers, t) for t in range(frames)]

    def real(t: int) -> np.ndarray:
        return drift.real(canvases[t], t) if drift else canvases[t]

    def fake(t: int) -> np.ndarray:
        swapped = swap.apply(take, canvases[t], t)
        return drift.fake(swapped, t) if drift else swapped

    for file, shown in zip(files, (real, fake), strict=True):
        if not file.exists():
            _encode(file, (take.film(layers, shown(t), t) for t in range(frames)), frames)


def _encode(file: Path, pictures, frames: int) -> None:
    # MPEG-4 part 2: the one fast codec that every wheel of OpenCV can write, and it writes the same bytes each time
    with whole(file) as beside:
        writer = cv2.VideoWriter(str(beside), cv2.VideoWriter_fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
        for picture in pictures:
            writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        writer.release()
        if not beside.exists() or cv2.VideoCapture(str(beside)).get(cv2.CAP_PROP_FRAME_COUNT) != frames:
            raise OSError(f"{file}: expected a clip of {frames} frames, OpenCV wrote none; is the disk full, is its FFMPEG missing?")
