"""What a student is told besides the labels."""

import pandas as pd

from dfd_lib.data.crops import read_image
from dfd_lib.experiment import Experiment, Model, Teacher
from dfd_lib.paths import report_dir
from dfd_lib.stages.places import crops_root, run_dir
from dfd_lib.stages.scoring import BATCH, Scorer, as_predictions, in_threads
from dfd_lib.tables import check_predictions, read_table, write_table
from dfd_lib.training.examples import TAUGHT
from dfd_lib.training.runs import read_run


def taught(experiment: Experiment, manifest: pd.DataFrame, settings: Model, seed: int) -> pd.DataFrame:
    """The manifest with what the teacher of a model says of the crops of train, if it has one.

    Where a teacher was trained on folds, each crop was scored by those of its
    runs that had not seen it: such scores are as unsure as they are on new crops,
    which those of a network on its own training crops are not.

    Args:
        experiment: in whose report the teacher's table, or the teachers, lie.
        manifest: with `split` filled.
        settings: of the student.
        seed: of the student; models that teach are those of the same seed.

    Returns:
        The manifest, and a column `TAUGHT`: the mean over models of the mean over seeds.

    Raises:
        FileNotFoundError: the table is not there, or a model is not trained.
        ValueError: a member is not in the table, or no crop of train.
    """
    teacher = settings.teacher
    if teacher is None:
        return manifest
    rows = _of_models(experiment, manifest, teacher.models, seed) if teacher.models else _of_table(experiment, teacher)
    means = rows.groupby(["path", "model"])["p_fake"].mean()
    said = manifest["path"].map(means.groupby("path").mean()).where(manifest["split"] == "train")
    if said.isna().all():
        where = ", ".join(teacher.models or [teacher.table])
        raise ValueError(f"teacher: expected scores of crops of train of {where}, came none. Use a table of folds or of train.")
    return manifest.assign(**{TAUGHT: said})


def _of_table(experiment: Experiment, teacher: Teacher) -> pd.DataFrame:
    """The clean scores of crops by the members in a table of the report."""
    path = report_dir(experiment.name) / teacher.table
    if not path.is_file():
        raise FileNotFoundError(f"teacher: expected the predictions table {path}, found none. Train the teachers first (`dfd report`).")
    rows = check_predictions(read_table(path))
    rows = rows[(rows["level"] == "frame") & (rows["condition"] == "clean")]
    known = list(rows["model"].unique())
    if lost := [name for name in teacher.members or [] if name not in known]:
        raise ValueError(f"teacher.members: expected some of {', '.join(known)}, came {', '.join(lost)}. Correct the names.")
    return rows[rows["model"].isin(teacher.members or known)]


def _of_models(experiment: Experiment, manifest: pd.DataFrame, models: list[str], seed: int) -> pd.DataFrame:
    """The scores of the crops of train by finished runs, kept beside each, so that an interrupted step goes on."""
    rows, root = manifest[manifest["split"] == "train"], crops_root(experiment)
    runs = {model: run_dir(experiment, model, seed) for model in models}
    kept = {model: folder / f"train-{read_run(folder).facts['fingerprint']}.parquet" for model, folder in runs.items()}
    if missing := [model for model, path in kept.items() if not path.is_file()]:
        crops = in_threads(lambda path: read_image(root / path), rows["path"], BATCH)
        for model, p_fake in Scorer(runs)(missing, crops).items():
            write_table(as_predictions(rows, model, seed, "clean", p_fake), kept[model])
    return pd.concat([read_table(path) for path in kept.values()], ignore_index=True)
