"""A page that is served in a process of its own, as a user starts it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import tiny_bundle
from served_page import free_port, wait_for


class Served(NamedTuple):
    address: str
    folder: Path
    """Where it keeps what is temporary."""
    pid: int


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    """A page around the tiny detector."""
    folder = tmp_path_factory.mktemp("page")
    bundle, port = tiny_bundle.write(folder / "tiny.dfd", **tiny_bundle.told()), free_port()
    (folder / "temporary").mkdir()
    command = [sys.executable, "-m", "dfd_lib.cli", "page", "--detector", str(bundle), "--port", str(port), "--megabytes", "20"]
    environment = {**os.environ, "TMPDIR": str(folder / "temporary"), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, cwd=folder)
    try:
        wait_for(f"http://127.0.0.1:{port}/", process)
        yield Served(f"http://127.0.0.1:{port}", folder / "temporary", process.pid)
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture(scope="session")
def launch():
    """Debian's Chromium: `launch("--some-switch")` opens it; a machine without it skips."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs a Chromium on the PATH (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield lambda *switches: playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", *switches])


@pytest.fixture(scope="session")
def browser(launch):
    opened = launch()
    yield opened
    opened.close()
