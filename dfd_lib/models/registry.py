"""Names, facts, builders and search spaces of every model.

To add one: write `dfd_lib/models/<family>.py` with a builder under
`@register(...)`, and add the family to `FAMILIES`. The tests loop over
`list_models()`, so to register a model is to test it.

Family modules load Keras inside their builders only, so names and facts are
cheap to ask for.
"""

import importlib
import inspect
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from dfd_lib.models.facts import ModelFacts
from dfd_lib.models.heads import ONE_UNIT, with_head
from dfd_lib.spelling import did_you_mean

if TYPE_CHECKING:
    import keras
    import keras_tuner

FAMILIES = ("lenet", "minivgg", "alexnet", "resnet", "mesonet", "dilated", "transfer", "resnext", "resnext_lstm")
"""The modules of this package that register models, in the order of `list_models`."""


class _Entry(NamedTuple):
    facts: ModelFacts
    builder: Callable[..., "keras.Model"]
    space: Callable[["keras_tuner.HyperParameters"], dict[str, Any]]
    shared: Callable[..., "keras.Model"] | None


_ENTRIES: dict[str, _Entry] = {}


def register(
    *,
    space: Callable[["keras_tuner.HyperParameters"], dict[str, Any]],
    shared: Callable[..., "keras.Model"] | None = None,
    **facts: Any,
) -> Callable:
    """Register a builder under its own name.

    Args:
        space: draws the builder's hyper-parameters from a KerasTuner
            `HyperParameters`; the default of each draw is the builder's default.
        shared: the function to which the builder hands `**hyper`, if it does:
            its keyword-only arguments are hyper-parameters too.
        **facts: the fields of `ModelFacts` but `name`.

    Returns:
        The decorator. The builder is called as `builder(image_size, **hyper)`,
        where keyword-only arguments are its hyper-parameters; with
        `imagenet` also as `builder(image_size, "imagenet", **hyper)`.

    Raises:
        ValueError: another module registered that name already.
    """

    def decorate(builder: Callable[..., "keras.Model"]) -> Callable[..., "keras.Model"]:
        name = builder.__name__
        taken = _ENTRIES.get(name)
        if taken and taken.builder.__module__ != builder.__module__:
            raise ValueError(
                f"model {name!r}: expected a new name, {taken.builder.__module__} has registered it already. Rename the builder."
            )
        _ENTRIES[name] = _Entry(ModelFacts(name=name, **facts), builder, space, shared)
        return builder

    return decorate


def list_models() -> list[str]:
    """The names of all models, family by family.

    Example:
        >>> list_models()[:2]
        ['lenet', 'minivggnet']
    """
    modules = [importlib.import_module(f"dfd_lib.models.{family}").__name__ for family in FAMILIES]
    # by family and not as imported; a model registered from elsewhere, such as a notebook, comes last
    return sorted(_ENTRIES, key=lambda name: [*modules, _ENTRIES[name].builder.__module__].index(_ENTRIES[name].builder.__module__))


def model_facts(name: str) -> ModelFacts:
    """What is known of a model without building it.

    Raises:
        ValueError: no such model; the message names the near miss and all models.

    Example:
        >>> model_facts("meso4").parameters
        28073
    """
    return _entry(name).facts


def hyper_defaults(name: str) -> dict[str, Any]:
    """A model's hyper-parameters with their defaults, which are its reference's; last `head`, which all have, see `models.heads`.

    Example:
        >>> hyper_defaults("meso4")["dropout"]
        0.5
    """
    entry = _entry(name)
    functions = [entry.builder, entry.shared] if entry.shared else [entry.builder]
    parameters = [one for function in functions for one in inspect.signature(function).parameters.values()]
    return {one.name: one.default for one in parameters if one.kind is one.KEYWORD_ONLY} | {"head": ONE_UNIT}


def trunk_of(name: str, hyper: Mapping[str, Any]) -> str:
    """The model whose ImageNet weights a model takes: itself, or its backbone where it has one.

    Example:
        >>> trunk_of("vgg16", {}), trunk_of("resnext_lstm", {}), trunk_of("resnext_lstm", {"backbone": "xception"})
        ('vgg16', 'resnext50', 'xception')
    """
    return {"backbone": name, **hyper_defaults(name), **hyper}["backbone"]


