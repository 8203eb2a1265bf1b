"""A page that is served in a process of its own, as a user starts it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
import tiny_bundle


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(address: str, process: subprocess.Popen, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.3)
    raise RuntimeError(f"the page did not start: {process.communicate()[1]}")


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    """The address of a page around the tiny detector, and the folder in which it keeps what is temporary."""
    folder = tmp_path_factory.mktemp("page")
    bundle, port = tiny_bundle.write(folder / "tiny.dfd"), free_port()
    (folder / "temporary").mkdir()
    command = [sys.executable, "-m", "dfd_lib.cli", "page", "--detector", str(bundle), "--port", str(port), "--megabytes", "20"]
    environment = {**os.environ, "TMPDIR": str(folder / "temporary"), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, cwd=folder)
    try:
        wait_for(f"http://127.0.0.1:{port}/", process)
        yield f"http://127.0.0.1:{port}", folder / "temporary"
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium; a machine without it skips."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs a Chromium on the PATH (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()
