"""The part of a recipe that says which changes of a model are tried."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import Field, ValidationError

from dfd_lib.recipe.mistakes import explain
from dfd_lib.recipe.settings import NAME, Model, Part
from dfd_lib.spelling import did_you_mean

BASE = "base"
"""What the model is called as it stands, beside its changes."""


class Ablations(Part):
    """What helps, by how much, at what cost: one model, changed in one thing at a time, judged on folds of train and val.

    `calib` and `test` are never looked at.
    """

    base: str = Field(description="the model of the recipe that is changed")
    quick: dict[str, Any] = Field(default_factory=dict, description="settings that make its trainings short: a small image, few epochs")
    changes: dict[Annotated[str, Field(pattern=NAME)], dict[str, Any]] = Field(min_length=1, description="its name -> settings it changes")
    again: list[int] = Field([], description="other seeds that the base is trained with, which show what luck is worth")
    conditions: list[str] = Field([], description="corruptions under which the crops that judge are scored too: `jpeg-40`, but not H.264")
    folds: int = Field(5, ge=2, description="in so many parts the groups of train and val are dealt, each once the one that judges")
    screened: list[int] = Field([1], min_length=1, description="the folds that changes are judged on")
    finalists: list[str] = Field(
        [],
        description="models of the recipe that are trained on all folds of train alone, with all seeds; the first is the measure. "
        "Val is spared, so that it still knows nothing of a student whom they teach",
    )
    finalist_folds: int | None = Field(
        None,
        ge=2,
        description="in so many parts the groups of train are dealt for finalists, instead of `folds`; "
        "two cost a third of four and judge as many crops, by networks that learnt from fewer",
    )
    together: bool = Field(False, description="one job for all, one after the other; otherwise each training is a job of its own")
    seed: int = Field(1, description="of the dealing, and of the changed models")

    @property
    def final_folds(self) -> int:
        """In how many parts the groups of train are dealt for finalists."""
        return self.finalist_folds or self.folds


def changed(model: Model, *changes: Mapping[str, Any]) -> Model:
    """A model's settings with some of them changed; of `augment` and `hyper`, only what is named; a `hyper` of null is taken out.

    Raises:
        pydantic.ValidationError: no such setting, or not such a value.

    Example:
        >>> one = changed(Model(model="lenet", hyper={"dropout": 0.5}), {"epochs": 3}, {"augment": {"jpeg": 40}, "hyper": {"dense": 64}})
        >>> one.epochs, one.augment.flip, one.augment.jpeg, one.hyper
        (3, True, 40, {'dropout': 0.5, 'dense': 64})
    """
    settings = model.model_dump()
    for change in changes:
        for key, value in change.items():
            inner = settings.get(key)
            settings[key] = {**inner, **value} if isinstance(inner, dict) and isinstance(value, Mapping) else value
    settings["hyper"] = {key: value for key, value in settings["hyper"].items() if value is not None}
    return Model.model_validate(settings)


class Ablation(NamedTuple):
    """One training of the study."""

    name: str
    """`BASE`, a change, or a finalist."""
    fold: int
    """From 1."""
    seed: int

    @property
    def run(self) -> str:
        """The name of its folder."""
        return f"{self.name}-f{self.fold}-s{self.seed}"


def screening(asked: Ablations) -> Iterator[Ablation]:
    """All trainings of the base and of its changes."""
    for fold in asked.screened:
        yield from (Ablation(BASE, fold, seed) for seed in (asked.seed, *asked.again))
        yield from (Ablation(name, fold, asked.seed) for name in asked.changes)


def finals(asked: Ablations, seeds: list[int]) -> Iterator[Ablation]:
    """All trainings of the finalists on folds."""
    yield from (Ablation(name, fold + 1, seed) for name in asked.finalists for fold in range(asked.final_folds) for seed in seeds)


def check_ablations(where: str, asked: Ablations, models: Mapping[str, Model]) -> None:
    """Refuse names of models, folds and settings that there are not.

    Raises:
        ValueError: the first of them; `where` stands before it.
    """
    for key, names in {"base": [asked.base], "finalists": asked.finalists}.items():
        for name in names:
            if name not in models:
                hint = did_you_mean(name, list(models), f"there are {', '.join(models)}")
                raise ValueError(f"{where}.{key}: expected a model of the recipe, came {name!r}; {hint}")
    for key, names, taken in (("finalists", asked.finalists, {BASE}), ("changes", asked.changes, {*asked.finalists, BASE})):
        if twice := sorted({*names} & taken):
            raise ValueError(f"{where}.{key}: expected names of their own, came {', '.join(twice)}. Give other names.")
    if outside := [fold for fold in asked.screened if not 1 <= fold <= asked.folds]:
        raise ValueError(f"{where}.screened: expected folds from 1 to {asked.folds}, came {outside[0]}")
    if asked.seed in asked.again:
        raise ValueError(f"{where}.again: expected other seeds than {asked.seed}, which the base has. Give other ones.")
    if later := [name for name in (asked.base, *asked.finalists) if models[name].comes_of_others]:
        raise ValueError(f"{where}: expected models that learn from labels, came {later[0]}, a student or a soup. Leave it out.")
    for name, change in {"quick": {}, **asked.changes}.items():
        try:
            tried = changed(models[asked.base], asked.quick, change)
            if tried.comes_of_others:
                raise ValueError(
                    f"{where}.changes.{name}: expected neither teacher nor soup, which come later. Make it a model of the recipe."
                )
        except ValidationError as error:
            raise ValueError(f"{where}.{name if name == 'quick' else f'changes.{name}'}: " + explain(error, Model)) from None
