"""Under which terms a detector's networks are: the code that builds each, and the weights that its training started from."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dfd_lib.detector.spec import Member
from dfd_lib.experiment import Experiment, Model
from dfd_lib.models.registry import model_facts, trunk_of

UNSTATED = "terms not stated in the recipe"
"""Of weights from a file whose recipe has no `weights_licence`."""


def licences(experiment: Experiment, members: Sequence[Member]) -> list[str]:
    """A line for each member; of a soup, the weights are those that its own members started from."""
    return [_line(one, _starts(experiment, one.name)) for one in members]


def _line(member: Member, starts: Iterable[str]) -> str:
    weights = " and ".join(dict.fromkeys(starts)) or "nothing"
    return f"{member.name} ({member.model}): code {model_facts(member.model).licence}; weights started from {weights}"


def _starts(experiment: Experiment, name: str) -> Iterator[str]:
    """What a network's weights started from, and the terms of that."""
    model = experiment.models.get(name)
    if model is None:
        yield f"what the recipe no longer names, {UNSTATED}"
    elif model.soup:
        for one in model.soup:
            yield from _starts(experiment, one)
    else:
        yield from _of_one(model)


def _of_one(model: Model) -> Iterator[str]:
    if model.weights == "imagenet":
        yield f"ImageNet's, {model.weights_licence or model_facts(trunk_of(model.model, model.hyper)).imagenet}"
    yield from (f"{Path(file).name}, {model.weights_licence or UNSTATED}" for file in model.weight_files)
