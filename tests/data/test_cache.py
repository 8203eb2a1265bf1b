"""The cache: made once however many ask, bounded, and nothing goes that somebody reads."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from dfd_lib.cli import app
from dfd_lib.data.cache import cached_array, cached_bytes, entries, make_room
from dfd_lib.data.contents import contents_hash
from dfd_lib.paths import PART

MEGA = 10**6


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    monkeypatch.delenv("DFD_CACHE_GB", raising=False)
    return tmp_path / "data" / "cache"


def megabyte(name, value=0):
    """One megabyte of one value under a name; how often it was made is in `made`."""

    def fill(write):
        made.append(name)
        for row in range(10):
            write(row, np.full((100, 1000), value, np.uint8))

    return cached_array(name, (10, 100, 1000), np.uint8, fill)


made: list[str] = []


def names():
    return [entry.path.stem for entry in entries()]


@pytest.mark.parametrize(("shape", "dtype"), [((7, 3, 5), np.uint8), ((6, 2), np.float32), ((3,), np.int64)])
def test_rows_come_back_as_they_were_written_in_any_order(shape, dtype):
    wanted = (np.random.default_rng(1).normal(size=shape) * 50).astype(dtype)

    def fill(write):
        write(2, wanted[2:])  # several rows at once
        write(0, wanted[0])
        write(1, wanted[1:2])

    came = cached_array("a", shape, dtype, fill)
    assert came.dtype == dtype
    np.testing.assert_array_equal(came, wanted)
    np.testing.assert_array_equal(np.load(came.filename), wanted)  # an ordinary .npy file
    with pytest.raises(ValueError, match="read-only"):
        came[0] = 1


def test_the_least_recently_used_go_first_and_never_what_is_read(monkeypatch):
    made.clear()
    monkeypatch.setenv("DFD_CACHE_GB", "0.0035")  # three and a half
    held = megabyte("a", 7)
    for name in "bc":
        megabyte(name)
    for age, name in enumerate("abc"):
        os.utime(Path(held.filename).with_stem(name), (1000 + age, 1000 + age))
    megabyte("b")  # used again, so c is older now
    megabyte("d")
    assert set(names()) == {"a", "b", "d"}
    assert held[3, 4, 5] == 7
    del held
    os.utime(entries()[0].path.with_stem("a"), (1, 1))
    megabyte("e")
    assert set(names()) == {"b", "d", "e"}
    assert made == list("abcde")


def test_what_failed_leaves_nothing_and_is_made_again(folder):
    def broken(write):
        write(0, np.zeros(4))
        raise ValueError("crop 3: not a picture")

    with pytest.raises(ValueError, match="crop 3"):
        cached_array("a", (2, 4), np.float32, broken)
    assert list(folder.iterdir()) == []
    assert cached_array("a", (2, 4), np.float32, lambda write: write(0, np.ones((2, 4)))).sum() == 8


TWO = """
import sys, time
from pathlib import Path
import numpy as np
from dfd_lib.data.cache import cached_array
out = Path(sys.argv[1])
def fill(write):
    (out / f"made-{sys.argv[2]}").touch()
    time.sleep(0.3)
    write(0, np.arange(12, dtype=np.int64).reshape(4, 3))
(out / f"ready-{sys.argv[2]}").touch()
while len(list(out.glob("ready-*"))) < 3:
    time.sleep(0.005)
print(cached_array("both", (4, 3), np.int64, fill).sum())
"""


def test_processes_that_want_it_at_once_make_it_once(tmp_path):
    runs = [subprocess.Popen([sys.executable, "-c", TWO, tmp_path, str(one)], stdout=subprocess.PIPE, text=True) for one in range(3)]
    assert [run.communicate()[0].strip() for run in runs] == ["66"] * 3
    assert len(list(tmp_path.glob("made-*"))) == 1


KILLED = """
import os, signal
import numpy as np
from dfd_lib.data.cache import cached_array
def fill(write):
    write(0, np.ones(1000, np.uint8))
    os.kill(os.getpid(), signal.SIGKILL)
cached_array("half", (5, 1000), np.uint8, fill)
"""


def test_what_a_killed_process_left_goes_when_room_is_made(folder):
    assert subprocess.run([sys.executable, "-c", KILLED], check=False).returncode == -9
    assert list(folder.glob(f"{PART}*"))
    assert names() == []
    megabyte("a")
    assert [path.name for path in folder.iterdir()] == ["a.npy"]


def test_half_a_network_goes_too(folder):
    def killed():
        (folder / f"{PART}net.onnx-1").mkdir()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached_bytes("net.onnx", killed)
    assert list(folder.glob(f"{PART}net*"))
    make_room()
    assert not list(folder.glob(f"{PART}net*"))


def test_rows_that_were_never_written_count_for_nothing(folder):
    cached_array("sparse", (1000, MEGA), np.uint8, lambda write: write(7, np.ones(MEGA, np.uint8)))
    (entry,) = entries()
    assert entry.path.stat().st_size > 999 * MEGA
    assert entry.bytes == pytest.approx(MEGA, rel=0.1)


def test_the_command_lists_and_removes(folder):
    held = megabyte("pixels-1")
    megabyte("pixels-2")
    (folder / "pixels-of-another-version.npy").write_bytes(b"x" * MEGA)
    run = CliRunner()
    rows = {row["name"]: row for row in json.loads(run.invoke(app, ["cache", "--json"]).stdout)}
    assert {name: row["in_use"] for name, row in rows.items()} == {
        "pixels-1": True,
        "pixels-2": False,
        "pixels-of-another-version": False,
    }
    assert rows["pixels-1"]["megabytes"] == pytest.approx(1, rel=0.01)
    assert "removed 2 arrays" in run.invoke(app, ["cache", "--clear"]).stderr
    assert names() == ["pixels-1"]
    del held
    run.invoke(app, ["cache", "--limit", "0"])
    assert names() == []


def test_a_limit_that_is_no_number_is_refused(monkeypatch):
    monkeypatch.setenv("DFD_CACHE_GB", "much")
    with pytest.raises(ValueError, match="DFD_CACHE_GB: expected a number of gigabytes such as 20, came 'much'"):
        make_room()


def test_contents_are_read_again_only_when_a_file_was_touched(tmp_path, monkeypatch):
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * 9)
    read = []
    plain = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path.name) or plain(path))
    first = contents_hash(paths)
    assert contents_hash(paths) == first
    assert len(read) == 6  # so fresh that they could change within a tick of the clock: not remembered
    later = time.time_ns() + 10**10
    monkeypatch.setattr(time, "time_ns", lambda: later)
    assert [contents_hash(paths) for _ in range(3)] == [first] * 3
    assert len(read) == 9
    facts = paths[1].stat()
    paths[1].write_bytes(b"x" * 9)
    os.utime(paths[1], ns=(facts.st_atime_ns, facts.st_mtime_ns))  # same size and age, but ctime tells
    assert contents_hash(paths) != first
    assert len(read) == 12
    assert contents_hash(paths[::-1]) != contents_hash(paths)
