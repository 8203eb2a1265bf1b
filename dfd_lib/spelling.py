"""The nearest word to a misspelt one, for errors that say what was probably meant."""

import difflib
from collections.abc import Iterable


def did_you_mean(came: object, choices: Iterable[str], otherwise: str = "") -> str:
    """A hint for a word that is none of the choices.

    Args:
        came: what was given; anything is taken as it prints.
        choices: the words that are allowed.
        otherwise: what to say where none of them is near.

    Example:
        >>> did_you_mean("lenett", ["lenet", "meso4"])
        "did you mean 'lenet'?"
        >>> did_you_mean("zzz", ["lenet", "meso4"], "expected one of lenet, meso4")
        'expected one of lenet, meso4'
    """
    near = difflib.get_close_matches(str(came), list(choices), 1)
    return f"did you mean {near[0]!r}?" if near else otherwise
