"""Check a recipe's values before hours of work: names, files and sizes that only later steps would refuse."""

from collections.abc import Iterable
from pathlib import Path

from dfd_lib.data.corruptions import conditions
from dfd_lib.data.sources import LAYOUTS
from dfd_lib.evaluation.aggregate import AGGREGATORS
from dfd_lib.evaluation.claims import PUBLISHED
from dfd_lib.evaluation.rules import RULES
from dfd_lib.experiment import Experiment, Model
from dfd_lib.models.heads import HEADS
from dfd_lib.models.registry import hyper_defaults, list_models, model_facts, trunk_of
from dfd_lib.models.space import searched_names
from dfd_lib.models.torchvision_weights import imagenet_file
from dfd_lib.paths import find_source, find_weights, project_root, recipes
from dfd_lib.recipe.ablations import changed
from dfd_lib.spelling import did_you_mean


def check_recipe(experiment: Experiment) -> None:
    """Refuse what a recipe names and what is not there.

    Args:
        experiment: a recipe whose keys and types are right already.

    Raises:
        ValueError: an unknown model, hyper-parameter, layout, aggregator, rule,
            member, corruption, published system or other experiment, or an image that is too small for its model.
        FileNotFoundError: the data, the groups' file or a weight file is missing.
    """
    name = experiment.name
    for key, model in experiment.models.items():
        _check_model(f"experiment {name!r}: models.{key}", model)
        _one_of(f"experiment {name!r}: models.{key}.soup", model.soup, [one for one in experiment.models if one != key])
    for key, model in experiment.models.items():
        _one_of(f"experiment {name!r}: models.{key}.teacher.models", (model.teacher and model.teacher.models) or [], _teachers(experiment))
    rule, tried = experiment.evaluation, experiment.ensembles
    _one_of(f"experiment {name!r}: evaluation.aggregator", [rule.aggregator], AGGREGATORS)
    _one_of(f"experiment {name!r}: ensembles.rules", tried.rules, RULES)
    _one_of(f"experiment {name!r}: ensembles.members", tried.members or [], experiment.models)
    _one_of(f"experiment {name!r}: data.layout", [experiment.data.layout], ["auto", *LAYOUTS])
    if tax := experiment.leak_tax:
        own = experiment.models.get(tax.model, Model(model=tax.model))
        _check_labels_alone(f"experiment {name!r}: leak_tax.model", own, tax.model)
        _check_model(f"experiment {name!r}: leak_tax", own.model_copy(update={"image_size": tax.image_size or own.image_size}))
    _check_generalise(experiment)
    _check_systems(experiment)
    _check_ablations(experiment)
    if experiment.data.source != "demo":
        _check_data(name, find_source(experiment.data.source, project_root()), experiment.data.groups)


def _teachers(experiment: Experiment) -> list[str]:
    """Models that score single frames and learned from no teacher, be it as parts of a soup."""
    models = experiment.models

    def untaught(key: str, above: tuple[str, ...] = ()) -> bool:
        soup = models[key].soup
        return models[key].teacher is None and key not in above and all(untaught(one, (*above, key)) for one in soup)

    return [key for key, model in models.items() if model_facts(model.model).takes == "frame" and untaught(key)]


