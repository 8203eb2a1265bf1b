"""What the tests of media share."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def as_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], None]]:
    """Permissions do not bind root: `as_nobody(folder)` gives root up until the test ends, `folder` still being reachable."""
    temporary = tmp_path_factory.getbasetemp().parent

    def become(folder: Path) -> None:
        if os.geteuid() != 0:
            return
        for above in (folder, *folder.parents):
            if above.is_relative_to(temporary):
                above.chmod(above.stat().st_mode | 0o011)
        os.seteuid(65534)
        if not os.access(folder, os.X_OK, effective_ids=True):
            pytest.skip(f"runs as root, and nobody else reaches {temporary}")

    before = os.geteuid()
    yield become
    os.seteuid(before)
