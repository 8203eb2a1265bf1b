"""A training that another experiment has finished: the same recipe, seed, split and crops need not be trained twice."""

import json
import shutil
from pathlib import Path

from dfd_lib.paths import whole
from dfd_lib.tables import read_table, write_table

FILES = ("best.weights.h5", "history.csv")
"""What is taken as it is; predictions and run.json get the other model's name."""


def take_finished(reports: Path, out: Path, key: str, name: str) -> Path | None:
    """Copy a finished run of the same fingerprint, under another name if need be.

    Args:
        reports: the folder of all reports; each keeps its runs under `models/<run>`.
        out: the folder of the run that is wanted.
        key: its fingerprint, see `dfd_lib.training.runs.fingerprint`.
        name: the model's name in the tables.

    Returns:
        The folder it was taken from, which run.json names as `taken_from`; None if
        there is none, or the run that is wanted is there already.
    """
    if (out / "run.json").is_file() and _key(out) == key:
        return None
    found = next((run.parent for run in sorted(reports.glob("*/models/*/run.json")) if run.parent != out and _key(run.parent) == key), None)
    if found is None or not all((found / file).is_file() for file in FILES):
        return None
    for file in FILES:
        with whole(out / file) as beside:
            shutil.copyfile(found / file, beside)
    write_table(read_table(found / "predictions.parquet").assign(model=name), out / "predictions.parquet")
    facts = json.loads((found / "run.json").read_text()) | {"model": name, "taken_from": found.relative_to(reports).as_posix()}
    with whole(out / "run.json") as beside:  # last, as `fit` does
        beside.write_text(json.dumps(facts, indent=2) + "\n")
    return found


def _key(folder: Path) -> str | None:
    return json.loads((folder / "run.json").read_text()).get("fingerprint")
