"""What all tests share: a quiet TensorFlow, figures without a screen, outputs away from the checkout, real data where there is some."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)  # the same examples on every machine, however slow
settings.load_profile("repeatable")

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before the first import of TensorFlow
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "2")  # the same sums in the same order on any machine
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ["MPLBACKEND"] = "Agg"


@pytest.fixture(scope="session", autouse=True)
def away_from_the_checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever a test writes by its default place goes to a temporary folder; the recipes stay the checkout's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DFD_OUT", str(tmp_path_factory.mktemp("out")))
        patch.delenv("DFD_PROJECT", raising=False)
        yield


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """`shared_data("dfdc_faces")`: a real data set under DFD_DATA; the test is skipped where there is none."""
    return lambda name: _under("DFD_DATA", name)


@pytest.fixture(scope="session")
def shared_weights() -> Callable[[str], Path]:
    """`shared_weights("mesonet/Meso4_DF.h5")`: a file under DFD_WEIGHTS; the test is skipped where there is none."""
    return lambda name: _under("DFD_WEIGHTS", name)


def _under(variable: str, name: str) -> Path:
    place = Path(os.environ.get(variable, "nowhere")) / name
    if not place.exists():
        pytest.skip(f"needs {name} under {variable}, which is not part of the checkout")
    return place
