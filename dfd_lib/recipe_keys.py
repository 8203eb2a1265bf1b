"""Every key of a recipe with its default and its meaning, read off the classes that check recipes: what `dfd keys` prints."""

import types
import typing
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dfd_lib.experiment import Experiment, Model, Training

NAMED = "NAME"
"""Stands for a name of the user's own: of a model, or of a change."""

_ENDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


def recipe_keys(part: str = "") -> list[dict[str, str]]:
    """The keys of a recipe, or of one part of it.

    What stands under `training` may stand under a model too, for that model alone; it is listed once.

    Args:
        part: a key's beginning, such as `training.augment` or `models.NAME.tune`; nothing: all.

    Returns:
        A row each: key, kind (of value, with the bounds of a number), default (`-` where there is none), meaning.

    Raises:
        ValueError: no key begins so.

    Example:
        >>> recipe_keys("split.train")
        [{'key': 'split.train', 'kind': 'float above 0 and below 1', 'default': '0.6', 'meaning': 'what networks learn from'}]
    """
    rows = [row for row in _rows(Experiment, "") if f"{row['key'].replace('[]', '')}.".startswith(f"{part}." if part else "")]
    if not rows:
        parts = dict.fromkeys(row["key"].partition(".")[0] for row in _rows(Experiment, ""))
        raise ValueError(f"keys: expected the beginning of a key, came {part!r}; there are {', '.join(parts)}")
    return rows


def _rows(model: type[BaseModel], before: str) -> Iterator[dict[str, str]]:
    for name, field in model.model_fields.items():
        if (model is Experiment and name == "name") or (model is Model and name in Training.model_fields):
            continue  # that is the recipe's folder; these stand under `training`
        key, (inner, many) = f"{before}{name}", _inside(field.annotation)
        if inner is None:
            yield {
                "key": key,
                "kind": _kind(field.annotation, _bounds(field)),
                "default": _default(field),
                "meaning": field.description or "",
            }
        else:
            yield from _rows(inner, f"{key}{many}.")


def _inside(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    """The class of a part's own keys, and what stands between: `.NAME` in a mapping, `[]` in a list; None for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    between = {dict: f".{NAMED}", list: "[]"}.get(typing.get_origin(annotation), "")
    for one in typing.get_args(annotation)[-1:] if between else typing.get_args(annotation):
        inner, more = _inside(one)
        if inner is not None:
            return inner, between + more
    return None, ""


def _bounds(field: FieldInfo) -> str:
    """What a number must be, as it is said behind its type: ` from 0 to 1`, ` of at least 8`; empty where it may be any."""
    ends = {name: getattr(one, name) for one in field.metadata for name in _ENDS if hasattr(one, name)}
    if ends.keys() == {"ge", "le"}:
        return f" from {ends['ge']:g} to {ends['le']:g}"
    said = " and ".join(f"{words} {ends[name]:g}" for name, words in _ENDS.items() if name in ends)
    return f" of {said}" if said.startswith("at") else f" {said}" if said else ""


def _kind(annotation: Any, bounds: str = "") -> str:
    """A type as one would say it: `float`, `int of at least 1 or nothing`, `one of adam, sgd`."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is type(None):
        return "nothing"
    if origin is typing.Literal:
        return f"one of {', '.join(map(str, inner))}"
    if origin is typing.Annotated:
        return _kind(inner[0], bounds)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_kind(one, bounds) for one in inner)
    if origin is list:
        return f"list of {_kind(inner[0])}"
    name = "mapping" if origin is dict else getattr(annotation, "__name__", str(annotation))
    return name + bounds if annotation in (int, float) else name


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "{}"
    return "-" if field.is_required() else "nothing" if field.default is None else _yaml(field.default)


def _yaml(value: Any) -> str:
    """As it would be written in a recipe."""
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n...\n").strip()