def build(name: str, *, image_size: int | None = None, weights: str | None = None, **hyper: Any) -> "keras.Model":
    """Build a model.

    Its initial weights are drawn from Keras' own generator: call
    `keras.utils.set_random_seed(seed)` before.

    Args:
        name: one of `list_models()`.
        image_size: side of the input in pixels; default: the reference's.
        weights: None; `"imagenet"` where `model_facts(name).imagenet`; or a
            file, see `dfd_lib.models.weights.load_weights`.
        **hyper: the model's hyper-parameters, see `hyper_defaults(name)`.

    Returns:
        A model named `name`. In: RGB 0..255, uint8 or float, (batch, image_size, image_size, 3);
        of clips (batch, frames, ...), and bool (batch, frames): which frames there are. Out:
        P(fake), float32 (batch, 1) in [0, 1].

    Raises:
        ValueError: an unknown model or hyper-parameter, a size that is too
            small, a value that cannot be built, or weights that do not fit.
        FileNotFoundError: the weight file is not there.
    """
    facts, builder, *_ = _entry(name)
    choices = hyper_defaults(name)
    for key in hyper:
        if key not in choices:
            raise _unknown(f"model {name!r}: hyper-parameter", key, choices)
    size = _checked_size(facts, image_size)
    if weights == "imagenet" and not facts.imagenet:
        with_imagenet = ", ".join(other for other in list_models() if model_facts(other).imagenet)
        raise ValueError(
            f"model {name!r}: expected a weight file or no weights, came 'imagenet'; ImageNet weights exist for {with_imagenet}."
        )
    from dfd_lib.models.normal import fuse

    pretrained = ["imagenet"] if weights == "imagenet" else []
    try:
        inside = {key: value for key, value in hyper.items() if key != "head"}
        model = fuse(with_head(builder(size, *pretrained, **inside), hyper.get("head", ONE_UNIT)))
    except (TypeError, ValueError) as error:
        asked = ", ".join(f"{key}={value!r}" for key, value in {"image_size": size, **hyper}.items())
        reason = " ".join(str(error).split())
        raise ValueError(f"model {name!r}: cannot be built with {asked}: {reason} (defaults: {choices})") from error
    if weights is not None and not pretrained:
        from dfd_lib.models.weight_files import load_into

        load_into(model, weights)
    return model


def search_space(name: str, hp: "keras_tuner.HyperParameters") -> dict[str, Any]:
    """Draw a model's hyper-parameters from its own search space.

    Args:
        name: one of `list_models()`.
        hp: KerasTuner's `HyperParameters`; what is drawn is recorded in it.

    Returns:
        Keyword arguments for `build`. A fresh `HyperParameters()` gives the defaults.

    Raises:
        ValueError: no such model.
    """
    return _entry(name).space(hp)


def describe() -> list[dict[str, Any]]:
    """One row a model, for `dfd models`.

    Returns:
        Dictionaries with name, input_size (pixels), outputs, parameters,
        trainable, and reference_parameters (with the reference's own head).

    Example:
        >>> describe()[0]["reference_parameters"]
        6428072
    """
    return [_row(model_facts(name)) for name in list_models()]


def _row(facts: ModelFacts) -> dict[str, Any]:
    return {
        "name": facts.name,
        "input_size": facts.input_size,
        "outputs": 1,
        "parameters": facts.parameters,
        "trainable": facts.trainable,
        "reference_parameters": facts.reference_parameters,
    }


def _entry(name: str) -> _Entry:
    names = list_models()
    if name not in names:
        raise _unknown("model", name, names)
    return _ENTRIES[name]


def _unknown(what: str, came: Any, choices: Iterable[str]) -> ValueError:
    choices = list(choices)
    hint = " ".join([did_you_mean(came, choices), f"Choose from {', '.join(choices)}."]).lstrip()
    return ValueError(f"{what} {came!r}: unknown; {hint}")


def _checked_size(facts: ModelFacts, image_size: Any) -> int:
    if image_size is None:
        return facts.input_size
    try:
        size = operator.index(image_size)
    except TypeError:
        size = 0
    if isinstance(image_size, bool) or size < facts.smallest:
        raise ValueError(
            f"model {facts.name!r}: image_size: expected a whole number of pixels, {facts.smallest} or more "
            f"(default {facts.input_size}), came {image_size!r}."
        )
    return size
