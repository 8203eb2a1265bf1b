"""Notebooks: parameters are checked before a kernel starts, outputs appear whole, failures raise."""

import json

import nbformat
import pytest

from dfd_lib.notebooks import NotebookError, check_parameters, code_hash, parameters_of, run_notebook


def write_notebook(path, *sources, tagged=True):
    """A notebook whose first cell sets the parameters."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    if tagged:
        cells[0].metadata["tags"] = ["parameters"]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    return path


def outputs(path):
    cells = json.loads(path.read_text())["cells"]
    return "".join(text for cell in cells for output in cell.get("outputs", []) for text in output.get("text", []))


def test_parameters_reach_the_cells_with_their_types(tmp_path):
    notebook = write_notebook(tmp_path / "n.ipynb", "seed = 1\nname = 'a'", "print(repr(seed), repr(name))")
    done = run_notebook(notebook, tmp_path / "made" / "out.ipynb", {"seed": 7})
    assert outputs(done) == "7 'a'\n"


def test_a_failed_run_raises_and_leaves_no_output(tmp_path):
    notebook = write_notebook(tmp_path / "n.ipynb", "seed = 1", "raise KeyError('lost')")
    with pytest.raises(NotebookError, match=r"n\.ipynb, cell 2: KeyError: 'lost'"):
        run_notebook(notebook, tmp_path / "out.ipynb")
    assert not (tmp_path / "out.ipynb").exists()
    assert (tmp_path / "out.failed.ipynb").exists()


@pytest.mark.parametrize(("given", "message"), [("sed", "did you mean 'seed'"), ("zzz", "it has name, seed")])
def test_unknown_parameters_are_refused_with_the_near_miss(tmp_path, given, message):
    notebook = write_notebook(tmp_path / "n.ipynb", "seed = 1\nname = 'a'")
    with pytest.raises(ValueError, match=message):
        run_notebook(notebook, tmp_path / "out.ipynb", {given: 1})
    assert not (tmp_path / "out.ipynb").exists()


def test_an_untagged_parameters_cell_is_refused(tmp_path):
    notebook = write_notebook(tmp_path / "n.ipynb", "seed = 1", tagged=False)
    with pytest.raises(ValueError, match="tagged `parameters`, found none"):
        check_parameters(notebook, {"seed": 2})


def test_only_code_decides_whether_a_notebook_has_changed(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_PROJECT", str(tmp_path))
    (tmp_path / "notebooks").mkdir()
    path = write_notebook(tmp_path / "notebooks" / "n.ipynb", "seed = 1", "print(seed)")
    first = code_hash("n")
    made = nbformat.read(path, 4)  # as saved in JupyterLab: counts, outputs, another parameter, a note
    made.cells[0].source = "seed = 2"
    made.cells[1].execution_count = 7
    made.cells[1].outputs = [nbformat.v4.new_output("stream", text="2")]
    made.cells.append(nbformat.v4.new_markdown_cell("mine"))
    nbformat.write(made, path)
    assert code_hash("n") == first
    write_notebook(path, "seed = 1", "print(seed + 1)")
    assert code_hash("n") != first


def test_a_missing_notebook_names_those_there_are():
    with pytest.raises(ValueError, match="40_train"):
        run_notebook("41_train", "out.ipynb")


def test_parameters_of_the_training_notebook():
    from dfd_lib.paths import notebook

    assert parameters_of(notebook("40_train")) == {"experiment", "model", "seed"}
