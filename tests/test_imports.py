"""Who may import whom: the house's arrows point down, and what must start quickly loads nothing heavy."""

import ast
import functools
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import dfd_lib

PACKAGE = Path(dfd_lib.__file__).parent
FILES = {
    ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip("."): file
    for file in sorted(PACKAGE.rglob("*.py"))
}
ROOMS = sorted({name.split(".")[0] for name in FILES} - {""})

# Whatever stands before a colon may import what stands behind it, and itself. A longer name wins over a shorter one.
TABLES = ["paths", "tables", "formats"]
BELOW = {
    "paths": [],
    "formats": [],
    "spelling": [],
    "tables": ["paths"],
    "recipe": [],
    "recipe.settings": [],
    "recipe.mistakes": ["spelling"],
    "recipe.studies": ["recipe.settings"],
    "recipe.ablations": ["recipe.mistakes", "recipe.settings", "spelling"],
    "experiment": ["paths", "recipe.ablations", "recipe.mistakes", "recipe.settings", "recipe.studies", "spelling"],
    "recipe_keys": ["experiment"],
    "stamp": ["paths", "tables"],
    "other_reads": ["experiment", *TABLES],
    "process": ["paths"],
    "notebooks": ["paths", "spelling"],
    "data": ["paths", "process", "spelling", "tables"],
    "models": ["spelling"],
    "models.weights": ["models", "paths"],  # weights are files; the networks themselves know pixels alone
    "models.weight_files": ["models", "paths"],
    "models.mesonet_weights": ["models", "paths"],
    "models.torchvision_weights": ["models", "paths"],
    # judged by clip
    "training.trials": ["training", "models", "data.pixels", "data.groups", "evaluation.aggregate", "experiment", *TABLES],
    "training": [
        *("process", "models", "experiment", "stamp", *TABLES),
        *("data.pixels", "data.augment", "data.blending", "data.sequences", "data.cache", "data.origins"),
    ],
    "evaluation": ["tables", "formats"],
    "figures": TABLES,
    "explain": ["paths"],
    "explain.gradcam": ["explain", "models", "data.pixels", "experiment", *TABLES],
    "detector": [
        "paths",
        "formats",
        *("data.frames", "data.faces", "data.tracks", "data.crops", "data.origins", "data.images", "data.media", "data.magic"),
        "data.sequences",
        *("evaluation.aggregate", "evaluation.rules", "evaluation.calibration", "evaluation.conformal", "explain.occlusion"),
    ],
    "report": ["experiment", "other_reads", "stamp", *TABLES],
    "preflight": ["recipe.ablations", "experiment", "data", "models", "evaluation", "paths", "spelling"],
    "stages": [
        *("recipe.ablations", "experiment", "other_reads", "process", "spelling", "stamp", *TABLES),
        *("data", "models", "training", "evaluation", "explain", "detector", "figures"),
    ],
    "cli": ROOMS,
    "cli.show": ["formats"],
    "cli.keys": ["cli.show", "recipe_keys"],
    "": ROOMS,
}

KERAS = {"tensorflow", "keras", "keras_tuner", "tf_keras", "mtcnn"}
HEAVY = KERAS | {"sklearn", "pandas", "matplotlib", "seaborn", "cv2", "pyarrow", "scipy"}
# where TensorFlow may be named at all, and where even at the top of a module
LOADS_KERAS = ["models", "training", "explain.gradcam", "data.pixels", "data.augment", "data.detectors", "process"]
KERAS_AT_TOP = ["models", "training", "explain.gradcam"]


def is_within(name: str, rooms: list[str]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


@functools.cache
def imports_of(name: str, *, lazy: bool) -> list[tuple[int, str]]:
    """Line and absolute name of what a module imports; with `lazy`, inside functions too. What only type checkers read does not count."""
    todo: list[ast.AST] = [ast.parse(FILES[name].read_text())]
    found = []
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not lazy:
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            todo += node.orelse
            continue
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}, line {node.lineno}: a relative import hides which way the arrow points"
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
        todo += ast.iter_child_nodes(node)
    return found


