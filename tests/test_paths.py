"""Where things are looked for, and that a file appears whole or not at all, however its writer ends."""

import functools
import hashlib
import http.server
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dfd_lib import paths

KILLED = """
import os, pathlib, signal, sys
from dfd_lib.paths import whole
with whole(sys.argv[1]) as beside:
    if sys.argv[2] == "folder":
        beside.mkdir()
        beside = beside / "part"
    beside.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_a_file_appears_only_at_the_end(tmp_path):
    target = tmp_path / "deep" / "table.csv"
    with paths.whole(target) as beside:
        beside.write_text("rows")
        assert visible(target.parent) == []
    assert target.read_text() == "rows"
    assert list(target.parent.iterdir()) == [target]


def test_the_name_beside_keeps_the_suffix_that_writers_go_by(tmp_path):
    with paths.whole(tmp_path / "best.weights.h5") as beside:
        assert beside.name == "best.weights.h5"
        beside.write_text("")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_what_was_there_before(tmp_path, error):
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(error), paths.whole(target) as beside:
        beside.write_text("half of the new")
        raise error
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_writing_nothing_is_an_error_and_loses_nothing(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(FileNotFoundError), paths.whole(target):
        pass
    assert target.read_text() == "old"


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    target = tmp_path / "crops"
    for names in (["a.png", "b.png"], ["c.png"]):
        with paths.whole(target) as beside:
            beside.mkdir()
            for name in names:
                (beside / name).write_text(name)
    assert visible(target) == ["c.png"]
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_writer_killed_half_way_leaves_nothing_that_looks_finished(tmp_path, kind):
    target = tmp_path / "out"
    done = subprocess.run([sys.executable, "-c", KILLED, target, kind], check=False)
    assert done.returncode == -9
    assert visible(tmp_path) == []
    with paths.whole(target) as beside:
        beside.write_text("all")
    paths.remove_parts(tmp_path, "another")
    assert len(list(tmp_path.iterdir())) == 2  # what the killed one left is not another's
    paths.remove_parts(tmp_path, "out")
    assert list(tmp_path.iterdir()) == [target]
    assert target.read_text() == "all"


def test_two_writers_of_one_file_do_not_mix(tmp_path):
    target = tmp_path / "table.csv"
    with paths.whole(target) as first, paths.whole(target) as second:
        first.write_text("first" * 1000)
        second.write_text("second")
        assert first != second
    assert target.read_text() == "first" * 1000  # the one that finished last, entire
    assert list(tmp_path.iterdir()) == [target]


def test_the_four_variables_move_the_folders(tmp_path, monkeypatch):
    for variable in ("DFD_PROJECT", "DFD_OUT"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    assert paths.recipe("demo") == tmp_path / "DFD_PROJECT/reports/demo/experiment.yaml"
    assert paths.notebook("40_train") == tmp_path / "DFD_PROJECT/notebooks/40_train.ipynb"
    assert paths.report_dir("demo") == tmp_path / "DFD_OUT/reports/demo"
    assert paths.faces_dir("demo") == tmp_path / "DFD_OUT/data/faces/demo"
    monkeypatch.delenv("DFD_OUT")
    assert paths.cache_dir() == tmp_path / "DFD_PROJECT/data/cache"


def test_the_checkout_is_the_project_whatever_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (paths.project_root() / "pyproject.toml").is_file()


def test_recipes_are_the_folders_that_have_one(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_PROJECT", str(tmp_path))
    for name in ("b", "a", "none"):
        (tmp_path / "reports" / name).mkdir(parents=True)
    for name in ("b", "a"):
        (tmp_path / "reports" / name / "experiment.yaml").write_text("")
    assert paths.recipes() == ["a", "b"]


def test_a_source_is_found_by_path_then_under_dfd_data_then_in_data_raw(tmp_path, monkeypatch):
    here, shelf, out = (tmp_path / name for name in ("here", "shelf", "out"))
    for folder in (here, shelf, out / "data" / "raw"):
        (folder / "clips").mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setenv("DFD_DATA", str(shelf))
    monkeypatch.setenv("DFD_OUT", str(out))
    for expected in (here, shelf, out / "data" / "raw"):
        assert paths.find_source("clips") == expected / "clips"
        assert paths.find_source(expected / "clips") == expected / "clips"
        (expected / "clips").rmdir()
    with pytest.raises(FileNotFoundError, match="data source 'clips'") as caught:
        paths.find_source("clips")
    for looked in (here, shelf, out / "data" / "raw"):
        assert str(looked / "clips") in str(caught.value)
    assert "DFD_DATA" in str(caught.value)


def test_weights_are_found_by_path_then_under_dfd_weights(tmp_path, monkeypatch):
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf" / "a.h5").write_text("")
    monkeypatch.setenv("DFD_WEIGHTS", str(tmp_path / "shelf"))
    assert paths.find_weights("a.h5") == paths.find_weights(tmp_path / "shelf" / "a.h5") == tmp_path / "shelf" / "a.h5"
    with pytest.raises(FileNotFoundError, match=r"weights 'b\.h5'.*DFD_WEIGHTS") as caught:
        paths.find_weights("b.h5")
    assert str(tmp_path / "shelf") in str(caught.value)
    with pytest.raises(FileNotFoundError):
        paths.find_weights(tmp_path / "shelf")  # a folder is no weight file


@pytest.fixture
def published(tmp_path):
    """(address, SHA-256, how to end it) of a file that a server of our own gives away."""
    shelf = tmp_path / "server"
    shelf.mkdir()
    (shelf / "net.onnx").write_bytes(b"weights")
    handler = functools.partial(Quiet, directory=str(shelf))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def end():
        server.shutdown()
        server.server_close()

    yield f"http://127.0.0.1:{server.server_port}/net.onnx", hashlib.sha256(b"weights").hexdigest(), end
    end()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_published_weights_are_downloaded_once(tmp_path, monkeypatch, published, capfd):
    address, sha256, end = published
    monkeypatch.delenv("DFD_WEIGHTS", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    target = tmp_path / "cache/dfd-lab/family/net.onnx"
    with pytest.raises(ValueError, match=f"expected a file of SHA-256 {'0' * 64}, came another"):
        paths.fetch_weights("family/net.onnx", address, "0" * 64)
    assert not target.exists()
    assert paths.fetch_weights("family/net.onnx", address, sha256) == target
    assert target.read_bytes() == b"weights"
    end()
    assert paths.fetch_weights("family/net.onnx", address, sha256) == target
    monkeypatch.setenv("DFD_WEIGHTS", str(tmp_path / "mine"))
    assert paths.fetch_weights("family/net.onnx", address, sha256) == target, "also where DFD_WEIGHTS has others"
    own = tmp_path / "mine/family/net.onnx"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"my own")
    assert paths.fetch_weights("family/net.onnx", address, sha256) == own, "DFD_WEIGHTS wins"
    with pytest.raises(FileNotFoundError, match=r"other\.onnx.*could not be read.*set DFD_WEIGHTS to a folder that holds family/"):
        paths.fetch_weights("family/other.onnx", address, sha256)
    assert capfd.readouterr() == ("", "")


def test_damaged_weights_are_downloaded_again_or_refused(tmp_path, monkeypatch, published):
    address, sha256, end = published
    monkeypatch.delenv("DFD_WEIGHTS", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    target = paths.fetch_weights("family/net.onnx", address, sha256)
    target.write_bytes(b"weig")
    assert paths.fetch_weights("family/net.onnx", address, sha256).read_bytes() == b"weights"
    target.write_bytes(b"weig")
    end()
    with pytest.raises(FileNotFoundError, match=r"net\.onnx: expected a file, found a damaged one, and .* could not be read"):
        paths.fetch_weights("family/net.onnx", address, sha256)
    monkeypatch.setenv("DFD_WEIGHTS", str(target.parents[1]))
    with pytest.raises(FileNotFoundError, match="found a damaged one"):
        paths.fetch_weights("family/net.onnx", address, sha256)
