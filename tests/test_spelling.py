"""The hint of an error is the nearest word, or what the caller says instead."""

import pytest

from dfd_lib.spelling import did_you_mean


@pytest.mark.parametrize(
    ("came", "hint"),
    [
        ("lenett", "did you mean 'lenet'?"),
        ("meso_4", "did you mean 'meso4'?"),
        ("zzz", "lenet or meso4"),
        (7, "lenet or meso4"),
        ("", "lenet or meso4"),
    ],
)
def test_the_nearest_word(came: object, hint: str) -> None:
    assert did_you_mean(came, iter(["lenet", "meso4"]), "lenet or meso4") == hint


def test_without_a_near_word_or_any_word_there_is_no_hint() -> None:
    assert did_you_mean("zzz", ["lenet"]) == did_you_mean("lenet", []) == ""
