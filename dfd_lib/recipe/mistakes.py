"""What is wrong with a recipe, in words: which key, what came, what was probably meant."""

from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from dfd_lib.spelling import did_you_mean


def explain(error: ValidationError, root: type[BaseModel]) -> str:
    """All mistakes in one line.

    Args:
        error: what pydantic found.
        root: the class that was asked to read the recipe; says which keys there are.

    Example:
        >>> class Small(BaseModel, extra="forbid"):
        ...     epochs: int = 1
        >>> try:
        ...     Small.model_validate({"epoch": 3})
        ... except ValidationError as error:
        ...     print(explain(error, Small))
        epoch: unknown key; did you mean 'epochs'?
    """
    return "; ".join(_one(item, root) for item in error.errors())


def _one(item: dict[str, Any], root: type[BaseModel]) -> str:
    where = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        fields = _keys_at(item["loc"][:-1], root)
        return f"{where}: unknown key; {did_you_mean(item['loc'][-1], fields, 'expected one of ' + ', '.join(fields))}"
    if item["type"] == "missing":
        return f"{where}: missing; add it"
    came = "" if isinstance(item["input"], dict) else f", came {item['input']!r}"
    return f"{where}: {item['msg'].removeprefix('Value error, ')}{came}"


def _keys_at(location: tuple, part: type[BaseModel]) -> list[str]:
    for step in location:
        if step in part.model_fields:  # else the name of an entry, such as a model's own
            part = next(one for one in _classes(part.model_fields[step].annotation))
    return list(part.model_fields)


def _classes(annotation: Any) -> list[type[BaseModel]]:
    """The parts of a recipe that an annotation names: of itself, of a union, or of a dictionary's values."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for one in get_args(annotation) for found in _classes(one)]
