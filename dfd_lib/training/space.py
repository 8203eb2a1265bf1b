"""What a search may change: a model's own hyper-parameters, learning rate, optimizer and augmentation."""

import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd

from dfd_lib.experiment import Model
from dfd_lib.models.registry import search_space

if TYPE_CHECKING:
    import keras_tuner


def searched(config: Model) -> "keras_tuner.HyperParameters":
    """The space of a model's search, with the recipe's own settings as defaults.

    Args:
        config: what its `hyper` names, and all but what `tune.only` names, is fixed.

    Raises:
        ValueError: `tune.only` names what the model's space does not have.
    """
    hp = _fresh()
    draw(hp, config)
    only = config.tune.only if config.tune else None
    if only is None:
        return hp
    names = [one.name for one in hp.space]
    if unknown := [name for name in only if name not in names]:
        raise ValueError(f"tune.only: expected some of {', '.join(names)}; came {', '.join(unknown)}")
    chosen = _fresh()
    for one in hp.space:
        if one.name in only:
            chosen.merge([one])
        else:
            chosen.Fixed(one.name, one.default)
    return chosen


def describe_space(config: Model) -> pd.DataFrame:
    """What a search draws from, a row each: name, values (as text), default."""
    drawn = [one.get_config() for one in searched(config).space if not is_fixed(one)]
    rows = [{"name": one["name"], "values": _values(one), "default": one["default"]} for one in drawn]
    return pd.DataFrame(rows, columns=["name", "values", "default"])


def is_fixed(one: Any) -> bool:
    """Whether a hyper-parameter of KerasTuner has one value alone."""
    return type(one).__name__ == "Fixed"


def draw(hp: "keras_tuner.HyperParameters", config: Model) -> Model:
    """Draw settings to train with.

    Args:
        hp: what is drawn is recorded in it; a fresh one draws the defaults.
        config: the defaults; what its `hyper` names is fixed. Under Hyperband,
            `hp` says how many epochs a trial may have.
    """
    for key, value in config.hyper.items():
        if value is not None and not isinstance(value, dict):  # such as a backbone's own, which no space draws
            hp.Fixed(key, "-".join(map(str, value)) if isinstance(value, list | tuple) else value)  # as the spaces write them
    hyper = {**search_space(config.model, hp), **config.hyper}
    rate = config.learning_rate
    settings = {
        "learning_rate": hp.Float("learning_rate", min(1e-5, rate), max(1e-2, rate), sampling="log", default=rate),
        "optimizer": _choice(hp, "optimizer", ["adam", "adamw", "rmsprop"], config.optimizer),
        "epochs": hp.values.get("tuner/epochs", most_epochs(config)),
    }
    augment = {part: _choice(hp, part, [0.0, 0.1, 0.2], getattr(config.augment, part)) for part in ("brightness", "contrast")}
    augment = config.augment.model_dump() | augment
    return Model(**{**config.model_dump(), **settings, "hyper": hyper, "augment": augment, "tune": None})


def most_epochs(config: Model) -> int:
    """The epochs that a trial may have."""
    return (config.tune.epochs if config.tune else None) or config.epochs


def _choice(hp: "keras_tuner.HyperParameters", name: str, values: list, default: Any) -> Any:
    return hp.Choice(name, sorted({*values, default}), default=default)


def _values(one: dict[str, Any]) -> str:
    if "values" in one:
        return ", ".join(str(value) for value in one["values"])
    return "False, True" if "min_value" not in one else f"{one['min_value']:g} to {one['max_value']:g}, {one['sampling']}"


def _fresh() -> "keras_tuner.HyperParameters":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # KerasTuner's own
        import keras_tuner
    return keras_tuner.HyperParameters()
