"""The names of a model's search space, without KerasTuner, which takes seconds to load."""

from typing import Any

from dfd_lib.models.registry import search_space

OF_TRAINING = ("learning_rate", "optimizer", "brightness", "contrast")
"""What a search may change beside a model's own hyper-parameters."""


def searched_names(model: str) -> list[str]:
    """What a search of a model may change: its own hyper-parameters, then those of training.

    Raises:
        ValueError: no such model.

    Example:
        >>> searched_names("meso4")[:3]
        ['width', 'dense', 'dropout']
    """
    listing = _Listing()
    search_space(model, listing)
    return [*listing.names, *OF_TRAINING]


class _Listing:
    """Takes KerasTuner's place: gives every default and notes the name."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __getattr__(self, kind: str) -> Any:  # Choice, Int, Float, Boolean, Fixed
        if not kind[:1].isupper():
            raise AttributeError(kind)
        return self._note

    def _note(self, name: str, *values: Any, default: Any = None, **_: Any) -> Any:
        self.names.append(name)
        return default