def _check_model(where: str, model: Model) -> None:
    try:
        facts = model_facts(model.model)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    _one_of(f"{where}.hyper", model.hyper, hyper_defaults(model.model))
    _one_of(f"{where}.hyper.head", [model.head], HEADS)
    if model.tune is not None:
        _check_labels_alone(f"{where}.tune", model)
        _one_of(f"{where}.tune.only", model.tune.only or [], searched_names(model.model))
    if model.image_size is not None and model.image_size < facts.smallest:
        raise ValueError(f"{where}.image_size: expected at least {facts.smallest} pixels for {model.model}, came {model.image_size}")
    if facts.takes == "frame" and model.order != "time":
        raise ValueError(f"{where}.order: expected nothing for {model.model}, which takes frames and no clips; came {model.order!r}")
    if facts.takes == "clip":
        _check_clips(where, model)
        frames = [one for one in list_models() if model_facts(one).takes == "frame"]
        _one_of(f"{where}.hyper.backbone", [trunk_of(model.model, model.hyper)], frames)
    if model.weights == "imagenet":
        if not facts.imagenet:
            raise ValueError(f"{where}.weights: expected a file or nothing, came 'imagenet', of which {model.model} has none")
        if trunk_of(model.model, model.hyper) == "resnext50":
            imagenet_file(model.model)  # nobody can download it at training, as Keras does its own
    elif model.weights:
        find_weights(model.weights)


def _check_clips(where: str, model: Model) -> None:
    """What is made of, or said of, single crops cannot be learned from clips."""
    asked = {"teacher": model.teacher, "self_blended": model.self_blended != "no", "augment.mixup": model.augment.mixup}
    if key := next((key for key, there in asked.items() if there), ""):
        raise ValueError(f"{where}.{key}: expected a model of single crops, came {model.model}, which takes clips. Leave {key} out.")


def _check_generalise(experiment: Experiment) -> None:
    where, asked = f"experiment {experiment.name!r}: generalise", experiment.generalise
    _check_conditions(where, asked.conditions)
    _check_conditions(f"experiment {experiment.name!r}: detector", experiment.detector.conditions)
    _one_of(f"{where}.cross", asked.cross, [name for name in recipes() if name != experiment.name])
    _one_of(f"{where}.leave_out", asked.leave_out, experiment.models)
    for name in asked.leave_out:
        _check_labels_alone(f"{where}.leave_out", experiment.models[name], name)


def _check_labels_alone(where: str, model: Model, name: str = "this one") -> None:
    """What is trained again, or many times, is trained by itself: without its teacher, and a soup not at all."""
    if model.comes_of_others:
        kind = "a soup" if model.soup else "a student"
        raise ValueError(f"{where}: expected a model that learns from labels alone, {name} is {kind}. Leave it out.")


def _check_conditions(where: str, asked: list[str]) -> None:
    try:
        conditions(asked)
    except ValueError as error:
        raise ValueError(f"{where}.conditions: {error}") from None


def _check_systems(experiment: Experiment) -> None:
    models = experiment.models
    for number, system in enumerate(experiment.systems):
        where = f"experiment {experiment.name!r}: systems.{number}"
        _one_of(f"{where}.claim", [system.claim], [claim.name for claim in PUBLISHED])
        _one_of(f"{where}.published", system.published, models)
        _one_of(f"{where}.own", system.own, models)
        for ours, theirs in zip(system.own, system.published, strict=False):
            if models[ours].model != models[theirs].model:
                came = f"{ours} is of {models[ours].model}, {theirs} is of {models[theirs].model}"
                raise ValueError(f"{where}.own: expected the same architecture as in `published`, came another: {came}")


def _check_ablations(experiment: Experiment) -> None:
    asked = experiment.ablations
    _check_conditions(f"experiment {experiment.name!r}: ablations", asked.conditions if asked else [])
    for name, change in (asked.changes if asked else {}).items():
        where = f"experiment {experiment.name!r}: ablations.changes.{name}"
        _check_model(where, changed(experiment.models[asked.base], asked.quick, change))


def _check_data(name: str, source: Path, groups: str | None) -> None:
    if groups and not (source / groups).is_file():
        raise FileNotFoundError(f"experiment {name!r}: data.groups: expected a CSV file {groups} in {source}, found none")


def _one_of(where: str, given: Iterable[str], allowed: Iterable[str]) -> None:
    allowed = list(allowed)
    for value in given:
        if value not in allowed:
            hint = did_you_mean(value, allowed, f"expected one of {', '.join(allowed)}")
            raise ValueError(f"{where}: unknown {value!r}; {hint}")
