"""The make targets: documented, refusing what will not do, doing nothing twice, and `clean` losing nothing that was brought."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MAKEFILE = (ROOT / "Makefile").read_text()


def make(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess:
    if shutil.which("make") is None:
        pytest.skip("needs make")
    clean = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PYTHON", "CORES"}}
    return subprocess.run(["make", *arguments], cwd=folder, env=clean, capture_output=True, text=True, check=False)


def targets() -> dict[str, str]:
    return dict(re.findall(r"^([a-z]+):.*?(?:## (.*))?$", MAKEFILE, re.MULTILINE))


def test_every_target_is_documented_and_help_is_the_default():
    assert {"help", "env", "report", "test", "notebooks", "lab", "lint", "bench", "lock", "clean"} <= set(targets())
    assert [name for name, said in targets().items() if not said] == []
    shown = make().stdout
    assert shown == make("help").stdout
    assert [name for name in targets() if f"  make {name}" not in shown] == []


def test_pages_name_no_target_that_is_not_there():
    pages = [ROOT / "CHANGELOG.md", ROOT / "README.md", *ROOT.glob("[a-z]*/README.md")]
    named = {name for page in pages for name in re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(), re.MULTILINE)}
    assert "report" in named
    assert named - set(targets()) == set()


def test_make_takes_the_pythons_that_pyproject_allows():
    low, high = re.search(r"\((3, \d+)\) <= .* <= \((3, \d+)\)", MAKEFILE).groups()
    allowed = SpecifierSet(PROJECT["requires-python"])
    inside = [minor for minor in range(30) if allowed.contains(Version(f"3.{minor}.5"))]
    assert (low, high) == (f"3, {inside[0]}", f"3, {inside[-1]}")
    for minor in inside:
        assert f"python3.{minor}" in MAKEFILE


def test_a_python_that_will_not_do_is_refused_in_one_line(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "requirements.lock"):
        (tmp_path / name).touch()
    refused = make("env", "PYTHON=no-such-python", folder=tmp_path)
    assert refused.returncode == 2
    assert re.match(
        r"make env: expected Python 3\.11, 3\.12 or 3\.13 .*found none among: no-such-python\..*make env PYTHON=", refused.stderr
    )
    assert not (tmp_path / ".venv").exists()


def test_an_environment_is_made_again_only_when_pins_place_or_python_changed(tmp_path):
    place = (tmp_path / "a folder with spaces").resolve()
    (place / ".venv").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", place)
    for name in ("pyproject.toml", "requirements.lock"):
        (place / name).touch()
    (place / ".venv" / ".ready").write_text(f"{place}\n")
    assert "install" not in make("--dry-run", "env", folder=place).stdout
    assert "install" in make("--dry-run", "env", "PYTHON=python3.12", folder=place).stdout
    moved = place.rename(tmp_path / "moved")
    assert "install" in make("--dry-run", "env", folder=moved).stdout
    (moved / ".venv" / ".ready").write_text(f"{moved}\n")
    assert "install" not in make("--dry-run", "env", folder=moved).stdout
    os.utime(moved / "requirements.lock", (2**32, 2**32))
    assert "install" in make("--dry-run", "env", folder=moved).stdout


CLEAN_KEEPS = [
    *("data/README.md", "data/raw/mine/a.mp4", "dfd_lib/a.py", "notebooks/a.ipynb", "tests/a.py"),
    *("reports/demo/experiment.yaml", "reports/kept/experiment.yaml", "reports/kept/metrics.csv", "reports/benchmarks.md"),
]
CLEAN_KEEPS_UNTRACKED = ["reports/mine/experiment.yaml", "reports/demo/test_reads.csv", "reports/kept/test_reads.csv"]
CLEAN_REMOVES = [
    *(
        "data/faces/demo/1.png",
        "data/cache/pixels.npy",
        "dfd_lib/__pycache__/a.pyc",
        ".snakemake/log",
        "notebooks/.ipynb_checkpoints/a.ipynb",
    ),
    *("reports/demo/index.html", "reports/kept/models/a.keras", "reports/kept/new.png", "reports/mine/index.html"),
]


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_clean_keeps_what_was_brought_what_is_tracked_recipes_and_test_reads(tmp_path):
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "core.hooksPath=/dev/null"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    for name in ("Makefile", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path)
    for name in (*CLEAN_KEEPS, *CLEAN_KEEPS_UNTRACKED, *CLEAN_REMOVES):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    git("init", "--quiet")
    git("add", "--force", "Makefile", ".gitignore", *(name for name in CLEAN_KEEPS if "raw" not in name))
    git("commit", "--quiet", "--message", "as it was")
    (tmp_path / "reports/kept/metrics.csv").write_text("changed since")

    assert make("clean", folder=tmp_path).returncode == 0
    assert [name for name in (*CLEAN_KEEPS, *CLEAN_KEEPS_UNTRACKED) if not (tmp_path / name).is_file()] == []
    assert [name for name in CLEAN_REMOVES if (tmp_path / name).exists()] == []
    assert (tmp_path / "reports/kept/metrics.csv").read_text() == "changed since"

    shutil.rmtree(tmp_path / ".git")  # an unpacked archive, where nothing says which reports are somebody's
    (tmp_path / "reports/demo/index.html").write_text("x")
    assert "left as it is" in make("clean", folder=tmp_path).stdout
    assert (tmp_path / "reports/demo/index.html").is_file()
