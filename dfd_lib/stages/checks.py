"""The last words of a step: is it all there, does it leak, what ran."""

from pathlib import Path

from dfd_lib.experiment import Experiment
from dfd_lib.paths import faces_dir, report_dir
from dfd_lib.stages.media import read_manifest
from dfd_lib.stages.places import crops_root
from dfd_lib.stamp import write_stamp
from dfd_lib.tables import read_table


def check_written(folder: Path, *names: str) -> None:
    """Raise FileNotFoundError unless every named file is there and not empty."""
    missing = [name for name in names if not (folder / name).is_file() or not (folder / name).stat().st_size]
    if missing:
        raise FileNotFoundError(f"{folder}: expected {', '.join(missing)}, found nothing. Run the cells above, or `dfd report`.")


def check_leak_free(experiment: Experiment) -> str:
    """Say that the parts share nothing; raise ValueError if they do, unless the data set's own split is to blame.

    An official split wins even where it leaks, so that numbers can be compared with published ones; the report says so.
    """
    audit = read_table(report_dir(experiment.name) / "audit.csv")
    leaks = audit[~audit["ok"].astype(bool)]
    if leaks.empty:
        return "The parts share nothing that the data tells of."
    first = leaks.iloc[0]
    came = f"{first['left']} and {first['right']} share {first['shared']} of {first['check']}, see leaks.csv"
    official = read_table(faces_dir(experiment.name) / "manifest.parquet")["split"]
    if official[official != ""].nunique() < 2:
        raise ValueError(f"split: expected no shared values, {came}. Split by group, or drop the rows that cross.")
    return f"The official split of this data set leaks: {came}."


def stamp(experiment: Experiment) -> dict:
    """Write the report's stamp.json: versions, machine, seeds and hashes."""
    return write_stamp(
        report_dir(experiment.name),
        recipe=experiment.model_dump_json(),
        seeds=list(experiment.seeds),
        manifest=read_manifest(experiment),
        root=crops_root(experiment),
    )
