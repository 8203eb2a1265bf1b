"""Run one notebook with papermill: refuse unknown parameters, raise on failure."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from dfd_lib.paths import notebook, whole
from dfd_lib.spelling import did_you_mean


class NotebookError(RuntimeError):
    """A notebook stopped with an error; the message names the cell and the error."""


def run_notebook(name: str | Path, out: Path, parameters: dict[str, Any] | None = None) -> Path:
    """Execute a notebook with parameters and keep the executed copy.

    Args:
        name: a name such as `40_train`, or the path of an `.ipynb` file.
        out: where the executed notebook goes; it appears only if every cell
            ran. A failed one is left at `<out>.failed.ipynb` to be read.
        parameters: values for names that its parameters cell sets.

    Returns:
        `out`.

    Raises:
        ValueError: no such notebook, or a parameter that it does not have.
        NotebookError: a cell raised.
    """
    papermill = _papermill()
    path = Path(name) if str(name).endswith(".ipynb") else notebook(str(name))
    check_parameters(path, parameters or {})
    out = Path(out)
    with whole(out) as beside:
        beside.parent.mkdir(parents=True, exist_ok=True)
        try:
            papermill.execute_notebook(path, beside, parameters, progress_bar=False, cwd=path.parent)
        except papermill.PapermillExecutionError as error:
            failed = out.with_suffix(".failed.ipynb")
            beside.replace(failed)
            said = f"{error.ename}: {error.evalue}".rstrip(".")
            raise NotebookError(f"{path.name}, cell {error.cell_index + 1}: {said}; the whole story is in {failed.resolve()}") from None
    out.with_suffix(".failed.ipynb").unlink(missing_ok=True)
    return out


def code_hash(name: str) -> str:
    """A short hash of what a notebook does: its code cells but for the parameters, not its outputs or text.

    Args:
        name: such as `40_train`.
    """
    cells = json.loads(notebook(name).read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code" and "parameters" not in _tags(cell)]
    return hashlib.sha256("\n".join(code).encode()).hexdigest()[:16]


def _papermill() -> Any:
    # jsonschema checks a notebook's form, and would build a grammar of internationalized addresses first, if it could:
    # two seconds for each notebook, and no notebook holds one
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import papermill

    return papermill


def _tags(cell: dict[str, Any]) -> list[str]:
    return cell.get("metadata", {}).get("tags", [])


def parameters_of(path: Path) -> set[str]:
    """The names that a notebook's tagged parameters cell sets."""
    return set(_papermill().inspect_notebook(str(path)))


def check_parameters(path: Path, parameters: dict[str, Any]) -> None:
    """Raise ValueError if the notebook is missing or does not have one of the parameters."""
    if not path.is_file():
        present = sorted(other.stem for other in path.parent.glob("*.ipynb"))
        raise ValueError(f"notebook {path.stem!r}: expected one of {', '.join(present) or 'none here'}")
    cells = json.loads(path.read_text())["cells"]
    if not any("parameters" in _tags(cell) for cell in cells):
        raise ValueError(f"{path.name}: expected one cell tagged `parameters`, found none; tag it (papermill would overrule nothing)")
    known = parameters_of(path)
    for unknown in sorted(set(parameters) - known):
        hint = did_you_mean(unknown, known, f"it has {', '.join(sorted(known))}")
        raise ValueError(f"{path.name}: unknown parameter {unknown!r}; {hint}")
