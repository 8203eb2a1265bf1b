"""Where the steps of an experiment find and leave things."""

from pathlib import Path

from dfd_lib.experiment import Experiment
from dfd_lib.paths import faces_dir, find_source, project_root, raw_dir, report_dir


def source_dir(experiment: Experiment) -> Path:
    """Where the experiment's media are; the demo's clips need not exist yet."""
    if experiment.data.source == "demo":
        return raw_dir() / f"demo-{experiment.name}"
    return find_source(experiment.data.source, project_root())


def crops_root(experiment: Experiment) -> Path:
    """The folder that the manifest's paths are relative to."""
    return faces_dir(experiment.name) if experiment.faces else source_dir(experiment)


def run_dir(experiment: Experiment, model: str, seed: int) -> Path:
    """Where one training run is kept."""
    return report_dir(experiment.name) / "models" / f"{model}-s{seed}"