def ours(imported: str) -> str | None:
    """The module of ours that an imported name is, or lies in."""
    if imported.split(".")[0] != "dfd_lib":
        return None
    parts = imported.split(".")[1:]
    while ".".join(parts) not in FILES:
        parts.pop()
    return ".".join(parts)


def loaded_by(statement: str, among: set[str]) -> list[str]:
    """Which of the packages `among` are loaded in a fresh Python after a statement."""
    code = f"import sys\n{statement}\nprint(*{among!r}.intersection(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return sorted(done.stdout.split())


@pytest.mark.parametrize("name", FILES)
def test_arrows_point_down(name):
    room = max((room for room in BELOW if is_within(name, [room])), key=len, default="")
    assert name == "" or room, f"{name}: a new room; say in BELOW what it may import"
    wrong = [
        f"line {line}: {target}"
        for line, imported in imports_of(name, lazy=True)
        if (target := ours(imported)) and not is_within(target, [*BELOW[room], room])
    ]
    assert not wrong, f"dfd_lib.{name} may import {', '.join(BELOW[room]) or 'nothing of ours'}, but imports {'; '.join(wrong)}"


def test_no_circle_of_imports():
    graph = {name: {target for _, one in imports_of(name, lazy=False) if (target := ours(one)) is not None} - {name} for name in FILES}
    assert "paths" in graph["tables"]
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError and names the circle
    assert order.index("paths") < order.index("tables")


@pytest.mark.parametrize("name", FILES)
def test_tensorflow_lives_in_models_and_training(name):
    allowed = {True: LOADS_KERAS, False: KERAS_AT_TOP}
    wrong = [
        f"line {line}: {imported}"
        for lazy, rooms in allowed.items()
        for line, imported in imports_of(name, lazy=lazy)
        if imported.split(".")[0] in KERAS and not is_within(name, rooms)
    ]
    assert not wrong, f"dfd_lib.{name} names TensorFlow at {'; '.join(wrong)}"


@pytest.mark.parametrize("module", ["dfd_lib", "dfd_lib.cli", "dfd_lib.paths"])
def test_the_command_line_starts_light(module):
    assert loaded_by(f"import {module}", HEAVY) == []


def test_no_room_but_models_and_training_loads_tensorflow():
    modules = [f"dfd_lib.{name}".rstrip(".") for name in FILES if not is_within(name, KERAS_AT_TOP)]
    code = f"""
import importlib, sys
for name in {modules!r}:
    importlib.import_module(name)
    if {KERAS!r} & set(sys.modules):
        sys.exit(f"{{name}} loads TensorFlow")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr.splitlines()[-1]


def test_listing_the_models_names_loads_no_tensorflow():
    assert loaded_by("import dfd_lib; assert 'lenet' in dfd_lib.list_models()", KERAS) == []


def test_serving_loads_no_training_library():
    serving = [name for name in FILES if is_within(name, ["detector", *BELOW["detector"]])]
    assert loaded_by("\n".join(f"import dfd_lib.{name}" for name in serving), KERAS | {"sklearn", "pandas"}) == []


def test_every_public_name_is_there():
    assert "load_experiment" in dfd_lib.__all__
    assert [name for name in dfd_lib.__all__ if not callable(getattr(dfd_lib, name))] == []
    with pytest.raises(AttributeError, match=r"dfd_lib has no 'nothing'; it has .*load_experiment"):
        _ = dfd_lib.nothing


@pytest.mark.parametrize("name", FILES)
def test_modules_keep_the_house_rules(name):
    text = FILES[name].read_text()
    lines = text.count("\n")
    assert lines <= 260, f"dfd_lib.{name} has {lines} lines; divide it by concept"
    checks = [node.lineno for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Assert)]
    assert not checks, f"dfd_lib.{name}, lines {checks}: `assert` goes away under python -O; raise ValueError with what came"
    assert not {"utils", "util", "helpers", "helper", "misc", "common"} & set(name.split("."))
