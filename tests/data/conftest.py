"""What the tests of media share."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def as_nobody() -> Iterator[Callable[[Path], None]]:
    """Permissions do not bind root: give it up for one test, having opened the folders above a path."""

    def become(folder: Path) -> None:
        if os.geteuid() == 0:
            for above in (folder, *folder.parents):
                if above.stat().st_uid == 0 and not above.stat().st_mode & 0o001:
                    above.chmod(0o711)
            os.seteuid(65534)

    before = os.geteuid()
    yield become
    os.seteuid(before)
